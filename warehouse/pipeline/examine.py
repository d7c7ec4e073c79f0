"""What has to be read of one place before it can be judged: its bytes, and the document beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from threading import Semaphore
from typing import TYPE_CHECKING, Any, Literal

from bonobo import use
from warehouse.domain import dicom
from warehouse.domain.keys import metadata_key
from warehouse.domain.records import Header, ObjectInfo
from warehouse.domain.verdict import Verdict
from warehouse.domain.verify import (
    IDENTITY_TAGS,
    Finding,
    Recorded,
    Remark,
    Unrecorded,
    absent,
    damage,
    misplaced,
    to_compare,
)
from warehouse.errors import Archived, NotFound, Occupied, Unaddressable
from warehouse.pipeline.lacking import Damaged, reason_of
from warehouse.pipeline.placing import same_document
from warehouse.pipeline.reading import LARGE_HEADER, read_whole_header
from warehouse.pipeline.tables import read_document

if TYPE_CHECKING:
    from warehouse.storage.store import Store


@dataclass(frozen=True, slots=True)
class Damage:
    """A copy that is not what was copied, with digests of what it holds and of its raw object."""

    kind: str
    place: Recorded
    digest: str | None = None
    raw_digest: str | None = None


@dataclass(frozen=True, slots=True)
class Instance:
    """An image that the catalog does not tell of, and which SOP instance it is."""

    instance: str = field(repr=False)
    name: str
    key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Lacking:
    """An object that could not be read, and why."""

    what: str
    reason: str


@dataclass(frozen=True, slots=True)
class Reading:
    """How places are read: a service. `same_stream` compares bytes, whatever checksums say."""

    store: Store
    same_stream: Callable[[ObjectInfo, ObjectInfo], bool]
    digest: Callable[[ObjectInfo], str]
    large_documents: Semaphore


@use("reading", "verdict")
def examine(row: Any, reading: Reading, verdict: Verdict) -> Iterator[Any]:
    """Read what a place needs, and give what is wrong with it; other rows are passed on."""
    match row:
        case Recorded():
            yield from _recorded(row, reading, deep=verdict.deep)
        case Unrecorded():
            if row.image:
                yield from _read("image", _unrecorded(row, reading, deep=verdict.deep))
        case _:
            yield row


def _recorded(place: Recorded, reading: Reading, *, deep: bool) -> Iterator[Any]:
    damaged = None
    for found in _read("copy", _copy(place, reading, deep=deep)):
        damaged = found
        yield found
    if place.row.image and place.copy is not None:
        intact = damaged is None
        yield from _read("metadata document", _document(place, reading, deep=deep and intact))


def _read(what: str, reading: Iterator[Any]) -> Iterator[Any]:
    """What reading gives; what it fails with becomes a row too. Raises what ends the run."""
    try:
        yield from reading
    except Exception as error:
        yield Lacking(what, reason_of(error))


def _copy(place: Recorded, reading: Reading, *, deep: bool) -> Iterator[Finding | Damage]:
    row, copy, raw = place.row, place.copy, place.raw
    if copy is None:
        # A load may have put it there since it was listed.
        found = _look(reading.store, row.target)
        if found != "object":
            yield Finding(absent(place, obstructed=found == "obstacle"), row.name, row.target)
        return
    if not to_compare(place, deep=deep):
        return
    same = None if raw is None else _same_bytes(raw, copy, reading, deep=deep)
    kind = damage(place, same)
    if kind is not None:
        digests = () if raw is None else (reading.digest(copy), reading.digest(raw))
        yield Damage(kind, place, *digests)


def _same_bytes(raw: ObjectInfo, copy: ObjectInfo, reading: Reading, *, deep: bool) -> bool:
    if raw.archived or copy.archived:
        raise Archived("read", copy.key)
    return reading.same_stream(raw, copy) if deep else reading.store.same_bytes(raw, copy)


def _document(place: Recorded, reading: Reading, *, deep: bool) -> Iterator[Finding | Remark]:
    row, document = place.row, place.document
    if document is None:
        found = _look(reading.store, metadata_key(row.target))
        if found != "object":
            missing = found == "nothing"
            yield Finding("metadata-missing" if missing else "metadata-obstructed", row.name, row.target)
        return
    kind: str | None = None
    try:
        told = read_document(reading.store, document, reading.large_documents, IDENTITY_TAGS)
        kind = misplaced(told, row.identity)
    except Damaged:
        kind = "metadata-damaged"
    if kind is not None:
        yield Finding(kind, row.name, row.target)
    elif deep:
        yield from _header(place, document, reading)


def _header(place: Recorded, document: ObjectInfo, reading: Reading) -> Iterator[Finding | Remark]:
    row, copy = place.row, place.copy
    assert copy is not None
    header = read_whole_header(reading.store, copy, reading.large_documents)
    if not isinstance(header, Header):
        # It was an image when it was loaded.
        yield Finding("copy-changed", row.name, row.target)
    elif not _says_the_same(document, header, reading):
        yield Remark("metadata-kept") if row.kept else Finding("metadata-differs", row.name, row.target)


def _says_the_same(document: ObjectInfo, header: Header, reading: Reading) -> bool:
    """Whether a document says what an image's header says, to the last element."""
    made, _ = dicom.metadata(header)
    with reading.large_documents if document.size > LARGE_HEADER else nullcontext():
        return same_document(reading.store.read(document.key, etag=document.etag).data, made)


def _unrecorded(place: Unrecorded, reading: Reading, *, deep: bool) -> Iterator[Any]:
    """Which SOP instance an image is of which no row tells, and whether its document is its own."""
    document, instance, kind = place.document, None, None
    if document is not None:
        try:
            told = read_document(reading.store, document, reading.large_documents, IDENTITY_TAGS)
            instance, kind = told["instance"], misplaced(told, place.identity)
        except Damaged:
            kind = "metadata-damaged"
    if kind is not None:
        yield Finding(kind, place.name, place.copy.key)
    if deep or not instance:
        header = read_whole_header(reading.store, place.copy, reading.large_documents)
        if not isinstance(header, Header):
            yield Remark("unreadable")
            return
        instance = header.sop_uid
        if deep and document is not None and kind is None and not _says_the_same(document, header, reading):
            yield Remark("metadata-kept")
    yield Instance(instance, place.name, place.copy.key)


def _look(store: Store, key: str) -> Literal["object", "obstacle", "nothing"]:
    """What stands at a key; an obstacle is what is no object, there or on the way there."""
    try:
        store.head(key)
    except Occupied:
        return "obstacle"
    except (NotFound, Unaddressable):
        return "nothing"
    return "object"
