"""The nodes of `warehouse catalog rebuild`: what stands in the bucket tells what the catalog knew of it.

Three sources in branches of their own meet; then each copy is read as the loader reads a raw object, and is
known again if the loader would put it there. Nothing is guessed: what is left out, the next load decides.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from threading import Semaphore
from typing import TYPE_CHECKING, Any, Literal

from bonobo import use
from warehouse.config import Config
from warehouse.domain import clinical, dicom, keys, split
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
    Copy,
    Decided,
    ImageFacts,
    ObjectInfo,
    Outcome,
    RawClinical,
    RawImage,
    RawOther,
)
from warehouse.errors import Archived, Changed, NotFound
from warehouse.pipeline.accounted import essential, outcome
from warehouse.pipeline.configuration import before_anything_is_decided, read_configuration
from warehouse.pipeline.lacking import reason_of
from warehouse.pipeline.placing import same_document
from warehouse.pipeline.reading import ANYBODY, read_clinical, read_stored_header

if TYPE_CHECKING:
    from warehouse.storage.assignments import Assignments
    from warehouse.storage.catalog_matching import Matching
    from warehouse.storage.raw_listing import RawListing
    from warehouse.storage.rebuilding import NewCatalog
    from warehouse.storage.store import Store

Source = Literal["raw", "sets", "claims"]

# Of objects that may be of one another, so many bytes tell which are: headers hold an instance's UID.
BEGINNING = 16 * 1024


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
class Told:
    """The last row of a source: all that it tells came before. `config` is what raw was listed by."""

    source: Source
    config: Config | None = None


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


@use("store")
@essential
def list_claims(store: Store) -> Iterator[ObjectInfo | Told]:
    """List the claims of patients."""
    with before_anything_is_decided("list the assignments"):
        yield from store.list(keys.ASSIGNMENTS_PREFIX)
    yield Told("claims")


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
    beginnings = _Beginnings(store, row)
    known: set[str] = set()
    for copy in row.copies:
        try:
            made = _reader_of(copy)(copy, row.config, store, assignments, large_headers)
            if isinstance(made, str):
                yield Unknown(made)
                continue
            first = True
            for raw in row.raws:
                found = None if raw.key in known else made.of(raw)
                if found is not None and beginnings.agree(raw, copy.info) and _same(store, raw, copy.info):
                    known.add(raw.key)
                    yield Found(found if first else _again(found), "raw", copy_is_documented(copy))
                    first = False
            if first:
                alone = made.of(copy.info)
                yield (
                    Unknown("misplaced")
                    if alone is None
                    else Found(_again(alone), "copy", copy_is_documented(copy))
                )
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


def copy_is_documented(copy: StandingCopy) -> bool:
    """Whether a copy has the document that it should have beside it; a clinical file has none."""
    return copy.document is not None or keys.standing_image(copy.info.key) is None


@dataclass(frozen=True, slots=True)
class _Made:
    """What was read of a copy: `of` tells how a raw object would be decided that has its bytes.

    None where the loader would put that raw object elsewhere.
    """

    of: Callable[[ObjectInfo], Outcome | None]


def _keep_standing(info: ObjectInfo, matching: Matching) -> None:
    place = copy_place(info.key)
    if place is not None:
        image = keys.standing_image(info.key) is not None
        matching.add_copy(info, place, keys.metadata_key(info.key) if image else None)
    elif keys.standing_metadata(info.key) is not None:
        matching.add_document(info)


def _reader_of(copy: StandingCopy) -> Callable[..., _Made | str]:
    return _read_image if keys.standing_image(copy.info.key) is not None else _read_clinical_file


def _read_image(
    copy: StandingCopy, config: Config, store: Store, assignments: Assignments, large_headers: Semaphore
) -> _Made | str:
    """Read an image's header, and the document beside it; gives a reason where it is not known for what
    it is."""
    info, place = copy.info, keys.standing_image(copy.info.key)
    assert place is not None
    _require_readable(info)
    with ExitStack() as permit:
        header = read_stored_header(store, info, ANYBODY, lambda: permit.enter_context(large_headers))
        if isinstance(header, dicom.Rejection):
            return header.reason
        assignment = assignments.find(keys.canonical(header.patient_id))
        if assignment is None:
            return "unclaimed"
        target = assignments.place(
            assignment,
            header.patient_id,
            lambda folder: keys.image_target(
                assignment.group, header.type, folder, header.study_uid, header.series_uid, place.file_name
            ),
        )
        if target != info.key:
            return "misplaced"
        document, dropped = dicom.metadata(header)
        kept = _says_something_else(copy.document, document, store)
    image = ImageFacts.of(header, dropped=dropped)

    def of(raw: ObjectInfo) -> Outcome | None:
        row = RawImage(**_known_of(raw, config), file_name=place.file_name)
        flags = ("metadata-kept",) if kept else ()
        return _loaded(Copy(row, info.key, assignment, image=image, flags=flags), info)

    return _Made(of)


def _read_clinical_file(
    copy: StandingCopy, config: Config, store: Store, assignments: Assignments, _: Semaphore
) -> _Made | str:
    """Read a clinical file; gives a reason where it is not known for what it is."""
    info, place = copy.info, keys.standing_clinical(copy.info.key)
    assert place is not None
    _require_readable(info)
    record = read_clinical(store, info)
    if isinstance(record, str):
        return record
    if not clinical.agrees(record, place.folder):
        return "misplaced"
    assignment = assignments.find(keys.canonical(place.folder))
    if assignment is None:
        return "unclaimed"

    def of(raw: ObjectInfo) -> Outcome | None:
        read = keys.raw_object(raw, config)
        identifier = read.pseudonym if isinstance(read, RawClinical) else place.folder
        target = assignments.place(
            assignment,
            identifier,
            lambda folder: keys.clinical_target(assignment.group, folder, place.status, place.date),
        )
        if target != info.key:
            return None
        row = RawClinical(
            **{**_known_of(raw, config), "date": place.date},
            pseudonym=identifier,
            status="data" if place.status == "data" else "status",
        )
        flags = ("site-differs",) if split.disagrees(assignment, record.site, config) else ()
        return _loaded(Copy(row, info.key, assignment, site=record.site, flags=flags), info)

    return _Made(of)


def _known_of(raw: ObjectInfo, config: Config) -> Mapping[str, Any]:
    """What a raw object's key tells; that of a copy whose raw object is gone tells of no upload."""
    if raw.key.startswith(tuple(f"{group}/" for group in GROUPS)):
        return {"info": raw, "config": config, "sequence": 0}
    read = keys.raw_object(raw, config)
    return {"info": raw, "config": config, "sequence": 0, "uploader": read.uploader, "date": read.date}


def _loaded(row: Copy, target: ObjectInfo) -> Outcome:
    return outcome(row, Decided.LOADED, target=target)


def _again(found: Outcome) -> Outcome:
    """As it is decided where its copy stands already."""
    return replace(found, decided=Decided.PRESENT, reason="same-bytes")


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


def _says_something_else(standing: ObjectInfo | None, written: bytes, store: Store) -> bool:
    """Whether a document that stands beside an image is not the one that the loader writes."""
    if standing is None or standing.archived:
        return False
    try:
        return not same_document(store.read(standing.key, etag=standing.etag).data, written)
    except (NotFound, Changed, Archived):
        return False


def _require_readable(info: ObjectInfo) -> None:
    if info.archived:
        raise Archived("read", info.key)


def _same(store: Store, raw: ObjectInfo, copy: ObjectInfo) -> bool:
    """Whether a raw object's bytes are known to be a copy's."""
    try:
        return store.same_bytes(raw, copy)
    except (NotFound, Changed, Archived):
        return False


class _Beginnings:
    """Tells objects of one name and size apart by how they begin, where there are many: each is read once."""

    def __init__(self, store: Store, candidates: Candidates) -> None:
        self._store = store
        self._many = len(candidates.copies) > 1 or len(candidates.raws) > 1
        self._read: dict[str, bytes | None] = {}

    def agree(self, raw: ObjectInfo, copy: ObjectInfo) -> bool:
        """Whether two objects may be of the same bytes; true also of what cannot be read."""
        if not self._many:
            return True
        one, two = self._beginning(raw), self._beginning(copy)
        return one is None or two is None or one == two

    def _beginning(self, info: ObjectInfo) -> bytes | None:
        if info.key not in self._read:
            try:
                _require_readable(info)
                data = self._store.read(info.key, length=BEGINNING, etag=info.etag).data
                self._read[info.key] = hashlib.sha256(data).digest()
            except (NotFound, Changed, Archived):
                self._read[info.key] = None
        return self._read[info.key]
