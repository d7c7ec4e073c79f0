"""What a copy in one of the sets says of itself: read as the loader reads a raw object, by the same code."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from threading import Semaphore
from typing import TYPE_CHECKING, Any

from warehouse.config import Config
from warehouse.domain import clinical, dicom, keys, split
from warehouse.domain.rebuilding import Candidates, StandingCopy
from warehouse.domain.records import (
    GROUPS,
    Copy,
    Decided,
    ImageFacts,
    ObjectInfo,
    Outcome,
    RawClinical,
    RawImage,
)
from warehouse.errors import Archived, Changed, NotFound
from warehouse.pipeline.accounted import outcome
from warehouse.pipeline.placing import same_document
from warehouse.pipeline.reading import ANYBODY, permitted_header, read_clinical

if TYPE_CHECKING:
    from warehouse.storage.assignments import Assignments
    from warehouse.storage.store import Store


# Of objects that may be of one another, so many bytes tell which are: headers hold an instance's UID.
BEGINNING = 16 * 1024


@dataclass(frozen=True, slots=True)
class ReadCopy:
    """What was read of a copy: `of` tells how a raw object would be decided that has its bytes.

    None where the loader would put that raw object elsewhere.
    """

    of: Callable[[ObjectInfo], Outcome | None]


def read_copy(
    copy: StandingCopy, config: Config, store: Store, assignments: Assignments, large_headers: Semaphore
) -> ReadCopy | str:
    """Read a copy; gives a reason where it is not known for what it is. Raises StoreError."""
    if copy.info.archived:
        raise Archived("read", copy.info.key)
    if keys.standing_image(copy.info.key) is not None:
        return _read_image(copy, config, store, assignments, large_headers)
    return _read_clinical_file(copy.info, config, store, assignments)


def is_documented(copy: StandingCopy) -> bool:
    """Whether a copy has the document that it should have beside it; a clinical file has none."""
    return copy.document is not None or keys.standing_image(copy.info.key) is None


def found_again(found: Outcome) -> Outcome:
    """As it is decided where its copy stands already."""
    return replace(found, decided=Decided.PRESENT, reason="same-bytes")


class Beginnings:
    """Tells which objects of one name and size are the same. Where there are many, each is read once, as it
    begins, and only those are compared that begin alike."""

    def __init__(self, store: Store, candidates: Candidates) -> None:
        self._store = store
        self._many = len(candidates.copies) > 1 or len(candidates.raws) > 1
        self._read: dict[str, bytes | None] = {}

    def same_bytes(self, raw: ObjectInfo, copy: ObjectInfo) -> bool:
        """Whether a raw object's bytes are known to be a copy's. Raises StoreError."""
        if self._many and not self._may_be_the_same(raw, copy):
            return False
        try:
            return self._store.same_bytes(raw, copy)
        except (NotFound, Changed, Archived):
            return False

    def _may_be_the_same(self, raw: ObjectInfo, copy: ObjectInfo) -> bool:
        """True also of what cannot be read."""
        one, two = self._beginning(raw), self._beginning(copy)
        return one is None or two is None or one == two

    def _beginning(self, info: ObjectInfo) -> bytes | None:
        if info.key not in self._read:
            try:
                if info.archived:
                    raise Archived("read", info.key)
                data = self._store.read(info.key, length=BEGINNING, etag=info.etag).data
                self._read[info.key] = hashlib.sha256(data).digest()
            except (NotFound, Changed, Archived):
                self._read[info.key] = None
        return self._read[info.key]


def _read_image(
    copy: StandingCopy, config: Config, store: Store, assignments: Assignments, large_headers: Semaphore
) -> ReadCopy | str:
    info, place = copy.info, keys.standing_image(copy.info.key)
    assert place is not None
    with permitted_header(store, info, ANYBODY, large_headers) as header:
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

    return ReadCopy(of)


def _read_clinical_file(
    info: ObjectInfo, config: Config, store: Store, assignments: Assignments
) -> ReadCopy | str:
    place = keys.standing_clinical(info.key)
    assert place is not None
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

    return ReadCopy(of)


def _known_of(raw: ObjectInfo, config: Config) -> Mapping[str, Any]:
    """What a raw object's key tells; that of a copy whose raw object is gone tells of no upload."""
    if raw.key.startswith(tuple(f"{group}/" for group in GROUPS)):
        return {"info": raw, "config": config, "sequence": 0}
    read = keys.raw_object(raw, config)
    return {"info": raw, "config": config, "sequence": 0, "uploader": read.uploader, "date": read.date}


def _loaded(row: Copy, target: ObjectInfo) -> Outcome:
    return outcome(row, Decided.LOADED, target=target)


def _says_something_else(standing: ObjectInfo | None, written: bytes, store: Store) -> bool:
    """Whether a document that stands beside an image is not the one that the loader writes."""
    if standing is None or standing.archived:
        return False
    try:
        return not same_document(store.read(standing.key, etag=standing.etag).data, written)
    except (NotFound, Changed, Archived):
        return False
