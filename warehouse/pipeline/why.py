"""Gathers what is known of one object: the catalog is asked, raw and the data set are looked at; only read.

What cannot be looked at is a gap in the story, told as such; a catalog that cannot be read ends it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from warehouse.config import Config
from warehouse.domain import keys
from warehouse.domain.decisions import Decision, Expected, Facts, Look, State, current, last_kept
from warehouse.domain.records import Assignment, ObjectInfo, RawClinical, RawImage, RawOther
from warehouse.errors import (
    ConfigurationError,
    DamagedAssignment,
    NotFound,
    Occupied,
    StoreError,
    StoreUnavailable,
    Unaddressable,
)
from warehouse.pipeline.configuration import read_configuration

if TYPE_CHECKING:
    from warehouse.storage.histories import Histories
    from warehouse.storage.store import Store

_WAITS_FOR_A_PATIENT = ("no-clinical-data", "unlisted-site")
_TAKEN = ("conflicting-copy", "same-instance", "same-bytes")

ClaimOf = Callable[[str, bytes], Assignment]


class Inquiry:
    """One look into one bucket; `claim_of` reads the document of an assignment."""

    def __init__(self, store: Store, histories: Histories, claim_of: ClaimOf) -> None:
        self._store = store
        self._histories = histories
        self._claim_of = claim_of

    def facts(self, asked: str) -> Facts | None:
        """All that is known of what was asked for; None where that is nothing.

        `asked` is a raw key, the key of a copy or of its metadata, or the name that logs give an object.
        Raises StoreError where the catalog, or the only place to look, cannot be read.
        """
        name = keys.read_safe_name(asked)
        if name is not None and (key := self._histories.named(name)) is not None:
            return self._of_raw(key, asked)
        target = self._target(asked)
        placed = self._histories.at_place(target) if target is not None else ()
        if placed and placed[0].kept:
            others = [one for one in placed if one.key != placed[0].key]
            return self._of_raw(placed[0].key, asked, others)
        return self._of_raw(asked, asked, placed)

    def _target(self, asked: str) -> str | None:
        """The key of the copy that is asked for, by itself or by its metadata; None where none is."""
        document = keys.standing_metadata(asked)
        if document is not None:
            return self._histories.image_of(document.image)
        known = keys.standing_image(asked) or keys.standing_clinical(asked)
        return asked if known is not None else None

    def _of_raw(self, key: str, asked: str, others: Sequence[Decision] = ()) -> Facts | None:
        decisions = self._histories.of_key(key)
        raw = self._look("raw", key, needed=not decisions)
        if not decisions and not others and raw.info is None:
            return None
        now = current(decisions, raw)
        return Facts(
            key=key,
            asked=asked,
            raw=raw,
            expected=self._expected(key, raw.info),
            decisions=decisions,
            runs=self._histories.runs(sorted({one.run for one in decisions})),
            places=self._places(decisions),
            holder=None if now is None else self._holder(now),
            clinical=self._clinical(now),
            others=others,
        )

    def _expected(self, key: str, info: ObjectInfo | None) -> Expected:
        try:
            config = read_configuration(self._store)
        except (ConfigurationError, StoreError) as error:
            return Expected(problem=str(error))
        if info is None:
            return Expected(listed=_is_listed(key, config), configuration=config.hash)
        kind: str | None = None
        reason: str | None = None
        match keys.raw_object(info, config):
            case RawImage():
                kind = "image"
            case RawClinical():
                kind = "clinical file"
            case RawOther(reason=by_key):
                reason = by_key
        return Expected(kind, reason, _is_listed(key, config), config.hash)

    def _places(self, decisions: Sequence[Decision]) -> list[Look]:
        """Looks at the object's copy and metadata, and at its patient's assignment."""
        found: list[Look] = []
        kept = last_kept(decisions)
        target = _refused_at(decisions) if kept is None else kept.target_key
        if target is not None:
            found.append(self._look("copy", target) if kept is None else self._copy(kept, target))
            if keys.standing_image(target) is not None:
                found.append(self._look("metadata", keys.metadata_key(target)))
        assigned = next((one for one in reversed(decisions) if one.patient), None)
        if assigned is not None and assigned.patient is not None:
            found += self._assignment(decisions, assigned.patient)
        return found

    def _copy(self, kept: Decision, target: str) -> Look:
        look = self._look("copy", target)
        if look.info is None:
            return look
        state: State = "stands"
        if kept.target_size is not None and look.info.size != kept.target_size:
            state = "other size"
        elif kept.target_etag and look.info.etag != kept.target_etag:
            state = "other version"
        return Look("copy", target, state, look.info)

    def _assignment(self, decisions: Sequence[Decision], patient: str) -> list[Look]:
        try:
            key = keys.assignment_key(patient)
        except ValueError:
            return []
        try:
            claim = self._claim_of(key, self._store.read(key).data)
        except Occupied:
            return [Look("assignment", key, "taken")]
        except NotFound:
            return [Look("assignment", key, "gone")]
        except DamagedAssignment as error:
            return [Look("assignment", key, "damaged", said=str(error))]
        except StoreError as error:
            return [_unread("assignment", key, error)]
        groups = {one.group for one in decisions if one.group is not None and one.patient == patient}
        state: State = "other group" if groups - {claim.group} else "stands"
        return [Look("assignment", key, state, said=f"{claim.group}, by rule {claim.rule}")]

    def _holder(self, now: Decision) -> Decision | None:
        """The object that holds what this one was refused for, or whose copy stands for this one's."""
        if now.reason == "study-of-another-patient" and now.study:
            return self._histories.holder_of_study(now.study)
        if now.reason in _TAKEN and (place := now.target_key or now.own_place()):
            return self._histories.holder_of_place(place)
        return None

    def _clinical(self, now: Decision | None) -> Sequence[Decision]:
        """What became of the clinical files that an image waits for."""
        if now is None or now.kind != "image" or now.reason not in _WAITS_FOR_A_PATIENT or not now.patient:
            return ()
        return self._histories.clinical_of(now.patient)

    def _look(self, what: str, key: str, *, needed: bool = False) -> Look:
        """What stands at a key; if `needed`, raises StoreError where that cannot be read."""
        try:
            return Look(what, key, "stands", self._store.head(key))
        except Occupied:
            return Look(what, key, "taken")
        except (NotFound, Unaddressable):
            return Look(what, key, "gone")
        except StoreError as error:
            if needed:
                raise
            return _unread(what, key, error)


def _refused_at(decisions: Sequence[Decision]) -> str | None:
    """Where an object was to be put, where what stands there was the last to keep it from being loaded."""
    last = decisions[-1] if decisions else None
    return last.own_place() if last is not None and last.reason == "occupied" else None


def _unread(what: str, key: str, error: StoreError) -> Look:
    """A gap in the story; but where the bucket itself cannot be used, there is none to tell."""
    if isinstance(error, StoreUnavailable):
        raise error
    return Look(what, key, "unread", said=str(error))


def _is_listed(key: str, config: Config) -> bool:
    return key.startswith(config.raw_prefixes)
