"""A study's row in the tables, from the metadata document whose key is the lowest of the study.

The catalog's row of that document's image says the same, so that either may be read. Documents are read from
their beginning, since their elements stand in the order of their tags.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from pydicom.datadict import tag_for_keyword

from warehouse.domain.cells import storable
from warehouse.domain.keys import MetadataKey
from warehouse.domain.records import ObjectInfo
from warehouse.domain.strict_json import DECODER

HEADER_COLUMNS = (
    "PatientSex",
    "PatientAge",
    "StudyDate",
    "AcquisitionDate",
    "BodyPartExamined",
    "Manufacturer",
    "ManufacturerModelName",
    "Modality",
)

STUDY_COLUMNS: Mapping[str, type] = {
    "Pseudonym": str,
    "group": str,
    "last_modified": date,
    "PatientSex": str,
    "PatientAge": str,
    "StudyDate": str,
    "AcquisitionDate": str,
    "StudyInstanceUID": str,
    "SeriesInstanceUID": str,
    "BodyPartExamined": str,
    "Manufacturer": str,
    "ManufacturerModelName": str,
    "Modality": str,
}

HEADER_TAGS: Mapping[str, str] = {f"{tag_for_keyword(name):08X}": name for name in HEADER_COLUMNS}

_SPACE = re.compile(r"[ \t\n\r]*")
_NAME = re.compile(r'[ \t\n\r]*"([0-9A-Fa-f]{8})"[ \t\n\r]*:[ \t\n\r]*')

Header = Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class StudyFound:
    """A study as a listing shows it: the place and version of its lowest metadata document."""

    place: MetadataKey
    info: ObjectInfo


@dataclass(frozen=True, slots=True)
class Study:
    """A study with what its header says; every value is None where the document could not be read, and
    `unread` is then the reason."""

    found: StudyFound
    header: Header = field(default_factory=dict, repr=False)
    unread: str | None = None


def study_values(study: Study) -> dict[str, Any]:
    """The values of STUDY_COLUMNS, by column. Pseudonym and UIDs are those of the key."""
    place, info = study.found.place, study.found.info
    return {
        **study.header,
        "Pseudonym": place.folder,
        "group": place.group,
        "last_modified": info.last_modified.date(),
        "StudyInstanceUID": place.study,
        "SeriesInstanceUID": place.series,
    }


def read_header(beginning: bytes, *, whole: bool, wanted: Mapping[str, str] = HEADER_TAGS) -> Header | None:
    """What a metadata document (DICOM JSON Model, PS3.18 annex F) says of `wanted`: by tag, the name to give.

    Several values are joined by backslashes. Gives None where `beginning` does not reach far enough; `whole`
    says that there is no more of it. Raises ValueError for what is no such document.
    """
    text = beginning.decode(errors="strict" if whole else "ignore")
    header: dict[str, str | None] = dict.fromkeys(wanted.values())
    try:
        for tag, element in _elements(text.removeprefix("\ufeff"), max(wanted)):
            if tag in wanted:
                header[wanted[tag]] = _text(element)
    except (ValueError, RecursionError):
        if not whole:
            return None
        raise ValueError("no metadata document") from None
    return header


def _elements(text: str, last: str) -> Iterator[tuple[str, Any]]:
    """The members of an object up to the tag `last`. Raises ValueError where the text breaks off."""
    at, sign = _sign(text, 0)
    if sign != "{":
        raise ValueError("no object")
    if _sign(text, at)[1] == "}":
        return
    seen: set[str] = set()
    while True:
        name = _NAME.match(text, at)
        if name is None:
            raise ValueError("no tag")
        if name[1].upper() > last:
            return
        tag = name[1].upper()
        if tag in seen:
            raise ValueError("a tag stands twice")
        seen.add(tag)
        value, at = DECODER.raw_decode(text, name.end())
        yield tag, value
        at, sign = _sign(text, at)
        if sign == "}":
            return
        if sign != ",":
            raise ValueError("no next element")


def _sign(text: str, at: int) -> tuple[int, str]:
    """The next character that is no blank, and the place behind it."""
    blank = _SPACE.match(text, at)
    at = blank.end() if blank else at
    return at + 1, text[at : at + 1]


def _text(element: Any) -> str | None:
    values = element.get("Value") if isinstance(element, dict) else None
    if not isinstance(values, list):
        return None
    parts = ("" if value is None else str(value).strip() for value in values if not isinstance(value, dict))
    return storable("\\".join(parts)) or None
