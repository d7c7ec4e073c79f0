"""What stands between two nodes: a bounded channel of rows, and barriers that travel with them.

A channel holds every row until its reader takes it; no writer keeps rows back to send them together.
What makes hand-offs cheap is that a waiting side is woken once, and then finds a run of rows, or of
room. Every wait ends: by a row, by room, by the end of the inputs, or by a cancellation.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from threading import Condition, Lock

from bonobo.constants import Row

ROWS_PER_EDGE = 128


class Cancelled(BaseException):
    """The run was cancelled: unwind. Never leaves the engine; no `except Exception` of a node meets it."""


class Closed(BaseException):
    """Every input ended and every row was read. Never leaves the engine."""


class Barrier:
    """One barrier: the nodes that have still to process everything before it."""

    def __init__(self, downstream: Iterable[int]) -> None:
        self._awaited = set(downstream)
        self._changed = Condition()
        self._cancelled = False

    def acknowledge(self, node: int) -> None:
        """Count a node as done with everything before the barrier; doing so twice is no harm."""
        with self._changed:
            self._awaited.discard(node)
            if not self._awaited:
                self._changed.notify_all()

    def cancel(self) -> None:
        """Wake whoever waits."""
        with self._changed:
            self._cancelled = True
            self._changed.notify_all()

    def wait(self) -> None:
        """Wait until no node is awaited. Raises Cancelled."""
        with self._changed:
            while self._awaited and not self._cancelled:
                self._changed.wait()
            if self._cancelled:
                raise Cancelled


class Channel:
    """The rows on their way into one node, in the order of their arrival, from any number of inputs.

    `inputs` are the indexes of the nodes that write; `rows_per_edge` rows for each of them fit in.
    Barriers take no room. Many threads may write, one at a time may read.
    """

    def __init__(self, inputs: Iterable[int], rows_per_edge: int = ROWS_PER_EDGE) -> None:
        self._open = set(inputs)
        self._capacity = rows_per_edge * len(self._open)
        # A writer that waits is woken when the channel is half empty, not at each row that is read.
        self._low = self._capacity // 2
        self._items: deque[Row | Barrier] = deque()
        self._arriving: dict[Barrier, set[int]] = {}
        self._lock = Lock()
        self._readable = Condition(self._lock)
        self._writable = Condition(self._lock)
        self._reader_waits = False
        self._writer_waits = False
        self._cancelled = False

    def put(self, row: Row) -> None:
        """Write a row, waiting for room. Raises Cancelled."""
        with self._lock:
            while len(self._items) >= self._capacity and not self._cancelled:
                self._writer_waits = True
                self._writable.wait()
            if self._cancelled:
                raise Cancelled
            self._items.append(row)
            if self._reader_waits:
                self._reader_waits = False
                self._readable.notify()

    def get(self) -> Row | Barrier:
        """Take what is next, waiting for it. Raises Closed, and Cancelled whatever is left."""
        with self._lock:
            while not self._items and self._open and not self._cancelled:
                self._reader_waits = True
                self._readable.wait()
            if self._cancelled:
                raise Cancelled
            if not self._items:
                raise Closed
            item = self._items.popleft()
            if self._writer_waits and len(self._items) <= self._low:
                self._writer_waits = False
                self._writable.notify_all()
            return item

    def close(self, source: int) -> None:
        """End one input; barriers no longer wait for it."""
        with self._lock:
            self._open.discard(source)
            for barrier in list(self._arriving):
                self._arrived(barrier, source)
            self._wake_reader()

    def drop(self) -> None:
        """Forget what is queued and end: the reader finds the channel closed after the row in hand."""
        with self._lock:
            self._open.clear()
            self._items.clear()
            self._wake_reader()

    def cancel(self) -> None:
        """Make every wait, now and later, raise Cancelled."""
        with self._lock:
            self._cancelled = True
            self._wake_reader()
            self._writable.notify_all()

    def expect(self, barrier: Barrier, inputs: frozenset[int]) -> None:
        """Announce a barrier that will come by these inputs. An ended input counts as arrived."""
        with self._lock:
            self._arriving[barrier] = self._open & inputs
            self._settle(barrier)

    def arrive(self, barrier: Barrier, source: int) -> None:
        """Bring a barrier by one input; it takes its place once it came by all that were announced."""
        with self._lock:
            self._arrived(barrier, source)

    def _arrived(self, barrier: Barrier, source: int) -> None:
        if barrier in self._arriving:
            self._arriving[barrier].discard(source)
            self._settle(barrier)

    def _settle(self, barrier: Barrier) -> None:
        if not self._arriving[barrier]:
            del self._arriving[barrier]
            self._items.append(barrier)
            self._wake_reader()

    def _wake_reader(self) -> None:
        self._reader_waits = False
        self._readable.notify_all()
