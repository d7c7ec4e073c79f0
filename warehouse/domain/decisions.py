"""What is known of one raw object, as facts: what the catalog tells, and what stands where it should.

Facts are gathered elsewhere; what they mean together is told in `warehouse/domain/story.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from warehouse.domain import keys
from warehouse.domain.records import IMAGE_TYPES, Group, ImageType, ObjectInfo

State = Literal["stands", "gone", "other size", "other version", "other group", "damaged", "taken", "unread"]
"""What a look found. `other version`: the recorded size under another ETag; `taken`: something that is no
object, there or on the way there."""

KEPT = ("loaded", "present")

MOST = 20
"""Other objects are named up to so many; that there is one more is known, so that it can be said."""


@dataclass(frozen=True, slots=True)
class Decision:
    """One row of the catalog's `objects`; what the decision did not know is None. Times are aware."""

    key: str
    etag: str
    size: int | None
    kind: str
    uploader: str | None
    upload_date: str | None
    sequence: int
    outcome: str
    reason: str | None
    flags: Sequence[str] | None
    target_key: str | None
    target_etag: str | None
    target_size: int | None
    group: Group | None
    rule: str | None
    site: str | None
    patient: str | None
    folder: str | None
    study: str | None
    series: str | None
    sop: str | None
    type: ImageType | None
    configuration: str | None
    run: str
    time: datetime

    @property
    def kept(self) -> bool:
        """Whether the object's bytes came to stand in one of the sets."""
        return self.outcome in KEPT

    @property
    def name(self) -> str:
        """How logs name the object: without its patient."""
        place = {"clinical": "data", "image": "images"}.get(self.kind, "other")
        return f"{self.uploader}/{self.upload_date or 'undated'}/{place}#{self.run}-{self.sequence}"

    def own_place(self) -> str | None:
        """Where the object itself would stand; None where that was not known when it was decided."""
        name = self.key.rpartition("/")[2]
        if self.group is None or self.folder is None:
            return None
        try:
            if self.kind == "clinical" and self.upload_date is not None:
                status = name[: -len(keys.SUFFIXES["data"])].rpartition("_")[2]
                return keys.clinical_target(self.group, self.folder, status, self.upload_date)
            if self.study is None or self.series is None or self.type not in IMAGE_TYPES:
                return None
            return keys.image_target(self.group, self.type, self.folder, self.study, self.series, name)
        except ValueError:
            return None


@dataclass(frozen=True, slots=True)
class Run:
    """What the catalog tells of a run; one that was killed has no row."""

    run: str
    version: str | None
    exit_code: int | None


@dataclass(frozen=True, slots=True)
class Look:
    """What stands at a key now. `said` is why that could not be read."""

    what: str
    key: str
    state: State
    info: ObjectInfo | None = None
    said: str = ""


@dataclass(frozen=True, slots=True)
class Expected:
    """What a load would make of a raw object by its key alone, under the configuration as it stands.

    `kind` is image, clinical file, or None; `reason` then says why it would be neither. `listed` is whether
    it lies under a raw prefix. Where config.json cannot be used, `problem` says so.
    """

    kind: str | None = None
    reason: str | None = None
    listed: bool = False
    configuration: str | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """All that was gathered about the raw object `key`, of which `asked` is the name that was given.

    `decisions` are all there are, the first first. `places` are looks at its copy, metadata and assignment.
    `holder` is the object that holds what this one was refused for, or whose copy is this one's too.
    `clinical` are the latest decisions on its patient's clinical files, `others` those on other raw objects
    for the same place.
    """

    key: str
    asked: str
    raw: Look
    expected: Expected
    decisions: Sequence[Decision] = ()
    runs: Mapping[str, Run] | None = None
    places: Sequence[Look] = ()
    holder: Decision | None = None
    clinical: Sequence[Decision] = ()
    others: Sequence[Decision] = ()

    @property
    def unread(self) -> bool:
        """Whether something could not be looked at, so that the story has a gap."""
        return any(look.state == "unread" for look in (self.raw, *self.places))

    @property
    def current(self) -> Decision | None:
        """The latest decision on the version that stands in raw; where none stands, the latest of all.

        None where the version that stands was not decided yet.
        """
        return current(self.decisions, self.raw)


def current(decisions: Sequence[Decision], raw: Look) -> Decision | None:
    """See `Facts.current`."""
    if raw.info is not None:
        decisions = [one for one in decisions if one.etag == raw.info.etag]
    return decisions[-1] if decisions else None


def last_kept(decisions: Sequence[Decision]) -> Decision | None:
    """The latest decision by which the object's bytes stand in a set; None where there is none."""
    return next((one for one in reversed(decisions) if one.kept and one.target_key), None)
