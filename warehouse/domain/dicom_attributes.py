"""Knows the attributes of the dictionaries, and those element headers that leave nothing open (PS3.5 7.1).

Most headers are plain: a tag and one of the standard's VRs, with no bearing on how its neighbours are read.
They are few and come again in every object, so each is understood once.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from struct import Struct, unpack
from typing import Any

from pydicom.datadict import dictionary_VR, private_dictionary_VR

from warehouse.domain.dicom_tables import IN_CONTEXT, LONG_VRS, PIXEL_TAGS, VR_NAMES
from warehouse.domain.dicom_values import (
    AS_IT_STANDS,
    CONVERTERS,
    IN_CHARACTER_SET,
    NUMBERS,
    TEXTS,
    Converter,
    number_format,
)

_NO_NUMBER = Struct("")


class Attribute:
    """A tag and its VR. `name` is the tag as DICOM JSON writes it (PS3.18 F.2.2).

    `long`: the header is of twelve bytes, with a length of four. `reserves`: it is a private creator, which
    reserves a block of private tags (PS3.5 7.8.1). `sequence`: its value is of items. `usual`: none of the
    three. `convert` gives its values; None where there are none to give, or where other elements have a say
    in them. `number` reads the one number of a value of `size` bytes, or -1; `of_text` gives the values of a
    text, `in_charset` where the Specific Character Set applies to it; one without backslashes is told
    `as_it_stands`, but for its padding.
    """

    __slots__ = (
        *(
            "as_it_stands",
            "convert",
            "in_charset",
            "long",
            "name",
            "number",
            "of_text",
            "reserves",
            "sequence",
            "size",
        ),
        *("tag", "usual", "vr"),
    )

    def __init__(self, tag: int, vr: str, *, long: bool, little: bool) -> None:
        self.tag = tag
        self.vr = vr
        self.name = f"{tag:08X}"
        self.long = long
        self.reserves = reserves(tag)
        self.sequence = vr == "SQ"
        self.usual = not (self.long or self.reserves or self.sequence)
        independent = tag not in IN_CONTEXT
        self.convert: Converter | None = CONVERTERS.get(vr) if independent else None
        single = number_format(vr, little) if vr in NUMBERS and independent else None
        self.number: Callable[[bytes, int], tuple[Any, ...]] = (single or _NO_NUMBER).unpack_from
        self.size = single.size if single else -1
        self.of_text = TEXTS.get(vr) if independent else None
        self.in_charset = vr in IN_CHARACTER_SET
        self.as_it_stands = vr in AS_IT_STANDS and independent


Plain = Callable[[bytes], Attribute | None]


def reserves(tag: int) -> bool:
    """Tell whether a tag is a private creator's."""
    return tag & 0x1FF00 == 0x10000 and tag & 0xFF >= 0x10


@lru_cache(maxsize=8192)
def public_vr(tag: int) -> str | None:
    """The VR of a public attribute, which may leave a choice (`US or SS`); None if the tag is not known."""
    try:
        return str(dictionary_VR(tag))
    except KeyError:
        return None


@lru_cache(maxsize=8192)
def private_vr(tag: int, creator: str) -> str | None:
    """The VR of a private attribute in the block of `creator`; None if it is not known."""
    try:
        return str(private_dictionary_VR(tag, creator))
    except KeyError:
        return None


def plain(*, implicit: bool, little: bool) -> Plain:
    """What reads the first bytes of an element header: four of implicit, six of explicit VR.

    It gives the attribute, or None where the header is not plain.
    """
    return _PLAIN[implicit, little]


@lru_cache(maxsize=8192)
def _explicit_little(head: bytes) -> Attribute | None:
    return _explicit(*unpack("<HH2s", head), little=True)


@lru_cache(maxsize=8192)
def _explicit_big(head: bytes) -> Attribute | None:
    return _explicit(*unpack(">HH2s", head), little=False)


@lru_cache(maxsize=8192)
def _implicit_little(head: bytes) -> Attribute | None:
    return _implicit(*unpack("<HH", head), little=True)


@lru_cache(maxsize=8192)
def _implicit_big(head: bytes) -> Attribute | None:
    return _implicit(*unpack(">HH", head), little=False)


_PLAIN: dict[tuple[bool, bool], Plain] = {
    (False, True): _explicit_little,
    (False, False): _explicit_big,
    (True, True): _implicit_little,
    (True, False): _implicit_big,
}


def _explicit(group: int, element: int, code: bytes, *, little: bool) -> Attribute | None:
    tag, vr = group << 16 | element, VR_NAMES.get(code)
    # What UN stands for is resolved by what else stands in the object (PS3.5 6.2.2).
    if vr is None or vr == "UN" or not _is_data(tag):
        return None
    long = vr in LONG_VRS
    return None if long and reserves(tag) else Attribute(tag, vr, long=long, little=little)


def _implicit(group: int, element: int, *, little: bool) -> Attribute | None:
    tag = group << 16 | element
    vr = None if group & 1 else public_vr(tag)
    if vr is None or not _is_data(tag):
        return None
    return Attribute(tag, vr, long=False, little=little)


def _is_data(tag: int) -> bool:
    """Tell whether a tag is neither a delimiter's nor one that some data set ends before."""
    return 0x00020000 <= tag < 0xFFFE0000 and tag not in PIXEL_TAGS
