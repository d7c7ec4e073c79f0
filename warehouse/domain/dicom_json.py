"""Writes the DICOM JSON Model (PS3.18 annex F) of a data set, scrubbed, in one pass and bounded memory.

Binary values are null, the VOI LUT (0028,3010) is null, what no JSON can hold is dropped and counted.
What is finished becomes bytes before long, so that no tree of a large header is ever held.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import Any, NamedTuple

import orjson

from warehouse.domain.dicom_runs import PlainElement
from warehouse.domain.dicom_scan import Event, Kind, Scanner
from warehouse.domain.dicom_tables import (
    BITS_ALLOCATED,
    CHARACTER_SET,
    DESCRIPTORS,
    IN_CONTEXT,
    LUT_DATA,
    LUT_DESCRIPTOR,
    OVERLAYS,
    PIXEL_REPRESENTATION,
    VOI_LUT,
    WAVEFORMS,
)
from warehouse.domain.dicom_text import DEFAULT, Encodings, encodings, is_latin
from warehouse.domain.dicom_values import BINARY_VRS, CONVERTERS, REAL_VRS, Json, first_u16

_Entry = orjson.Fragment | dict[str, Any] | None
_Item = orjson.Fragment | dict[str, _Entry]

_EMPTY = {vr: orjson.Fragment(orjson.dumps({"vr": vr})) for vr in (*CONVERTERS, *BINARY_VRS)}
# Not among them: a VR that the dictionary leaves open.
_NULL = {
    vr: orjson.Fragment(orjson.dumps({"vr": vr, "InlineBinary": None})) for vr in BINARY_VRS if len(vr) == 2
}

# Bytes of elements whose values may wait, as objects of many times that size, to become JSON.
_LOOSE = 1 << 17
_VOI_LUT = f"{VOI_LUT:08X}"


class Document(NamedTuple):
    """The JSON text (UTF-8), and how many elements it could not hold."""

    json: bytes
    dropped: int


class _Level:
    """One open data set (`entries`) or sequence (`items`), which inherits what lies above it.

    `latin`: text without code extensions is Latin-1.
    """

    __slots__ = ("bits", "charset", "entries", "items", "latin", "loose", "lut_entries", "signed")

    def __init__(self, above: _Level | None) -> None:
        self.entries: dict[str, _Entry] = {}
        self.items: list[_Item] = []
        self.loose = 0
        self.lut_entries: int | None = None
        self.bits: int | None = None
        if above is None:
            self.charset: Encodings = DEFAULT
            self.latin = True
            self.signed = False
        else:
            self.charset = above.charset
            self.latin = above.latin
            self.signed = above.signed


class _Writer:
    """Takes the scanner's events; levels mirror the scanner's open sequences and items."""

    def __init__(self, scanner: Scanner) -> None:
        self.scanner = scanner
        self.levels = [_Level(None)]
        self.dropped = 0

    def take(self, event: Event) -> None:
        """Account for one event that is not terminal."""
        levels = self.levels
        match event.kind:
            case Kind.VALUE:
                self._value(event)
            case Kind.SEQUENCE | Kind.ITEM:
                levels.append(_Level(levels[-1]))
            case Kind.ITEM_END:
                written = self._written()
                levels.pop()
                levels[-1].items.append(orjson.Fragment(written))
            case Kind.SEQUENCE_END:
                self._sequence(f"{event.tag:08X}", levels.pop().items)
            case Kind.GIVEN_UP:
                del levels[event.start + 1 :]
                self._drop(event.tag)

    def take_plain(self, run: list[PlainElement]) -> None:
        """Account for a run of plain elements of the innermost data set."""
        if run:
            begin, end = run[0][1], run[-1][1] + run[-1][2]
            text = self.scanner.data[begin:end].decode("latin-1")
            self._take_plain(run, text, begin, "\x1b" in text)

    def _take_plain(self, run: list[PlainElement], text: str, begin: int, escapes: bool) -> None:
        """`text` holds the bytes from `begin` on as characters: most values are such text, or in ASCII.

        It has `escapes` where it may switch character sets.
        """
        level, data, little = self.levels[-1], self.scanner.data, self.scanner.little
        entries = level.entries
        as_bytes = escapes or not level.latin
        for attribute, start, length, items in run:
            if length == attribute.size:
                numbers = attribute.number(data, start)
                if attribute.vr in REAL_VRS and not isfinite(numbers[0]):
                    numbers = (None,)
                entries[attribute.name] = {"vr": attribute.vr, "Value": numbers}
                continue
            readable = not (as_bytes and attribute.in_charset)
            if attribute.as_it_stands and readable:
                value = text[start - begin : start - begin + length].rstrip("\0 ")
                if "\\" not in value:
                    vr = attribute.vr
                    entries[attribute.name] = {"vr": vr, "Value": (value,)} if value else _EMPTY[vr]
                    continue
            convert = attribute.convert
            if convert is None:
                if items is not None:
                    found = [self._item(item, text, begin, escapes) for item in items]
                    self._sequence(attribute.name, found)
                elif attribute.vr in _NULL and attribute.tag not in IN_CONTEXT:
                    entries[attribute.name] = (_NULL if length else _EMPTY)[attribute.vr]
                else:
                    self._value(Event(Kind.VALUE, attribute.tag, attribute.vr, start, length))
                    as_bytes = escapes or not level.latin
            elif length:
                of_text = attribute.of_text
                try:
                    if of_text is not None and readable:
                        values = of_text(text[start - begin : start - begin + length])
                    else:
                        values = convert(data[start : start + length], little, level.charset)
                except ValueError:
                    self._drop(attribute.tag)
                else:
                    vr = attribute.vr
                    entries[attribute.name] = {"vr": vr, "Value": values} if values else _EMPTY[vr]
            else:
                entries[attribute.name] = _EMPTY[attribute.vr]
        level.loose += start + length - run[0][1]
        if level.loose > _LOOSE:
            level.loose = 0
            self._pack(entries)

    def _item(self, item: list[PlainElement], text: str, begin: int, escapes: bool) -> dict[str, _Entry]:
        level = _Level(self.levels[-1])
        if item:
            self.levels.append(level)
            self._take_plain(item, text, begin, escapes)
            self.levels.pop()
        return level.entries

    def _sequence(self, name: str, items: Sequence[_Item]) -> None:
        entry: _Entry = None if name == _VOI_LUT else {"vr": "SQ", "Value": items}
        self.levels[-1].entries[name] = entry

    def close(self) -> bytes:
        """The data set as JSON, without the sequences that are still open: they are dropped and counted."""
        while len(self.levels) > 1:
            self.levels.pop()
        return self._written()

    def _pack(self, entries: dict[str, _Entry]) -> None:
        """Write down what still is objects, and drop what no JSON can hold."""
        for name, entry in list(entries.items()):
            if not isinstance(entry, dict):
                continue
            try:
                entries[name] = orjson.Fragment(orjson.dumps(entry))
            except orjson.JSONEncodeError:
                if entry["vr"] == "SQ":
                    self._pack_items(entry)
                else:
                    del entries[name]
                    self.dropped += 1

    def _pack_items(self, sequence: dict[str, Any]) -> None:
        for item in sequence["Value"]:
            if isinstance(item, dict):
                self._pack(item)

    def _written(self) -> bytes:
        entries = self.levels[-1].entries
        try:
            return orjson.dumps(entries)
        except orjson.JSONEncodeError:
            self._pack(entries)
            return orjson.dumps(entries)

    def _drop(self, tag: int) -> None:
        self.levels[-1].entries.pop(f"{tag:08X}", None)
        self.dropped += 1

    def _value(self, event: Event) -> None:
        level = self.levels[-1]
        if event.tag == VOI_LUT:
            level.entries[f"{event.tag:08X}"] = None
            return
        raw = b""
        if event.vr not in BINARY_VRS or event.tag == LUT_DATA:
            raw = self.scanner.data[event.start : event.start + event.length]
            self._remember(level, event.tag, raw)
        try:
            vr = self._vr(level, event)
            entry = _binary(vr, event.length) if vr in BINARY_VRS else self._entry(level, event, raw, vr)
            packed = orjson.Fragment(orjson.dumps(entry))
        except (ValueError, orjson.JSONEncodeError):
            self._drop(event.tag)
        else:
            level.entries[f"{event.tag:08X}"] = packed

    def _remember(self, level: _Level, tag: int, raw: bytes) -> None:
        """Keep what the values of later elements depend on."""
        if tag == CHARACTER_SET:
            level.charset = encodings(raw)
            level.latin = is_latin(level.charset)
        elif tag == PIXEL_REPRESENTATION:
            level.signed = first_u16(raw, self.scanner.little) not in (0, None)
        elif tag == LUT_DESCRIPTOR:
            level.lut_entries = first_u16(raw, self.scanner.little)
        elif tag == BITS_ALLOCATED:
            level.bits = first_u16(raw, self.scanner.little)

    def _vr(self, level: _Level, event: Event) -> str:
        """Settle a VR that the dictionary leaves open, from its context (PS3.6 6, PS3.5 A.1)."""
        tag, vr = event.tag, event.vr
        if vr == "US or SS":
            return "SS" if level.signed else "US"
        if tag == LUT_DATA and vr == "US or OW":
            if level.lut_entries is None:
                raise ValueError("LUT Data without LUT Descriptor")
            return "US" if level.lut_entries == 1 else "OW"
        if vr == "OB or OW" and (tag in OVERLAYS or tag in WAVEFORMS):
            return "OW"
        if vr == "OB or OW" and tag == 0x7FE00010:
            return "OW" if self.scanner.implicit or (level.bits or 8) > 8 else "OB"
        return vr

    def _entry(self, level: _Level, event: Event, raw: bytes, vr: str) -> dict[str, Any]:
        if vr not in CONVERTERS:
            raise ValueError("no such VR")
        charset = DEFAULT if event.tag == CHARACTER_SET else level.charset
        values = CONVERTERS[vr](raw, self.scanner.little, charset)
        if event.tag in DESCRIPTORS and event.vr == "SS" and len(values) > 1:
            values[0] = _unsigned(values[0])
        return {"vr": vr, "Value": values} if values else {"vr": vr}


def _unsigned(value: Json) -> Json:
    return value + (1 << 16) if isinstance(value, int) and value < 0 else value


def _binary(vr: str, length: int) -> dict[str, Any]:
    return {"vr": vr, "InlineBinary": None} if length else {"vr": vr}


def document(scanner: Scanner) -> Document:
    """Write what `scanner` walks to its end, to its stop or to where the bytes end or make no sense.

    Of a data set that breaks off, the sequences that are open at that point are dropped and counted.
    """
    writer = _Writer(scanner)
    while True:
        writer.take_plain(scanner.run())
        event = scanner.next()
        if event.kind in (Kind.NEED, Kind.TRUNCATED, Kind.UNREADABLE, Kind.TOO_DEEP, Kind.TOO_MANY):
            writer.dropped += 1
            break
        if event.kind in (Kind.STOP, Kind.END):
            break
        writer.take(event)
    return Document(writer.close(), writer.dropped)
