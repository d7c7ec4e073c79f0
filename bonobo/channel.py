"""What stands between two nodes: a bounded channel of rows, and barriers that travel with them.

A row can be read as soon as it is written: no writer keeps rows back to send them together. What makes
hand-offs cheap is that the reader takes all that is there, up to a bound, in one batch, and that a waiting
side is woken once for many rows, or for much room. Every wait ends: by a row, by room, by the end of the
inputs, or by a cancellation.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from threading import Condition, Lock

from bonobo.budget import COUNTED, MEMORY, Budget
from bonobo.constants import Row

ROWS_PER_EDGE = 128
BATCH = 64
"""How many rows are read at once, at most; never more than half of what fits in."""


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


class Heavy:
    """A row that counts against the budget, by so many bytes."""

    __slots__ = ("row", "size")

    def __init__(self, row: Row, size: int) -> None:
        self.row = row
        self.size = size


Item = Row | Heavy | Barrier


class Channel:
    """The rows on their way into one node, in the order of their arrival, from any number of inputs.

    `inputs` are the indexes of the nodes that write; `rows_per_edge` rows for each of them fit in, those of
    the batch in the reader's hand among them. Barriers take no room. Many threads may write, one at a time
    may read. A row that `take` gives as Heavy is released by `release` when it was processed.
    """

    def __init__(
        self,
        inputs: Iterable[int],
        rows_per_edge: int = ROWS_PER_EDGE,
        *,
        node: int = 0,
        budget: Budget | None = None,
    ) -> None:
        self._open = set(inputs)
        self.capacity = rows_per_edge * len(self._open)
        self._batch = max(1, min(BATCH, self.capacity // 2))
        # A writer that waits is woken when the channel is half empty, not at each row that is read.
        self._low = self.capacity // 2
        self._node = node
        self._budget = budget or Budget(MEMORY, {node: (node,)})
        self._items: deque[Item] = deque()
        self._taken = 0
        self._arriving: dict[Barrier, set[int]] = {}
        self._lock = Lock()
        self._readable = Condition(self._lock)
        self._writable = Condition(self._lock)
        self._reader_waits = False
        self._writer_waits = False
        self._cancelled = False

    def __len__(self) -> int:
        return len(self._items)

    def put(self, row: Row, size: int = 0) -> None:
        """Write a row that holds `size` bytes, waiting for room. Raises Cancelled."""
        item: Item = row
        if size >= COUNTED:
            if not self._budget.acquire(self._node, size):
                raise Cancelled
            item = Heavy(row, size)
        with self._lock:
            while len(self._items) + self._taken >= self.capacity and not self._cancelled:
                self._writer_waits = True
                self._writable.wait()
            if self._cancelled:
                raise Cancelled
            self._items.append(item)
            if self._reader_waits:
                self._reader_waits = False
                self._readable.notify()

    def take(self) -> deque[Item]:
        """Take what is next, a batch of at least one, waiting for it; the batch before it is done with.

        Raises Closed, and Cancelled whatever is left.
        """
        with self._lock:
            self._taken = 0
            self._wake_writers()
            while not self._items and self._open and not self._cancelled:
                self._reader_waits = True
                self._readable.wait()
            if self._cancelled:
                raise Cancelled
            if not self._items:
                raise Closed
            if len(self._items) <= self._batch:
                batch, self._items = self._items, deque()
            else:
                batch = deque(self._items.popleft() for _ in range(self._batch))
            self._taken = len(batch)
            return batch

    def release(self, size: int) -> None:
        """Give back the bytes of a row that was processed."""
        self._budget.release(self._node, size)

    def try_keep(self, size: int) -> bool:
        """Count a row that its node emitted and keeps, if there is room; see `Budget.try_keep`."""
        return size < COUNTED or self._budget.try_keep(size)

    def release_kept(self, size: int) -> None:
        """Give back what `try_keep` counted."""
        if size >= COUNTED:
            self._budget.release_kept(size)

    def listen(self, listener: Callable[[], None]) -> None:
        """Call `listener` when there may be room for `try_keep` again."""
        self._budget.listen(listener)

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
            dropped = [item.size for item in self._items if isinstance(item, Heavy)]
            self._items.clear()
            self._wake_reader()
        for size in dropped:
            self.release(size)

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

    def _wake_writers(self) -> None:
        if self._writer_waits and len(self._items) <= self._low:
            self._writer_waits = False
            self._writable.notify_all()

    def _wake_reader(self) -> None:
        self._reader_waits = False
        self._readable.notify_all()
