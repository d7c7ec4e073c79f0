"""Holds the few top-level elements that decide: the identity, the classes, the catalog's columns.

Identities are decoded strictly: what cannot be decoded, or is not text, reads as empty and so fails.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

from pydicom.datadict import tag_for_keyword

from warehouse.domain.dicom_runs import PlainElement
from warehouse.domain.dicom_scan import Event, Kind
from warehouse.domain.dicom_tables import CHARACTER_SET
from warehouse.domain.dicom_text import DEFAULT, Encodings, decode, encodings
from warehouse.domain.dicom_values import CONVERTERS
from warehouse.domain.records import ATTRIBUTE_COLUMNS, Scalar

# SOP Instance, Patient, Study, Series: PS3.3 C.12.1, C.7.1.1, C.7.2.1, C.7.3.1.
IDENTITY_TAGS = frozenset([0x00080018, 0x00100020, 0x0020000D, 0x0020000E])

_COLUMN_TAGS = {name: tag_for_keyword(name) for name in ATTRIBUTE_COLUMNS}
_OTHERS = frozenset(
    [
        CHARACTER_SET,
        0x00020002,  # Media Storage SOP Class UID
        0x00020010,  # Transfer Syntax UID
        0x00080016,  # SOP Class UID
        0x00080060,  # Modality
        0x00280002,  # Samples per Pixel
        0x00280100,  # Bits Allocated
        0x00041220,  # Directory Record Sequence
    ],
)
_WANTED = IDENTITY_TAGS | _OTHERS | frozenset(_COLUMN_TAGS.values())
_LONGEST = 4096  # bytes; no wanted value is longer in an object that means well
_TEXT_VRS = frozenset(["AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "SH", "TM", "UI"])


class _Element(NamedTuple):
    vr: str
    raw: bytes


class TopLevel:
    """The wanted elements of one data set. `seen` are their tags; `repeated`: an identity came twice."""

    def __init__(self, little: bool) -> None:
        self.seen: set[int] = set()
        self.repeated = False
        self._little = little
        self._elements: dict[int, _Element] = {}

    def take(self, event: Event, data: bytes) -> None:
        """Keep a top-level element, if it is wanted. The last of several counts, as in pydicom."""
        if event.tag in _WANTED and event.kind is not Kind.ITEM_END:
            self._keep(
                event.tag, event.vr, event.start, event.length if event.kind is Kind.VALUE else 0, data
            )

    def take_plain(self, run: list[PlainElement], data: bytes) -> None:
        """Keep what of a run of top-level elements is wanted."""
        for attribute, start, length, items in run:
            if attribute.tag in _WANTED:
                self._keep(attribute.tag, attribute.vr, start, length if items is None else 0, data)

    def _keep(self, tag: int, vr: str, start: int, length: int, data: bytes) -> None:
        self.note(tag)
        self._elements[tag] = _Element(vr, data[start : start + length] if length <= _LONGEST else b"")

    def note(self, tag: int) -> None:
        """Remember that `tag` stands behind the pixels too; its value does not count there."""
        self.repeated |= tag in self.seen and tag in IDENTITY_TAGS
        self.seen.add(tag)

    @property
    def charset(self) -> Encodings:
        element = self._elements.get(CHARACTER_SET)
        return encodings(element.raw) if element else DEFAULT

    def text(self, tag: int) -> str:
        """Give a text value without its padding; empty where it is missing, no text, or not decodable."""
        element = self._elements.get(tag)
        if element is None or element.vr not in _TEXT_VRS:
            return ""
        charset = self.charset if element.vr in ("LO", "SH") else DEFAULT
        try:
            text = decode(element.raw, charset).rstrip("\0 ").strip()
        except ValueError:
            return ""
        return "" if "\ufffd" in text else text

    def number(self, tag: int) -> int | None:
        """Give a single integer, of a binary or a text VR; None where there is none."""
        value = self._scalar(tag, int)
        return value if isinstance(value, int) else None

    def attributes(self) -> Mapping[str, Scalar]:
        """Give the catalog's columns. Several values are joined by backslashes; numbers must be single."""
        return {name: self._scalar(_COLUMN_TAGS[name] or 0, kind) for name, kind in ATTRIBUTE_COLUMNS.items()}

    def _scalar(self, tag: int, kind: type[str] | type[int] | type[float]) -> Scalar:
        element = self._elements.get(tag)
        if element is None or element.vr not in CONVERTERS:
            return None
        try:
            values = CONVERTERS[element.vr](element.raw, self._little, self.charset)
        except ValueError:
            return None
        if kind is str:
            return "\\".join("" if value is None else str(value).strip() for value in values) or None
        if len(values) != 1 or not isinstance(values[0], (int, float)):
            return None
        return _number(values[0], kind)


def _number(value: int | float, kind: type[str] | type[int] | type[float]) -> Scalar:
    """Fit a number to its column: 64-bit integers, finite doubles."""
    if kind is float:
        return float(value) if math.isfinite(value) else None
    if isinstance(value, float) and not value.is_integer():
        return None
    number = int(value)
    return number if -(1 << 63) <= number < 1 << 63 else None
