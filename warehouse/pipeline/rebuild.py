"""The nodes of `warehouse catalog rebuild`: what stands in the bucket tells what the catalog knew of it.

Three sources in branches of their own meet; then each copy is read as the loader reads a raw object, and is
known again if the loader would put it there. Nothing is guessed: what is left out, the next load decides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from threading import Semaphore
from typing import TYPE_CHECKING, Any

from bonobo import use
from warehouse.config import Config
from warehouse.domain import keys
from warehouse.domain.rebuilding import (
    Candidates,
    Claim,
    FoundAs,
    Rebuilding,
    StandingCopy,
    Unknown,
    copy_place,
    raw_place,
)
from warehouse.domain.records import (
    GROUPS,
    Assignment,
    Decided,
    ObjectInfo,
    Outcome,
    RawOther,
)
from warehouse.pipeline.accounted import essential
from warehouse.pipeline.configuration import before_anything_is_decided, read_configuration
from warehouse.pipeline.copies import Beginnings, ReadCopy, found_again, is_documented, read_copy
from warehouse.pipeline.lacking import reason_of
from warehouse.pipeline.sources import Source, Told

if TYPE_CHECKING:
    from warehouse.storage.assignments import Assignments
    from warehouse.storage.catalog_matching import Matching
    from warehouse.storage.raw_listing import RawListing
    from warehouse.storage.rebuilding import NewCatalog
    from warehouse.storage.store import Store


@dataclass(frozen=True, slots=True)
class RawListed:
    """A raw object that may have been copied."""

    info: ObjectInfo
    place: str


@dataclass(frozen=True, slots=True)
class SetListed:
    """An object in one of the sets."""

    info: ObjectInfo


@dataclass(frozen=True, slots=True)
class Found:
    """A row of the catalog to be, and what it is of."""

    outcome: Outcome
    what: FoundAs
    documented: bool = True


@dataclass(frozen=True, slots=True)
class Finished:
    """The last row: all copies were looked at."""

    config: Config


@dataclass(slots=True)
class Heard:
    """What was heard so far: a service. `claims` grows with patients."""

    waits_for: set[Source] = field(default_factory=lambda: {"raw", "sets", "claims"})
    config: Config | None = None
    claims: dict[str, Claim] = field(default_factory=dict)

    def assignments(self) -> Iterator[Assignment]:
        """The assignments that are claimed."""
        return (claim.assignment for claim in self.claims.values())


@use("store", "raw_listing", "new_catalog")
@essential
def list_raw_objects(
    store: Store, raw_listing: RawListing, new_catalog: NewCatalog
) -> Iterator[RawListed | Told]:
    """List every raw prefix, unless there is nothing to be made anew. Raises SettingsError."""
    with before_anything_is_decided("replace the catalog"):
        new_catalog.require_to_be_wanted()
    config = read_configuration(store)
    with before_anything_is_decided("list the raw prefixes"):
        for info in raw_listing.objects(config.raw_prefixes):
            place = raw_place(keys.raw_object(info, config))
            if place is not None:
                yield RawListed(info, place)
    yield Told("raw", config)


@use("store")
@essential
def list_sets(store: Store) -> Iterator[SetListed | Told]:
    """List both sets."""
    with before_anything_is_decided("list the sets"):
        for group in GROUPS:
            for info in store.list(f"{group}/"):
                if info.defect is None:
                    yield SetListed(info)
    yield Told("sets")


@use("store", "claim_of")
def read_claim(
    row: ObjectInfo | Told, store: Store, claim_of: Callable[[str, bytes], Assignment]
) -> Claim | Unknown | Told:
    """Read a claim."""
    if isinstance(row, Told):
        return row
    try:
        return Claim(claim_of(row.key, store.read(row.key, etag=row.etag).data), row)
    except Exception as error:
        return Unknown(reason_of(error))


@use("matching", "heard")
@essential
def match(row: Any, matching: Matching, heard: Heard) -> Iterator[Candidates | Unknown | Finished]:
    """Where the sources meet: keep what they tell, and bring together what may belong together."""
    match row:
        case RawListed():
            matching.add_raw(row.info, row.place)
        case SetListed():
            _keep_standing(row.info, matching)
        case Claim():
            heard.claims[row.assignment.patient] = row
        case Unknown():
            yield row
        case Told():
            heard.waits_for.discard(row.source)
            heard.config = heard.config or row.config
            if not heard.waits_for and heard.config is not None:
                yield from matching.candidates(heard.config)
                yield Finished(heard.config)


@use("store", "assignments", "large_headers")
def recognise(
    row: Any, store: Store, assignments: Assignments, large_headers: Semaphore
) -> Iterator[Found | Unknown | Finished]:
    """Read copies as the loader would read them, and find the raw objects that they are of."""
    if not isinstance(row, Candidates):
        yield row
        return
    beginnings = Beginnings(store, row)
    left = list(row.raws)
    for copy in row.copies:
        try:
            read = read_copy(copy, row.config, store, assignments, large_headers)
            yield from [Unknown(read)] if isinstance(read, str) else _rows_of(copy, read, left, beginnings)
        except Exception as error:
            yield Unknown(reason_of(error))


@use("new_catalog", "heard", "rebuilding")
@essential
def write_catalog(
    row: Found | Unknown | Finished, new_catalog: NewCatalog, heard: Heard, rebuilding: Rebuilding
) -> Iterator[Any]:
    """Gather the rows; once all are there and nothing is lacking, put them in the place of the old ones."""
    match row:
        case Unknown():
            rebuilding.unknown[row.reason] += 1
        case Found():
            rebuilding.found[row.what] += 1
            rebuilding.undocumented += not row.documented
            new_catalog.add(row.outcome)
        case Finished():
            for claim in new_catalog.untold(heard.claims):
                rebuilding.found["claim"] += 1
                new_catalog.add(_claimed(claim, row.config))
            if not rebuilding.unread:
                new_catalog.replace_the_old_one()
                rebuilding.written = True
                rebuilding.published = new_catalog.publish()
    yield from ()


def _rows_of(
    copy: StandingCopy, read: ReadCopy, left: list[ObjectInfo], beginnings: Beginnings
) -> Iterator[Found | Unknown]:
    """A row for each raw object that a copy is of, taken from `left`; else one for the copy alone."""
    documented, first = is_documented(copy), True
    for raw in tuple(left):
        found = read.of(raw)
        if found is not None and beginnings.same_bytes(raw, copy.info):
            left.remove(raw)
            yield Found(found, "raw", documented) if first else Found(found_again(found), "raw")
            first = False
    if first:
        alone = read.of(copy.info)
        yield Unknown("misplaced") if alone is None else Found(found_again(alone), "copy", documented)


def _keep_standing(info: ObjectInfo, matching: Matching) -> None:
    place = copy_place(info.key)
    if place is not None:
        image = keys.standing_image(info.key) is not None
        matching.add_copy(info, place, keys.metadata_key(info.key) if image else None)
    elif keys.standing_metadata(info.key) is not None:
        matching.add_document(info)


def _claimed(claim: Claim, config: Config) -> Outcome:
    """What keeps an assignment known of whose patient nothing else is."""
    raw = RawOther(info=claim.info, config=config, sequence=0, decided=Decided.PRESENT, reason="same-bytes")
    assignment = claim.assignment
    return Outcome(
        raw,
        Decided.PRESENT,
        "same-bytes",
        patient=assignment.patient,
        site=assignment.site or None,
        assignment=assignment,
    )
