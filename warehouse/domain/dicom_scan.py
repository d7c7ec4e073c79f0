"""Walks the structure of a DICOM data set (PS3.5 7) without building a value: bytes in, events out.

The scanner is a resumable machine. It reads a buffer that its driver may extend, and keeps its own stack.
It takes plain elements by the run (`warehouse.domain.dicom_runs`), and everything else a step at a time.
Where an encoder broke the rules inside a sequence of defined length, that sequence is given up and the walk
goes on behind it; anywhere else the data set is unreadable.
"""

from __future__ import annotations

import sys
from enum import Enum, auto
from typing import NamedTuple

from warehouse.domain.dicom_attributes import private_vr, public_vr, reserves
from warehouse.domain.dicom_runs import CREATOR, PlainElement, Runs, looks_implicit
from warehouse.domain.dicom_tables import (
    ITEM,
    ITEM_END,
    LONG_VRS,
    PIXEL_TAGS,
    SEQUENCE_END,
    UNDEFINED_LENGTH,
    VR_NAMES,
)

# How far a damaged element header may claim to reach before its reading counts as implausible.
_PLAUSIBLE = 1 << 20
# A run ends somewhere, so that what is made of it can be written down before the next.
_WINDOW = 1 << 16
# Deeper sequences are read a step at a time: runs are taken by recursion.
_RUN_NESTING = 16


class Kind(Enum):
    """What the scanner met."""

    NEED = auto()  # more bytes, up to `start`, before it can go on
    VALUE = auto()  # an element with a value at start:start+length
    SEQUENCE = auto()
    ITEM = auto()
    ITEM_END = auto()
    SEQUENCE_END = auto()
    GIVEN_UP = auto()  # a broken sequence: forget it and all below it; `start` levels stay open
    STOP = auto()  # the tag that the driver asked to stop at
    END = auto()  # the data set ends on an element's boundary
    TRUNCATED = auto()
    UNREADABLE = auto()
    TOO_DEEP = auto()
    TOO_MANY = auto()


class Event(NamedTuple):
    """One step: `start` and `length` are byte offsets into the buffer; `vr` is resolved, or `??`."""

    kind: Kind
    tag: int = 0
    vr: str = ""
    start: int = 0
    length: int = 0


class Extent(Enum):
    """Where a data set ends, besides at the end of the bytes."""

    FILE_META = auto()  # before the first tag of another group than 0002 (PS3.10 7.1)
    BEFORE_PIXELS = auto()
    ALL = auto()


class ElementHeader(NamedTuple):
    """A data element's tag and VR, where its value starts and the length it declares."""

    tag: int
    vr: str
    start: int
    length: int


_DATA_SET = ElementHeader(0, "", 0, UNDEFINED_LENGTH)
_ITEM, _ITEM_END = Event(Kind.ITEM), Event(Kind.ITEM_END)


class _Holds(Enum):
    """What stands at one level: elements (the data set, an item), items, or fragments."""

    ELEMENTS = auto()
    ITEMS = auto()
    FRAGMENTS = auto()


class _Frame:
    """One open level. `bound` is where its nearest ancestor of defined length ends."""

    __slots__ = ("bound", "creators", "defined", "holds", "implicit", "start", "tag", "vr")

    def __init__(self, holds: _Holds, implicit: bool, bound: int, defined: bool, of: ElementHeader) -> None:
        self.holds = holds
        self.implicit = implicit
        self.bound = bound
        self.defined = defined
        self.tag, self.vr, self.start, _ = of
        self.creators: dict[int, str] = {}


class Scanner(Runs):
    """Step through `data` from `position`: `run()` takes what plain elements come next, `next()` one step.

    After NEED the driver puts more bytes into `data` and calls again; when it has no more it first sets
    `size` to what there is. `size` is the whole length where it is known. `nesting` bounds open sequences,
    `elements` all elements and items: a reader's time and memory go by their number, not by bytes.
    """

    def __init__(
        self,
        data: bytes,
        position: int,
        *,
        implicit: bool,
        little: bool,
        nesting: int,
        elements: int,
        size: int = sys.maxsize,
        extent: Extent = Extent.BEFORE_PIXELS,
    ) -> None:
        super().__init__(data, little=little, elements=elements)
        self.position = position
        self.size = size
        self._nesting = nesting
        self._open_sequences = 0
        self._extent = extent
        self._end_tag = 0x00030000 if extent is Extent.FILE_META else 0xFFFE0000
        self._frames = [_Frame(_Holds.ELEMENTS, implicit, sys.maxsize, False, _DATA_SET)]

    @property
    def depth(self) -> int:
        """How many sequences and items are open; 0 at the top level."""
        return len(self._frames) - 1

    @property
    def implicit(self) -> bool:
        """Whether the innermost open data set has no VRs."""
        return self._frames[-1].implicit

    def run(self) -> list[PlainElement]:
        """Take the plain elements that come next and are held whole; none where `next()` has to look."""
        frame = self._frames[-1]
        found: list[PlainElement] = []
        if frame.holds is not _Holds.ELEMENTS:
            return found
        at = self.position
        # An element takes eight bytes at least, so that no more than are left can stand in the window.
        limit = at + (_WINDOW if self._left > _WINDOW else 8 * self._left)
        if limit > len(self.data):
            limit = len(self.data)
        if limit > frame.bound:
            limit = frame.bound
        nesting = min(self._nesting - self._open_sequences, _RUN_NESTING)
        self.position = self._take(found, at, limit, frame.implicit, frame.creators, nesting, self._end_tag)
        return found

    def next(self) -> Event:
        """Take one step. The terminal kinds (STOP and those after it) repeat for ever."""
        frame = self._frames[-1]
        if frame.defined and self.position == frame.bound:
            return self._close()
        if self.position == self.size and len(self._frames) == 1:
            return Event(Kind.END)
        if self._left == 0:
            return Event(Kind.TOO_MANY)
        if frame.holds is _Holds.ELEMENTS:
            return self._element(frame)
        if frame.holds is _Holds.ITEMS:
            return self._item(frame)
        return self._fragment(frame)

    def pixel_header(self) -> ElementHeader | Event:
        """Read the header of the element that STOP stands before, or say what hinders."""
        frame = self._frames[-1]
        return self._header(frame, self._tag_at(self.position))

    def _lack(self, end: int, frame: _Frame) -> Event | None:
        """Say why the bytes up to `end` cannot be used now, if so."""
        if end <= len(self.data) and end <= frame.bound:
            return None
        if end > frame.bound:
            return self._give_up()
        if end > self.size:
            return Event(Kind.TRUNCATED)
        return Event(Kind.NEED, start=end)

    def _give_up(self) -> Event:
        for index in range(len(self._frames) - 1, 0, -1):
            frame = self._frames[index]
            if frame.defined and frame.holds is _Holds.ITEMS:
                self._open_sequences -= sum(f.holds is _Holds.ITEMS for f in self._frames[index:])
                del self._frames[index:]
                self.position = frame.bound
                return Event(Kind.GIVEN_UP, frame.tag, start=index - 1)
        return Event(Kind.UNREADABLE)

    def _push(self, holds: _Holds, header: ElementHeader, implicit: bool) -> Event | None:
        """Open a level whose content starts at `header.start`; say what hinders instead, if anything."""
        above = self._frames[-1]
        defined = header.length != UNDEFINED_LENGTH
        end = header.start + header.length if defined else above.bound
        if defined and (lack := self._lack(end, above)):
            return lack
        self._frames.append(_Frame(holds, implicit, end, defined, header))
        self._left -= 1
        self.position = header.start
        return None

    def _close(self) -> Event:
        frame = self._frames.pop()
        if frame.holds is _Holds.ITEMS:
            self._open_sequences -= 1
            return Event(Kind.SEQUENCE_END, frame.tag)
        return _ITEM_END

    def _element(self, frame: _Frame) -> Event:
        if lack := self._lack(self.position + 8, frame):
            return lack
        tag = self._tag_at(self.position)
        if len(self._frames) == 1 and self._stops_before(tag):
            return Event(Kind.STOP, tag)
        if tag >> 16 == 0xFFFE:
            return self._item_end(frame, tag)
        header = self._header(frame, tag)
        if isinstance(header, Event):
            return header
        if header.vr == "SQ":
            return self._open_sequence(frame, header)
        if header.length == UNDEFINED_LENGTH:
            return self._push(_Holds.FRAGMENTS, header, frame.implicit) or self.next()
        end = header.start + header.length
        if lack := self._lack(end, frame):
            return lack
        self.position = end
        self._left -= 1
        if reserves(tag) and header.length <= CREATOR:
            frame.creators[tag] = self.data[header.start : end].decode("latin-1").rstrip("\0 ")
        return Event(Kind.VALUE, *header)

    def _stops_before(self, tag: int) -> bool:
        if self._extent is Extent.BEFORE_PIXELS:
            return tag in PIXEL_TAGS
        return self._extent is Extent.FILE_META and tag >> 16 != 2

    def _item_end(self, frame: _Frame, tag: int) -> Event:
        if tag != ITEM_END or frame.defined or len(self._frames) == 1:
            return self._give_up()
        self.position += 8
        return self._close()

    def _open_sequence(self, frame: _Frame, header: ElementHeader) -> Event:
        if self._open_sequences == self._nesting:
            return Event(Kind.TOO_DEEP)
        if hindrance := self._push(_Holds.ITEMS, header, frame.implicit):
            return hindrance
        self._open_sequences += 1
        return Event(Kind.SEQUENCE, *header)

    def _item(self, frame: _Frame) -> Event:
        """Read an item's header, or the delimiter of an undefined length (PS3.5 7.5.1, 7.5.2)."""
        at = self.position
        if lack := self._lack(at + 8, frame):
            return lack
        group, element, length = self._order.item(self.data, at)
        tag = group << 16 | element
        if tag == SEQUENCE_END and not frame.defined:
            self.position = at + 8
            return self._close()
        if tag != ITEM:
            return self._give_up()
        implicit = frame.implicit
        if not implicit and length >= 8:
            if lack := self._lack(at + 14, frame):
                return lack
            # Items of an explicit data set may be implicit (PS3.5 6.2.2), and in practice are.
            implicit = looks_implicit(self.data, at + 8)
        return self._push(_Holds.ELEMENTS, ElementHeader(0, "", at + 8, length), implicit) or _ITEM

    def _fragment(self, frame: _Frame) -> Event:
        """Skip the fragments of an encapsulated value (PS3.5 A.4); give it as one value at its end."""
        while True:
            at = self.position
            if lack := self._lack(at + 8, frame):
                return lack
            tag, length = self._tag_at(at), self._order.long(self.data, at + 4)[0]
            if tag == SEQUENCE_END:
                self._frames.pop()
                self.position = at + 8
                return Event(Kind.VALUE, frame.tag, frame.vr, frame.start, at - frame.start)
            if tag != ITEM or length == UNDEFINED_LENGTH:
                return self._give_up()
            if lack := self._lack(at + 8 + length, frame):
                return lack
            self.position = at + 8 + length

    def _header(self, frame: _Frame, tag: int) -> ElementHeader | Event:
        """Read the element header at `position`, with its VR resolved (PS3.5 7.1)."""
        at = self.position
        if frame.implicit:
            return self._resolved(frame, tag, None, at + 8, self._order.long(self.data, at + 4)[0])
        vr = VR_NAMES.get(self.data[at + 4 : at + 6])
        if vr is None:
            return self._unknown(frame, tag)
        if vr not in LONG_VRS:
            return ElementHeader(tag, vr, at + 8, self._order.short(self.data, at + 6)[0])
        if lack := self._lack(at + 12, frame):
            return lack
        length = self._order.long(self.data, at + 8)[0]
        if vr == "UN":
            return self._resolved(frame, tag, vr, at + 12, length)
        return ElementHeader(tag, vr, at + 12, length)

    def _resolved(
        self, frame: _Frame, tag: int, vr: str | None, start: int, length: int
    ) -> ElementHeader | Event:
        """Find the VR that PS3.5 6.2.2 leaves open: no VR, or UN for an element that is known."""
        if length == UNDEFINED_LENGTH:
            if vr == "UN":
                return ElementHeader(tag, "SQ", start, length)
            if known := public_vr(tag):
                return ElementHeader(tag, known, start, length)
            if lack := self._lack(start + 4, frame):
                return lack
            return ElementHeader(tag, "SQ" if self._tag_at(start) == ITEM else "UN", start, length)
        if tag >> 16 & 1:
            if 0x10 <= tag & 0xFFFF <= 0xFF:
                return ElementHeader(tag, "LO", start, length)
            creator = frame.creators.get(tag & 0xFFFF0000 | (tag >> 8 & 0xFF), "")
            return ElementHeader(tag, private_vr(tag, creator) or "UN", start, length)
        if vr == "UN" and length >= 0xFFFF:
            return ElementHeader(tag, vr, start, length)
        group_length = "UL" if vr is None and not tag & 0xFFFF else "UN"
        return ElementHeader(tag, public_vr(tag) or group_length, start, length)

    def _unknown(self, frame: _Frame, tag: int) -> ElementHeader | Event:
        """Guess how long an element of an explicit data set is whose VR is none of the standard's.

        It may have switched to implicit VR, or have a damaged or a future VR with either length. The
        first reading behind which the data set goes on wins; else pydicom's.
        """
        at = self.position
        if lack := self._lack(at + 8, frame):
            return lack
        raw = self.data[at + 4 : at + 6]
        letters = b"AA" <= raw <= b"ZZ"
        implicit = self._resolved(frame, tag, None, at + 8, self._order.long(self.data, at + 4)[0])
        if isinstance(implicit, Event):
            return implicit
        short = ElementHeader(tag, "??", at + 8, self._order.short(self.data, at + 6)[0])
        candidates = [short] if letters or raw == b"\0\0" else [implicit, short]
        if at + 12 <= min(frame.bound, self.size):
            if lack := self._lack(at + 12, frame):
                return lack
            candidates.append(ElementHeader(tag, "??", at + 12, self._order.long(self.data, at + 8)[0]))
        if implicit not in candidates and not letters:
            candidates.append(implicit)
        for candidate in candidates:
            verdict = self._goes_on(frame, tag, candidate)
            if isinstance(verdict, Event):
                return verdict
            if verdict:
                return candidate
        return short if letters else implicit

    def _goes_on(self, frame: _Frame, tag: int, header: ElementHeader) -> bool | Event:
        """Tell whether something that looks like the next element stands behind this reading."""
        end = header.start + header.length
        if header.length == UNDEFINED_LENGTH:
            return header.vr == "SQ"
        if end in (frame.bound, self.size):
            return True
        if header.length > _PLAUSIBLE or end + 8 > min(frame.bound, self.size):
            return False
        if lack := self._lack(end + 8, frame):
            return lack
        following = self._tag_at(end)
        if following >> 16 == 0xFFFE:
            return len(self._frames) > 1
        known = frame.implicit or self.data[end + 4 : end + 6] in VR_NAMES
        return known and following > tag
