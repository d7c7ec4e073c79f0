"""The only place where a key is parsed or built. A built key's every part is one validated segment.

A raw key that cannot be placed is decided by its key alone and never read::

    raw-<uploader>/<date>/data/<patient>_data.json      RawClinical (medical data)
    raw-<uploader>/<date>/data/<patient>_status.json    RawClinical (status only)
    raw-<uploader>/<date>/images/<stem>.dcm             RawImage
      right place and suffix, bad name or date          quarantined  invalid-key
      right place, other suffix                         ignored      other-suffix
      a key that ends in "/"                            ignored      folder-marker
      a symbolic link                                   ignored      link
      a name that the store can list but not address    ignored      unaddressable
      everything else                                   ignored      nested
"""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache
from typing import Any, NamedTuple

from warehouse.config import Config
from warehouse.domain.records import (
    GROUPS,
    IMAGE_TYPES,
    Decided,
    Deferral,
    Group,
    ImageType,
    ObjectInfo,
    Raw,
    RawClinical,
    RawImage,
    RawOther,
)

ASSIGNMENTS_PREFIX = "assignments/patients/"
CONFIGURATION_KEY = "config.json"

# Where `warehouse doctor` tries what may be written. Under what is published for the readers of a set, since
# nothing else lists that: neither loads, nor audits, nor rebuilding.
PROBES_PREFIX = "training/catalog/doctor/"

SUFFIXES = {"data": ".json", "images": ".dcm"}

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_IMAGE_STEM = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._ -]{0,127}")
_CLINICAL_STEM = re.compile(r"(?P<pseudonym>.{1,255})_(?P<status>data|status)", re.DOTALL)
_STANDING_CLINICAL = re.compile(r"(data|status)_([0-9]{4}-[0-9]{2}-[0-9]{2})\.json", re.IGNORECASE)
# Separators, control characters, line ends, lone surrogates, and what a decoder leaves for lost bytes.
_UNSAFE = re.compile(r"[/\\\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffd]")


_OWN_PREFIXES = ("assignments/", "catalog/")
_SAFE_NAME = re.compile(
    r"(?P<uploader>[^/#]*)/(?P<date>undated|[0-9]{4}-[0-9]{2}-[0-9]{2})/(?P<place>data|images|other)"
    r"#(?P<run>[^/#]+)-(?P<sequence>[0-9]{1,18})"
)


def is_of_the_warehouse(key: str) -> bool:
    """Whether it is a key of what the warehouse keeps beside raw and the sets, which nobody uploads."""
    return key == CONFIGURATION_KEY or key.startswith(_OWN_PREFIXES)


class SafeName(NamedTuple):
    """What the name of an object that names no patient says; see `safe_name`."""

    uploader: str
    date: str
    place: str
    run: str
    sequence: int


class ClinicalKey(NamedTuple):
    """What the key of a clinical file in the data set says; `date` is ISO, `status` is data or status."""

    group: Group
    folder: str
    status: str
    date: str


class ImageKey(NamedTuple):
    """What the key of an image in the data set says."""

    group: Group
    type: ImageType
    folder: str
    study: str
    series: str
    file_name: str


class MetadataKey(NamedTuple):
    """What the key of a metadata document in the data set says; `image` is its image's key without suffix."""

    group: Group
    type: ImageType
    folder: str
    study: str
    series: str
    image: str


def canonical(identifier: str) -> str:
    """The spelling under which a patient is known: stripped and upper-cased.

    >>> canonical(" Covid1 ")
    'COVID1'
    """
    return identifier.strip().upper()


def safe_segment(text: str) -> bool:
    """Whether `text` can stand as one segment of a key on every store.

    No separator, no control character, neither `.` nor `..`, no blank at either end, at most 255 bytes.
    """
    return (
        text not in ("", ".", "..")
        and text == text.strip()
        and _UNSAFE.search(text) is None
        and len(text.encode()) <= 255
    )


def raw_object(
    info: ObjectInfo,
    config: Config,
    sequence: int = 0,
    earlier: Deferral | None = None,
    *,
    suggested: bool = False,
) -> Raw:
    """Tell what a listed raw object is, from its key and what the listing said of it."""
    segments = info.key.split("/")
    day = segments[1] if len(segments) == 4 and _real_date(segments[1]) else ""
    common: dict[str, Any] = {
        "info": info,
        "config": config,
        "sequence": sequence,
        "uploader": segments[0].removeprefix("raw-"),
        "date": day,
        "earlier": earlier,
        "suggested": suggested,
    }
    ignored = _ignored(info, segments)
    if ignored is not None:
        return RawOther(**common, decided=Decided.IGNORED, reason=ignored)
    kind, name = segments[2], segments[3]
    stem = name[: -len(SUFFIXES[kind])]
    if day and kind == "images" and _IMAGE_STEM.fullmatch(stem):
        return RawImage(**common, file_name=name)
    match = _CLINICAL_STEM.fullmatch(stem) if day and kind == "data" else None
    if match is not None and safe_segment(pseudonym := match["pseudonym"].strip()):
        return RawClinical(
            **common, pseudonym=pseudonym, status="data" if match["status"] == "data" else "status"
        )
    return RawOther(**common, decided=Decided.QUARANTINED, reason="invalid-key")


def _ignored(info: ObjectInfo, segments: list[str]) -> str | None:
    if info.defect is not None:
        return info.defect
    if info.key.endswith("/"):
        return "folder-marker"
    if len(segments) != 4 or segments[2] not in SUFFIXES:
        return "nested"
    if not segments[3].lower().endswith(SUFFIXES[segments[2]]):
        return "other-suffix"
    return None


@lru_cache(maxsize=1024)
def _real_date(text: str) -> bool:
    if not _DATE.fullmatch(text):
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def reading_order(raw: Raw) -> tuple[int, str]:
    """The phase of a raw object and its place in it, before the byte order of the key.

    Phase 0 is decided by the key alone; 1 is clinical, by canonical patient and date; 2 is images, which
    must not be looked at before the last clinical file.
    """
    match raw:
        case RawClinical():
            return 1, f"{canonical(raw.pseudonym)}\x1f{raw.date}"
        case RawImage():
            return 2, ""
        case _:
            return 0, ""


def safe_name(raw: Raw, run: str) -> str:
    """Name an object without naming its patient: `<uploader>/<date>/<data|images>#<run>-<sequence>`."""
    return f"{_safe_place(raw)}#{run}-{raw.sequence}"


def listed_name(raw: Raw) -> str:
    """Name an object that no run has decided: by its place in the listing of its uploader's prefix."""
    return f"{_safe_place(raw)}#{raw.sequence}"


def _safe_place(raw: Raw) -> str:
    place = {RawClinical: "data", RawImage: "images"}.get(type(raw), "other")
    return f"{raw.uploader}/{raw.date or 'undated'}/{place}"


def read_safe_name(text: str) -> SafeName | None:
    """Read a name that `safe_name` built; None for any other text.

    >>> read_safe_name("site/2020-04-01/images#20200601T120000Z-a1b2c3-17").sequence
    17
    """
    match = _SAFE_NAME.fullmatch(text)
    if match is None:
        return None
    return SafeName(
        match["uploader"], match["date"], match["place"], match["run"], sequence=int(match["sequence"])
    )


def _join(*segments: str) -> str:
    for segment in segments:
        if not safe_segment(segment):
            raise ValueError("a part of a key is not one safe segment")
    return "/".join(segments)


def clinical_target(group: Group, folder: str, status: str, day: str) -> str:
    """Where a clinical file goes: `<group>/data/<folder>/<data|status>_<date>.json`."""
    return _join(group, "data", folder, f"{status}_{day}.json")


def clinical_folder(group: Group, folder: str) -> str:
    """The prefix under which a patient's clinical files stand."""
    return _join(group, "data", folder) + "/"


def image_target(group: Group, type: ImageType, folder: str, study: str, series: str, file_name: str) -> str:
    """Where an image goes; the file keeps its raw name exactly."""
    return _join(group, type, folder, study, series, file_name)


def metadata_key(target: str) -> str:
    """Where the metadata of the image at `target` stands.

    >>> metadata_key("training/ct/P/1.2/1.3/X.DCM")
    'training/ct-metadata/P/1.2/1.3/X.json'
    """
    group, type_, *rest = target[: -len(SUFFIXES["images"])].split("/")
    return "/".join((group, f"{type_}-metadata", *rest)) + ".json"


def standing_study(key: str) -> tuple[str, str] | None:
    """The study and the canonical patient of an image's target key; None for any other key."""
    segments = key.split("/")
    if len(segments) != 6 or segments[0] not in GROUPS or segments[1] not in IMAGE_TYPES:
        return None
    return segments[3], canonical(segments[2])


def standing_image(key: str) -> ImageKey | None:
    """Read the key of an image in the data set, every part of which is one safe segment; None for any other.

    >>> standing_image("training/ct/P/1.2/1.3/x.dcm")
    ImageKey(group='training', type='ct', folder='P', study='1.2', series='1.3', file_name='x.dcm')
    """
    segments = key.split("/")
    if len(segments) != 6 or segments[0] not in GROUPS or segments[1] not in IMAGE_TYPES:
        return None
    if not all(map(safe_segment, segments)) or not key.lower().endswith(SUFFIXES["images"]):
        return None
    return ImageKey(segments[0], segments[1], *segments[2:])


def standing_clinical(key: str) -> ClinicalKey | None:
    """Read the key of a clinical file in the data set; None for any other key.

    >>> standing_clinical("training/data/P1/status_2020-04-01.json")
    ClinicalKey(group='training', folder='P1', status='status', date='2020-04-01')
    """
    segments = key.split("/")
    if len(segments) != 4 or segments[0] not in GROUPS or segments[1] != "data":
        return None
    match = _STANDING_CLINICAL.fullmatch(segments[3])
    if match is None or not _real_date(match[2]):
        return None
    return ClinicalKey(segments[0], segments[2], match[1].lower(), match[2])


def standing_metadata(key: str) -> MetadataKey | None:
    """Read the key of a metadata document in the data set; None for any other key.

    >>> standing_metadata("training/ct-metadata/P/1.2/1.3/x.json").image
    'training/ct/P/1.2/1.3/x'
    """
    group, *rest = segments = key.split("/")
    if len(segments) != 6 or group not in GROUPS or not key.endswith(".json"):
        return None
    type_, suffix, more = rest[0].partition("-metadata")
    if type_ not in IMAGE_TYPES or not suffix or more:
        return None
    image = "/".join((group, type_, *rest[1:])).removesuffix(".json")
    return MetadataKey(group, type_, rest[1], rest[2], rest[3], image)


def standing_place(key: str) -> tuple[str, str | None] | None:
    """The canonical patient, and the study where there is one, of whatever stands under a patient's folder in
    one of the sets; None for any other key.

    >>> standing_place("training/ct-metadata/p1/1.2/1.3/x.json"), standing_place("training/data/p1/note.txt")
    (('P1', '1.2'), ('P1', None))
    """
    group, place, *rest = *key.split("/"), "", ""
    type_ = place.removesuffix("-metadata")
    if group not in GROUPS or (place != "data" and type_ not in IMAGE_TYPES) or len(rest) < 4:
        return None
    study = rest[1] if place != "data" and len(rest) > 4 else None
    return canonical(rest[0]), study


def can_be_claimed(patient: str) -> bool:
    """Whether the claim of a canonical patient has a place: capitals and the suffix may make it too long."""
    return safe_segment(f"{patient}.json")


def assignment_key(patient: str) -> str:
    """Where the claim of a canonical patient stands. Raises ValueError unless it can be claimed."""
    return ASSIGNMENTS_PREFIX + _join(f"{patient}.json")


def claimed_patient(key: str) -> str:
    """The canonical patient whose claim would stand at a key under ASSIGNMENTS_PREFIX.

    >>> claimed_patient("assignments/patients/COVID1.json")
    'COVID1'
    """
    return key.removeprefix(ASSIGNMENTS_PREFIX).removesuffix(".json")
