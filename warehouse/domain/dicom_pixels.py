"""Tells whether an object goes on to its proper end behind the header: nothing of the pixels is decoded.

Native pixels have the length that their element declares, and no fewer bytes than the image's
dimensions ask for. Encapsulated pixels (PS3.5 A.4) end in their sequence delimiter. What follows parses
to the object's exact end. Every cut inside the pixels is found:

- fragments are walked from the first on, each says where the next begins: all of a small object, and of
  others those that begin within `Limits.at_hand`. The basic offset table says where the last frame begins.
  If the furthest such place is within `Limits.tail` of the object's end, the object is read from there and
  walked exactly;
- otherwise the last `Limits.tail` bytes must hold a sequence delimiter behind which elements parse to
  the exact end. Compressed data that hold those eight bytes by chance just before a cut would pass:
  for random bytes that is one cut in 2**64.

What is looked at hangs on the object alone, never on how much of it happens to be held.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from struct import Struct, unpack_from

from warehouse.domain.dicom_scan import ElementHeader, Extent, Kind, Scanner
from warehouse.domain.dicom_source import WHOLE, Inflated, Limits, Reading, Refused, Source
from warehouse.domain.dicom_tables import ITEM, NATIVE, SEQUENCE_END, SUBSAMPLED, UNDEFINED_LENGTH
from warehouse.domain.dicom_top import TopLevel

_ROWS, _COLUMNS, _FRAMES = 0x00280010, 0x00280011, 0x00280008
_SAMPLES, _BITS, _PHOTOMETRIC = 0x00280002, 0x00280100, 0x00280004


_LAST = frozenset([Kind.END, Kind.TRUNCATED, Kind.UNREADABLE, Kind.TOO_DEEP, Kind.TOO_MANY])
# How many places are tried from the end: what follows the pixels holds few sequences.
_CANDIDATES = 64


@dataclass(frozen=True, slots=True)
class Pixels:
    """The pixel element and how the data set around it is encoded."""

    tag: int
    header: ElementHeader
    scanner: Scanner


def whole(pixels: Pixels, source: Source, top: TopLevel, syntax: str, limits: Limits) -> Reading[None]:
    """Refuse unless the object is whole from its pixels to its end; reads at most one suffix."""
    if pixels.header.length == UNDEFINED_LENGTH:
        tail = yield from _after_fragments(pixels, source, limits)
    else:
        tail = yield from _after_native(pixels, source, top, syntax)
    scanner = _follow(tail, pixels.scanner, limits)
    while (event := scanner.next()).kind is not Kind.END:
        if event.kind is Kind.TOO_DEEP:
            raise Refused("nested-too-deep")
        if event.kind is Kind.TOO_MANY:
            raise Refused("header-too-large")
        if event.kind in (Kind.TRUNCATED, Kind.UNREADABLE):
            raise Refused("truncated")
        if scanner.depth == 0:
            top.note(event.tag)


def _follow(tail: bytes, before: Scanner, limits: Limits) -> Scanner:
    return Scanner(
        tail,
        0,
        implicit=before.implicit,
        little=before.little,
        nesting=limits.nesting,
        elements=limits.elements,
        size=len(tail),
        extent=Extent.ALL,
    )


def _after_native(pixels: Pixels, source: Source, top: TopLevel, syntax: str) -> Reading[bytes]:
    header = pixels.header
    end = header.start + header.length
    if end > source.size:
        raise Refused("truncated")
    native = not syntax or syntax in NATIVE
    if native and header.length < _least_length(top):
        raise Refused("truncated")
    return (yield from source.tail(end))


def _least_length(top: TopLevel) -> int:
    """The bytes that the dimensions ask for (PS3.5 8.1.1), 0 where they are not all told."""
    factors = [top.number(tag) for tag in (_ROWS, _COLUMNS, _BITS)]
    samples, kept = top.number(_SAMPLES) or 1, (1, 1)
    photometric = top.text(_PHOTOMETRIC)
    if photometric in SUBSAMPLED:
        samples, kept = 1, SUBSAMPLED[photometric]
    bits = samples * max(top.number(_FRAMES) or 1, 1)
    for factor in factors:
        bits *= factor or 0
    return (bits * kept[0] // kept[1] + 7) // 8


def _after_fragments(pixels: Pixels, source: Source, limits: Limits) -> Reading[bytes]:
    """Find the end of the fragments and give what follows it."""
    items, start = _Items(pixels.scanner.little), pixels.header.start
    if isinstance(source, Inflated):
        # PS3.5 A.5 knows no encapsulated pixels in a deflated data set: rare enough to hold them all.
        yield from source.ensure(sys.maxsize)
        return (yield from _walked(items, source, start))
    if source.size <= WHOLE * limits.at_hand:
        return (yield from _walked(items, source, start))
    place, ended = yield from _as_far_as_at_hand(items, source, start, limits)
    if ended:
        return (yield from source.tail(place))
    last_frame, suffix = items.last_frame(source, start, place), source.size - limits.tail
    if last_frame <= place and suffix <= place:
        return (yield from _walked(items, source, place))
    tail = yield from source.tail(max(last_frame, suffix))
    if suffix <= last_frame and items.starts(tail):
        return _behind(items, tail)
    # Offset tables are wrong in practice: then, too, the delimiter is searched for.
    return _behind_last_delimiter(tail, pixels.scanner, limits)


def _as_far_as_at_hand(
    items: _Items, source: Source, start: int, limits: Limits
) -> Reading[tuple[int, bool]]:
    """Go from item to item, to the first that is not at hand. Gives what `_Items.step` gives.

    These two always are: the offset table, unless it is too long for one, and the first fragment.
    """
    place, steps = start, 0
    while place + 8 <= source.size:
        if place + 8 > limits.at_hand and (steps >= 2 or place - start > limits.tail):
            break
        yield from source.ensure(place + 8)
        place, ended = items.step(source.data, place)
        if ended:
            return place, True
        steps += 1
    return place, False


def _walked(items: _Items, source: Source, place: int) -> Reading[bytes]:
    """Walk all items from `place` on, where one begins, and give what follows them."""
    place, ended = items.walk(source.data, place)
    if ended:
        return (yield from source.tail(place))
    if place + 8 > source.size:
        raise Refused("truncated")
    return _behind(items, (yield from source.tail(place)))


def _behind(items: _Items, tail: bytes) -> bytes:
    """Give what follows the items that begin where `tail` does."""
    place, ended = items.walk(tail, 0)
    if not ended:
        raise Refused("truncated")
    return tail[place:]


def _behind_last_delimiter(tail: bytes, before: Scanner, limits: Limits) -> bytes:
    delimiter = Struct("<HHL" if before.little else ">HHL").pack(SEQUENCE_END >> 16, SEQUENCE_END & 0xFFFF, 0)
    place = len(tail)
    for _ in range(_CANDIDATES):
        place = tail.rfind(delimiter, 0, place)
        if place < 0:
            break
        following = tail[place + 8 :]
        scanner = _follow(following, before, limits)
        while (kind := scanner.next().kind) not in _LAST:
            pass
        if kind is Kind.END:
            return following
    raise Refused("truncated")


class _Items:
    """Walks the items of encapsulated pixels."""

    def __init__(self, little: bool) -> None:
        order = "<" if little else ">"
        self._head, self._offset = f"{order}HHL", f"{order}L"

    def walk(self, data: bytes, place: int) -> tuple[int, bool]:
        """Go from item to item. Gives where the next begins beyond `data`; or, and True, where they end."""
        ended = False
        while not ended and place + 8 <= len(data):
            place, ended = self.step(data, place)
        return place, ended

    def step(self, data: bytes, place: int) -> tuple[int, bool]:
        """Give where the next item begins; or, and True, where the items end."""
        group, element, length = unpack_from(self._head, data, place)
        tag = group << 16 | element
        if tag == SEQUENCE_END:
            return place + 8, True
        if tag != ITEM or length == UNDEFINED_LENGTH:
            raise Refused("unreadable")
        return place + 8 + length, False

    def starts(self, data: bytes) -> bool:
        """Tell whether an item starts here."""
        return len(data) >= 8 and unpack_from(self._head, data)[:2] == (ITEM >> 16, ITEM & 0xFFFF)

    def last_frame(self, source: Source, start: int, place: int) -> int:
        """Where the basic offset table (PS3.5 A.4) puts the last frame's first item, 0 if it does not.

        The table is the first item, at `start`; it counts where it ends before `place`.
        """
        if start == place:
            return 0
        length = unpack_from(self._head, source.data, start)[2]
        table_end = start + 8 + length
        if length < 8 or table_end >= place:
            return 0
        last = int(table_end + unpack_from(self._offset, source.data, table_end - 4)[0])
        return last if last + 8 <= source.size else 0
