"""A node that works on many rows at once and yet emits in the order of its inputs.

Every row that is taken has a place in line. Only the row at the head emits downstream; what later rows
emit is kept, and sent by whoever ends the row before them. A row that is dropped or failed gives its
place up like any other. The line, and what each place keeps, are bounded.
"""

from __future__ import annotations

import functools
import threading
import time
from collections import deque
from collections.abc import Hashable
from threading import Condition, Lock
from typing import Any

from bonobo.adaptive import Concurrency
from bonobo.channel import ROWS_PER_EDGE, Barrier, Cancelled, Closed, Heavy, Item
from bonobo.constants import EMPTY, Flag, Row
from bonobo.errors import is_throttling
from bonobo.graph import AUTO
from bonobo.sizes import size_of
from bonobo.worker import Standing, Worker

AHEAD = 64
"""How many ended rows may stand in line behind one that is slow, beyond those in work."""


class _Place:
    """The place in line of a row or a barrier. `kept`, `head` and `done` are guarded by the line's lock."""

    __slots__ = (
        "barrier",
        "done",
        "error",
        "head",
        "kept",
        "key",
        "keyed",
        "row",
        "sequence",
        "size",
        "throttled",
    )

    def __init__(self, row: Row, sequence: int, size: int = 0, barrier: Barrier | None = None) -> None:
        self.row = row
        self.sequence = sequence
        self.size = size
        self.barrier = barrier
        self.kept: list[tuple[Row, int]] = []
        self.head = False
        self.done = barrier is not None
        self.keyed = False
        self.key: Hashable = None
        self.error: BaseException | None = None
        self.throttled = False


class OrderedWorker(Worker):
    """The threads of a node that takes up to `plan.workers` rows at once."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._line: deque[_Place] = deque()
        self._longest = self.plan.workers + AHEAD
        self._changed = Condition(Lock())
        self._cancelled = False
        # Held while a thread waits for the next row, so that rows stand in line as they came.
        self._taking = Lock()
        self._batch: deque[Item] = deque()
        self._waiting: dict[Hashable, deque[_Place]] = {}
        self._alive = self.plan.workers
        self._here = threading.local()
        self._concurrency = Concurrency(self.plan.workers) if self.plan.settings.n == AUTO else None
        self.inbox.listen(self._notify)

    def cancel(self) -> None:
        """Wake every wait; `stopping` is set by then."""
        super().cancel()
        with self._changed:
            self._cancelled = True
            self._changed.notify_all()

    def _notify(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _serve(self) -> None:
        while True:
            place: _Place | None = self._take()
            while place is not None:
                self._here.place = place
                self._work(place)
                self._here.place = None
                place = self._end(place)

    def _leave(self) -> None:
        with self._changed:
            self._alive -= 1
            if self._alive:
                return
        self._forget(self._batch)
        super()._leave()

    def _take(self) -> _Place:
        with self._taking:
            if self._standing is Standing.NEW:
                self._set_up()
            while True:
                self._wait_for_room()
                place = self._next_place()
                if self._admit(place):
                    return place

    def _next_place(self) -> _Place:
        if self.stopping:
            raise Closed
        if not self._batch:
            self._batch = self.inbox.take()
        item = self._batch.popleft()
        if isinstance(item, Barrier):
            return _Place(EMPTY, 0, barrier=item)
        self.report.rows_in += 1
        if isinstance(item, Heavy):
            place = _Place(item.row, self.report.rows_in, item.size)
        else:
            place = _Place(item, self.report.rows_in)
        self._find_key(place)
        return place

    def _find_key(self, place: _Place) -> None:
        if self.plan.settings.key is None:
            return
        try:
            place.key = self.plan.settings.key(*place.row)
            hash(place.key)
        except BaseException as error:
            place.error = error
        else:
            place.keyed = True

    def _wait_for_room(self) -> None:
        with self._changed:
            while self._is_full() and not self._cancelled:
                self._changed.wait()

    def _is_full(self) -> bool:
        if self._concurrency is not None and self.working >= self._concurrency.allowed:
            return True
        return len(self._line) >= self._longest

    def _admit(self, place: _Place) -> bool:
        """Put a place in line; tell whether it may be worked on now, or waits behind its key."""
        with self._changed:
            place.head = not self._line
            self._line.append(place)
            if place.keyed:
                if place.key in self._waiting:
                    self._waiting[place.key].append(place)
                    return False
                self._waiting[place.key] = deque()
            self.working += 1
            return True

    def _work(self, place: _Place) -> None:
        if place.error is not None:
            self._failed(place.error, place.row, place.sequence)
        elif place.barrier is not None:
            # Not at the head, it is passed on by whoever ends the row before it.
            if place.head:
                self._pass_on(place.barrier)
        elif not self.stopping:
            self._process(place.row, place.sequence, functools.partial(self._emit, place))

    def _emit(self, place: _Place, row: Row | Flag) -> None:
        if not place.head and self._keep(place, row):
            return
        self._send(row)

    def _send_from_context(self, row: Row | Flag) -> None:
        place = getattr(self._here, "place", None)
        if place is None:
            super()._send_from_context(row)
        else:
            self._emit(place, row)

    def _notice(self, error: BaseException) -> None:
        place = getattr(self._here, "place", None)
        if place is not None and is_throttling(error):
            place.throttled = True

    def _keep(self, place: _Place, row: Row | Flag) -> bool:
        """Keep a row for later; False once the place is the head, when nothing of it is kept any more."""
        flag = isinstance(row, Flag)
        room = 0 if flag else ROWS_PER_EDGE
        size = 0 if flag else size_of(row)  # type: ignore[arg-type]
        with self._changed:
            while (
                not place.head
                and not self._cancelled
                and (len(place.kept) >= room or not self.inbox.try_keep(size))
            ):
                self._changed.wait()
            if self._cancelled:
                raise Cancelled
            if not place.head:
                place.kept.append((row, size))  # type: ignore[arg-type]
            return not place.head

    def _end(self, place: _Place) -> _Place | None:
        """Give a place up; return the row that waited for its key, if there is one."""
        if place.size:
            self.inbox.release(place.size)
        follower = None
        with self._changed:
            place.done = True
            # The place may stand in line for long; what it was given is no longer counted, and so not held.
            place.row = EMPTY
            if place.keyed:
                waiting = self._waiting[place.key]
                if waiting:
                    follower = waiting.popleft()
                else:
                    del self._waiting[place.key]
            if follower is None:
                self.working -= 1
            if self._concurrency is not None:
                told = self._concurrency.throttled if place.throttled else self._concurrency.completed
                told(time.monotonic())
                self._changed.notify_all()
            releasing = place.head
        if releasing:
            self._release()
        return follower

    def _release(self) -> None:
        """Take the head out of line, send what the next one kept, and so on up to one still in work."""
        while True:
            with self._changed:
                self._line.popleft()
                self._changed.notify_all()
                if not self._line:
                    return
                head = self._line[0]
            if not self._send_kept(head):
                return

    def _send_kept(self, head: _Place) -> bool:
        """Send what a place kept; True if it is done, else it is now the head and sends by itself."""
        while True:
            with self._changed:
                kept, head.kept = head.kept, []
                self._changed.notify_all()
                if not kept:
                    head.head = not head.done
                    break
            kept.reverse()
            while kept:
                row, size = kept.pop()
                self.inbox.release_kept(size)
                self._send(row)
        if head.barrier is not None:
            self._pass_on(head.barrier)
        return not head.head
