"""The judgement of one place: what catalog, store and documents tell of it -> what is wrong with it.

Where a fact has an innocent cause (an uploader who removed a file, a run that was killed, an older loader),
it is no violation; what cannot be proven is said to be unread, and never passed for good.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from warehouse.domain.audit import Overlap
from warehouse.domain.keys import canonical
from warehouse.domain.records import ObjectInfo

RawState = Literal["undecided", "deferred", "quarantined"]

# SOP Instance UID, Patient ID, Study and Series Instance UID (PS3.3 C.12.1, C.7.1.1, C.7.2.1, C.7.3.1).
IDENTITY_TAGS = {
    "00080018": "instance",
    "00100020": "patient",
    "0020000D": "study",
    "0020000E": "series",
}


@dataclass(frozen=True, slots=True)
class Copied:
    """A row of the catalog that tells of a copy. `name` names its raw object without naming a patient.

    `kept` where a document of an older loader was kept beside the image; `doubtful` where its run counted
    fewer rows than there are, and did not number them like this.
    """

    name: str
    size: int
    target: str = field(repr=False)
    target_size: int
    target_etag: str
    identity: Mapping[str, str | None] = field(repr=False)
    image: bool
    kept: bool = False
    doubtful: bool = False


@dataclass(frozen=True, slots=True)
class Recorded:
    """A copy that the catalog tells of: what stands there, the document beside it, and the raw object.

    `same_version` where the raw object is still the one that was copied.
    """

    row: Copied
    copy: ObjectInfo | None = field(repr=False)
    document: ObjectInfo | None = field(repr=False)
    raw: ObjectInfo | None = field(repr=False)
    same_version: bool = False


@dataclass(frozen=True, slots=True)
class Unrecorded:
    """What stands in a set and no row of the catalog tells of.

    `raw` says how far a raw object of its name is; `lost` where a run decided that, and its row is gone;
    `older` where the object stood there before the first run. `identity` is what its key says.
    """

    name: str
    copy: ObjectInfo = field(repr=False)
    document: ObjectInfo | None = field(repr=False)
    image: bool
    identity: Mapping[str, str | None] = field(repr=False)
    raw: RawState | None = None
    lost: bool = False
    older: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """One object, and what is wrong with it: a key of VIOLATIONS. `key` is private."""

    kind: str
    name: str
    key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Remark:
    """So many objects of a kind of REMARKS, which break no promise."""

    kind: str
    count: int = 1


def absent(place: Recorded, *, obstructed: bool) -> str:
    """What is wrong where no copy stands; `obstructed` where something stands there that is no object.

    Without that, the row was invented if there was no raw object either.

    ::

        row        obstructed   raw object   verdict
        doubtful   any          any          row-invented
        sound      yes          any          copy-obstructed
        sound      no           none         row-invented
        sound      no           there        copy-missing
    """
    if place.row.doubtful:
        return "row-invented"
    if obstructed:
        return "copy-obstructed"
    return "row-invented" if place.raw is None else "copy-missing"


def to_compare(place: Recorded, *, deep: bool) -> bool:
    """Whether the bytes of a copy have to be looked at: where it was written again, and if `deep` wherever
    the raw object is still the one that was copied."""
    copy, row = place.copy, place.row
    if copy is None:
        return False
    return (deep and place.same_version) or (copy.size, copy.etag) != (row.size, row.target_etag)


def damage(place: Recorded, same: bool | None) -> str | None:
    """What is wrong with a copy whose bytes were compared (`same`; None where there was nothing to compare).

    ::

        size as copied   same bytes   raw object        verdict
        any              yes          any               -
        no               no, unknown  any               copy-shortened
        yes              no           the one copied    copy-changed
        yes              no, unknown  another, or none  unproven: `no-source`
    """
    assert place.copy is not None
    if same:
        return None
    if place.copy.size != place.row.size:
        return "copy-shortened"
    return "copy-changed" if same is False and place.same_version else "no-source"


def misplaced(document: Mapping[str, str | None], identity: Mapping[str, str | None]) -> str | None:
    """What is wrong with a metadata document, by the identity that it tells and the one of its image.

    >>> misplaced({"instance": "1.2", "patient": " p1"}, {"instance": "1.2", "patient": "P1"})
    >>> misplaced({"instance": "1.3", "patient": "P1"}, {"instance": "1.2", "patient": "P1"})
    'metadata-of-another'
    >>> misplaced({"instance": None}, {"instance": "1.2"})
    'metadata-damaged'
    """
    if not document.get("instance"):
        return "metadata-damaged"
    told = {**document, "patient": canonical(document.get("patient") or "") or None}
    wrong = any(
        expected is not None and told.get(name) != expected
        for name, expected in identity.items()
        if name != "patient" or told["patient"] is not None
    )
    return "metadata-of-another" if wrong else None


def unrecorded(place: Unrecorded) -> str:
    """What it means that no row tells of an object: a kind of VIOLATIONS, or of REMARKS.

    ::

        raw object of its name    stood before the first run   verdict
        decided, its row is gone  any                          row-missing
        undecided or deferred     any                          unrecorded: the next load mends it
        quarantined               any                          left-over
        none of these             yes                          left-over
        none of these             no                           row-missing
    """
    if place.lost:
        return "row-missing"
    if place.raw in ("undecided", "deferred"):
        return "unrecorded"
    return "left-over" if place.older or place.raw is not None else "row-missing"


def contradiction(overlap: Overlap) -> str:
    """What it means that a patient is in both sets: by the folders, or by what says where they belong.

    >>> contradiction(Overlap("patient", "P", ("claims: validation", "keys: training")))
    'assignment-contradicts'
    """
    folders = sum(source.startswith("keys: ") for source in overlap.sources)
    return "patient-in-both-sets" if folders > 1 else "assignment-contradicts"


def is_older(modified: datetime, first: datetime | None) -> bool:
    """Whether an object stood there before the first decision; also where nothing was ever decided."""
    return first is None or modified < first


def as_figures(finding: Finding, *, keys: bool) -> dict[str, Any]:
    """A finding for a program; its key only where it is asked for."""
    shown = {"kind": finding.kind, "object": finding.name}
    return {**shown, "key": finding.key} if keys else shown
