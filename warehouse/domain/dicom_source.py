"""Where the bytes of one object come from: ranges asked of the caller, or a deflate stream over them.

Nothing here does I/O: a source yields the Range that it needs and is sent its bytes. Ranges grow, lie
within the object and never overlap. `Refused` carries a reason code out of any depth.
"""

from __future__ import annotations

import io
import sys
import zlib
from collections.abc import Generator
from dataclasses import dataclass
from typing import Protocol, TypeVar

T = TypeVar("T")

# Behind a deflate stream: a gzip trailer, which some encoders leave, and a byte of padding (PS3.5 A.5).
_TRAILER = 9
# The most that is inflated in one step.
_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Range:
    """The bytes wanted next: `length` of them from offset `start`."""

    start: int
    length: int


# The size of a deflated data set whose end was not seen yet: larger than any.
UNKNOWN = sys.maxsize

# A second request for what follows the pixels of a small object costs more than its pixels.
WHOLE = 3


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on one object, in bytes; `nesting` in levels, `elements` in elements and items of a header.

    `first_read` is the first range, and an object of up to `WHOLE` times that is read at once; `header`
    bounds what precedes the pixels, and what follows them; `inflated` is where a deflate stream is taken
    for a bomb; `at_hand` is how far from the object's start encapsulated pixels are looked at, and up to
    `WHOLE` times that they are in all of it; `tail` is the most that is read to see their end.
    """

    first_read: int = 20 * 1024
    at_hand: int = 20 * 1024
    header: int = 64 * 1024 * 1024
    inflated: int = 128 * 1024 * 1024
    tail: int = 256 * 1024
    nesting: int = 64
    elements: int = 1_000_000


class Refused(Exception):
    """The object ends here, with this reason code."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


Reading = Generator[Range, bytes, T]


class Source(Protocol):
    """Bytes from the start of the object, in `data`; `size` is the whole length once it is known."""

    data: bytes
    size: int

    def ensure(self, end: int) -> Reading[bool]:
        """Extend `data` to hold at least `end` bytes; False if the object ends before."""
        ...

    def tail(self, start: int) -> Reading[bytes]:
        """Give what lies from `start` to the end, at most `Limits.header` bytes; leaves `data` alone."""
        ...


def drained(reading: Reading[T]) -> T:
    """Run a reading over bytes that are all there."""
    try:
        next(reading)
    except StopIteration as done:
        result: T = done.value
        return result
    raise Refused("truncated")


def _fetch(start: int, length: int) -> Reading[bytes]:
    data = yield Range(start, length)
    if len(data) != length:
        raise Refused("truncated")
    return data


class Complete:
    """Bytes that are all there."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.size = len(data)

    def ensure(self, end: int) -> Reading[bool]:
        return end <= self.size
        yield  # a generator that never asks

    def tail(self, start: int) -> Reading[bytes]:
        return self.data[start:]
        yield


class Ranged:
    """An object of `size` bytes, read by growing ranges."""

    def __init__(self, size: int, limits: Limits) -> None:
        self.data = b""
        self.size = size
        self._limits = limits

    def ensure(self, end: int) -> Reading[bool]:
        if end <= len(self.data):
            return True
        if end > self.size:
            return False
        held, first = len(self.data), self._limits.first_read
        if self.size <= WHOLE * first:
            wanted = self.size
        else:
            wanted = max(first, 2 * held, end + min(first, held))
        wanted = min(wanted, self.size, max(end, self._limits.header))
        self.data += yield from _fetch(held, wanted - held)
        return True

    def tail(self, start: int) -> Reading[bytes]:
        held = len(self.data)
        if self.size - start > self._limits.header:
            raise Refused("header-too-large")
        kept = self.data[start:]
        missing = max(start, held)
        if missing == self.size:
            return kept
        return kept + (yield from _fetch(missing, self.size - missing))


class Inflated:
    """A data set behind a raw deflate stream (PS3.5 A.5) that starts at `start` of `source`.

    What lies before the pixels is kept; the pixels are inflated, counted and let go. How much comes out at
    once goes by what was read: what is wrong with the stream may show long before the data set is come to
    that place, or long after. So who refuses the data set has to `finish` the stream first.
    """

    def __init__(self, source: Source, start: int, limits: Limits) -> None:
        self.data = b""
        self.size = UNKNOWN
        self._limits = limits
        self._pending = source.data[start:]
        self._next = len(source.data)
        self._end = source.size
        self._step = max(limits.first_read, 1)
        self._engine = zlib.decompressobj(-zlib.MAX_WBITS)
        self._inflated = 0
        self._sound = True

    def ensure(self, end: int) -> Reading[bool]:
        if len(self.data) < end and self.size == UNKNOWN:
            # Not a list to be joined: for a moment that would be twice as large.
            held = io.BytesIO()
            held.write(self.data)
            most = max(end, self._limits.header)
            while held.tell() < end and self.size == UNKNOWN:
                held.write((yield from self._more(most - held.tell())))
            self.data = held.getvalue()
        return len(self.data) >= end

    def tail(self, start: int) -> Reading[bytes]:
        kept = bytearray(self.data[start:])
        while self.size == UNKNOWN:
            before = self._inflated
            piece = yield from self._more(_PIECE)
            kept += piece[max(start - before, 0) :]
            if len(kept) > self._limits.header:
                raise Refused("header-too-large")
        if start > self.size:
            raise Refused("truncated")
        return bytes(kept)

    def finish(self) -> Reading[None]:
        """Go on to the end of the stream and keep nothing; refuses what is wrong with the stream itself.

        A stream that was refused already is left alone.
        """
        while self.size == UNKNOWN and self._sound:
            yield from self._more(_PIECE)

    def _more(self, most: int) -> Reading[bytes]:
        """Inflate up to `most` bytes more, and no more than a piece; sets `size` at the end of the stream."""
        self._sound = False
        if not self._pending and not self._engine.eof:
            if self._next == self._end:
                raise Refused("truncated")
            length = min(self._step, self._end - self._next)
            self._step = min(self._step * 2, 1 << 23)
            self._pending = yield from _fetch(self._next, length)
            self._next += length
        try:
            # One byte too many, and none behind it: whichever fault comes first in the stream is told.
            most = min(most, _PIECE, self._limits.inflated + 1 - self._inflated)
            piece = self._engine.decompress(self._pending, most)
        except zlib.error:
            raise Refused("unreadable") from None
        self._pending = self._engine.unconsumed_tail
        self._inflated += len(piece)
        if self._inflated > self._limits.inflated:
            raise Refused("inflates-too-far")
        if self._engine.eof:
            self.size = self._inflated
            if len(self._engine.unused_data) + self._end - self._next > _TRAILER:
                raise Refused("unreadable")
        self._sound = True
        return piece
