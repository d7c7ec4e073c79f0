"""Turns one element's bytes into its DICOM JSON value (PS3.18 F.2.2, F.2.3): one table, VR to converter.

Equal to pydicom's `to_json_dict` wherever that converts; ValueError where nothing faithful can be said.
NaN and infinities, which JSON lacks, become null; binary values are told by `None` in place of a list.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import isfinite
from struct import Struct, unpack_from

from warehouse.domain.dicom_text import Encodings, decode

Json = None | str | int | float | dict[str, str]
Converter = Callable[[bytes, bool, Encodings], list[Json]]

# An element of more values would be hundreds of times its size in memory; no attribute asks for so many.
MAXIMUM_VALUES = 1_000_000
_MAXIMUM_NAMES = 100_000  # each is a dictionary
# A longer text would be up to thirty times its size in memory while it is decoded.
MAXIMUM_TEXT = 4 * 1024 * 1024

_JSON_INTEGERS = range(-(1 << 63), 1 << 64)
_GROUPS = ("Alphabetic", "Ideographic", "Phonetic")


def _values(items: list[str]) -> list[Json]:
    """A single empty value is no value; an empty one among several stays."""
    return [] if items == [""] else list(items)


def _plain(text: str) -> list[Json]:
    text = text.rstrip(" \0")
    if "\\" in text:
        return [*text.split("\\")]
    return [text] if text else []


def _title(text: str) -> list[Json]:
    return _values([part.strip() for part in text.split("\\")])


def _uid(text: str) -> list[Json]:
    return _values([part.strip() for part in text.rstrip("\0 ").split("\\")])


def _text(text: str) -> list[Json]:
    if "\\" in text:
        return [part.rstrip("\0 ") for part in text.split("\\")]
    text = text.rstrip("\0 ")
    return [text] if text else []


def _long_text(text: str) -> list[Json]:
    text = text.rstrip("\0 ")
    return [text] if text else []


def _link(text: str) -> list[Json]:
    text = text.rstrip()
    return [text] if text else []


def _padded_names(text: str) -> list[Json]:
    return _names(text.rstrip("\0 "))


def _names(text: str) -> list[Json]:
    """PS3.5 6.2.1: up to three component groups, parted by `=`."""
    names = [name.rstrip("=") for name in text.split("\\")]
    if names == [""]:
        return []
    if "" in names:
        raise ValueError("an empty name among several")
    return [
        dict(zip(_GROUPS, name.split("="), strict=False)) if "=" in name else {_GROUPS[0]: name}
        for name in names
    ]


def _finite(number: float) -> float | None:
    return number if isfinite(number) else None


def _decimal(text: str) -> list[Json]:
    text = text.strip().rstrip(" \0")
    if not text:
        return []
    if "\\" in text:
        return [_finite(float(part.rstrip(" \0"))) for part in text.split("\\")]
    number = float(text)
    return [number if isfinite(number) else None]


def _whole(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        decimal = float(text)
        if not decimal.is_integer():
            raise
        number = int(decimal)
    if number not in _JSON_INTEGERS:
        raise ValueError("an integer beyond 64 bits")
    return number


def _integer(text: str) -> list[Json]:
    text = text.rstrip(" \0")
    return [_whole(part) for part in text.split("\\")] if text else []


def _tags(raw: bytes, little: bool, charset: Encodings) -> list[Json]:
    count = len(raw) // 4
    if count > MAXIMUM_VALUES:
        raise ValueError("more values than any attribute has")
    if count == 1 and len(raw) != 4:
        raise ValueError("a tag takes four bytes")
    order = "<" if little else ">"
    parts = unpack_from(f"{order}{count * 2}H", raw)
    return [f"{parts[i]:04X}{parts[i + 1]:04X}" for i in range(0, count * 2, 2)]


# PS3.5 6.2: VRs of numbers of a fixed size, as `struct` names these.
NUMBERS: Mapping[str, str] = {
    "FD": "d",
    "FL": "f",
    "SL": "l",
    "SS": "h",
    "SV": "q",
    "UL": "L",
    "US": "H",
    "UV": "Q",
}
REAL_VRS = frozenset(["FD", "FL"])


def number_format(vr: str, little: bool) -> Struct:
    """What reads one number of a VR of NUMBERS."""
    return Struct(f"{'<' if little else '>'}{NUMBERS[vr]}")


def _numbers(vr: str) -> Converter:
    orders = {little: number_format(vr, little) for little in (True, False)}
    size, real = orders[True].size, vr in REAL_VRS

    def convert(raw: bytes, little: bool, charset: Encodings) -> list[Json]:
        if len(raw) % size:
            raise ValueError("the length is no multiple of the value's size")
        if len(raw) // size > MAXIMUM_VALUES:
            raise ValueError("more values than any attribute has")
        values = [value for (value,) in orders[little].iter_unpack(raw)]
        return [_finite(value) for value in values] if real else values

    return convert


BINARY_VRS = frozenset(
    ["OB", "OD", "OF", "OL", "OV", "OW", "UN", "OB or OW", "US or OW", "US or SS or OW"],
)

TEXTS: Mapping[str, Callable[[str], list[Json]]] = {
    "AE": _title,
    "AS": _plain,
    "CS": _plain,
    "DA": _plain,
    "DS": _decimal,
    "DT": _plain,
    "IS": _integer,
    "LO": _text,
    "LT": _long_text,
    "PN": _padded_names,
    "SH": _text,
    "ST": _long_text,
    "TM": _plain,
    "UC": _text,
    "UI": _uid,
    "UR": _link,
    "UT": _long_text,
}
# A single text of these is told as it stands, but for its padding.
AS_IT_STANDS = frozenset(vr for vr, convert in TEXTS.items() if convert in (_plain, _text, _long_text))
# PS3.5 6.1.2.2: the Specific Character Set applies to these, and all others are of the default repertoire.
IN_CHARACTER_SET = frozenset(["LO", "LT", "PN", "SH", "ST", "UC", "UT"])


# These hold one value, in which a backslash is a character (PS3.5 6.2).
_SINGLE = frozenset(["LT", "ST", "UR", "UT"])


def _texts(vr: str) -> Converter:
    convert, in_character_set, single = TEXTS[vr], vr in IN_CHARACTER_SET, vr in _SINGLE
    padding, most = b"", MAXIMUM_VALUES
    if vr == "PN":  # its padding is looked for in the bytes: an escape sequence may stand behind a NUL
        convert, padding, most = _names, b"\0 ", _MAXIMUM_NAMES

    def convert_bytes(raw: bytes, little: bool, charset: Encodings) -> list[Json]:
        if len(raw) > MAXIMUM_TEXT:
            raise ValueError("a longer text than is decoded")
        if not single and raw.count(b"\\") >= most:
            raise ValueError("more values than any attribute has")
        if padding:
            raw = raw.rstrip(padding)
        return convert(decode(raw, charset) if in_character_set else raw.decode("latin-1"))

    return convert_bytes


CONVERTERS: Mapping[str, Converter] = {
    "AT": _tags,
    **{vr: _texts(vr) for vr in TEXTS},
    **{vr: _numbers(vr) for vr in NUMBERS},
}

_U16 = {True: Struct("<H").unpack_from, False: Struct(">H").unpack_from}


def first_u16(raw: bytes, little: bool) -> int | None:
    """The first unsigned 16-bit number of a value, if there is one."""
    return int(_U16[little](raw)[0]) if len(raw) >= 2 else None
