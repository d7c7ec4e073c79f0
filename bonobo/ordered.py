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

    def __init__(self, row: Row, size: int = 0, barrier: Barrier | None = None) -> None:
        self.row = row
        self.sequence = 0
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
    """The threads of a node that takes up to `plan.workers` rows at once.

    One thread at a time leads: it waits for rows, and reads a batch. The others wait for the leader's rows.
    A thread that finds rows goes on with them and wakes one other, so that rows that take no time cost no
    change of threads.
    """

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._longest = self.plan.workers + AHEAD
        self._concurrency = Concurrency(self.plan.workers) if self.plan.settings.n == AUTO else None
        self._here = threading.local()
        # Guards what follows.
        self._lock = Lock()
        self._wanted = Condition(self._lock)
        self._kept = Condition(self._lock)
        self._read: deque[_Place] = deque()
        self._line: deque[_Place] = deque()
        self._waiting: dict[Hashable, deque[_Place]] = {}
        self._alive = self.plan.workers
        self._leading = self._waking = self._ended = self._cancelled = False
        self._idle = 0
        self.inbox.listen(self._notify_kept)

    @property
    def allowed(self) -> int:
        """How many rows may be worked on at once: as many as pay, with `n="auto"`."""
        return self.plan.workers if self._concurrency is None else self._concurrency.allowed

    def stop(self) -> None:
        """End after the rows in hand: generators are closed after what they emit now, the queue is left."""
        super().stop()
        with self._lock:
            self._wanted.notify_all()

    def cancel(self) -> None:
        """Wake every wait; `stopping` is set by then."""
        super().cancel()
        with self._lock:
            self._cancelled = True
            self._wanted.notify_all()
            self._kept.notify_all()

    def _notify_kept(self) -> None:
        with self._lock:
            self._kept.notify_all()

    def _serve(self) -> None:
        while True:
            place: _Place | None = self._take()
            while place is not None:
                self._here.place = place
                self._work(place)
                self._here.place = None
                place = self._end(place)

    def _not_started(self, threads: int) -> None:
        with self._lock:
            self._alive -= threads - 1
        self._leave()

    def _leave(self) -> None:
        with self._lock:
            self._alive -= 1
            if self._alive:
                return
        for place in self._read:
            self._release(place)
        super()._leave()

    def _take(self) -> _Place:
        while True:
            with self._lock:
                place = self._next()
            if place is not None:
                return place
            self._lead()

    def _next(self) -> _Place | None:
        """Give the next row that may be worked on, waiting for it; None for whoever is to lead."""
        while True:
            if self._cancelled:
                raise Cancelled
            if self._ended or self.stopping:
                raise Closed
            if self._read and not self._is_full():
                place = self._read.popleft()
                if self._admit(place):
                    self._wake()
                    return place
            elif self._leading or self._read:
                self._idle += 1
                self._wanted.wait()
                self._idle -= 1
                self._waking = False
            else:
                self._leading = True
                return None

    def _lead(self) -> None:
        places: deque[_Place] = deque()
        ended = True
        try:
            if self._standing is Standing.NEW:
                self._set_up()
            places.extend(map(self._place_of, self.inbox.take()))
            ended = False
        finally:
            with self._lock:
                self._leading = False
                self._read = places
                self._ended = ended
                if ended:
                    self._wanted.notify_all()

    def _place_of(self, item: Item) -> _Place:
        if isinstance(item, Barrier):
            return _Place(EMPTY, barrier=item)
        place = _Place(item.row, item.size) if isinstance(item, Heavy) else _Place(item)
        self._find_key(place)
        return place

    def _is_full(self) -> bool:
        return self.working >= self.allowed or len(self._line) >= self._longest

    def _wake(self) -> None:
        """Let one more thread have a look, where there is something for it to find."""
        if self._idle and self._read and not self._waking and not self._is_full():
            self._waking = True
            self._wanted.notify()

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

    def _admit(self, place: _Place) -> bool:
        """Put a place in line; tell whether it may be worked on now, or waits behind its key."""
        if place.barrier is None:
            place.sequence = self.report.rows_in = self.report.rows_in + 1
        place.head = not self._line
        self._line.append(place)
        if place.keyed:
            try:
                waiting = self._waiting.get(place.key)
            except Exception as error:
                # Somebody's `__eq__`.
                place.keyed, place.error, waiting = False, error, None
            if waiting is not None:
                waiting.append(place)
                return False
            if place.keyed:
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

    def _send_now(self, row: Row | Flag) -> None:
        place = getattr(self._here, "place", None)
        if place is None:
            super()._send_now(row)
        else:
            self._emit(place, row)

    def _notice(self, error: BaseException) -> None:
        place = getattr(self._here, "place", None)
        if place is not None and is_throttling(error):
            place.throttled = True

    def _reject_from_context(self, error: Exception, row: Row) -> None:
        place = getattr(self._here, "place", None)
        self._failed(error, row, self.report.rows_in if place is None else place.sequence)

    def _keep(self, place: _Place, row: Row | Flag) -> bool:
        """Keep a row for later; False once the place is the head, when nothing of it is kept any more."""
        flag = isinstance(row, Flag)
        room = 0 if flag else ROWS_PER_EDGE
        size = 0 if flag else size_of(row)  # type: ignore[arg-type]
        with self._lock:
            while (
                not place.head
                and not self._cancelled
                and (len(place.kept) >= room or not self.inbox.try_keep(size))
            ):
                self._kept.wait()
            if self._cancelled:
                raise Cancelled
            if not place.head:
                place.kept.append((row, size))  # type: ignore[arg-type]
            return not place.head

    def _end(self, place: _Place) -> _Place | None:
        """Give a place up; return the row that waited for its key, if there is one."""
        self._release(place)
        with self._lock:
            place.done = True
            follower = self._follower(place)
            if follower is None:
                self.working -= 1
            if self._concurrency is not None:
                told = self._concurrency.throttled if place.throttled else self._concurrency.completed
                told(time.monotonic())
                self._wake()
            head = self._advance() if place.head else None
        while head is not None:
            head = self._send_kept(head)
        return follower

    def _release(self, place: _Place) -> None:
        # The place may stand in line for long; what it was given is no longer counted, and so not held.
        place.row = EMPTY
        if place.size:
            self.inbox.release(place.size)

    def _follower(self, place: _Place) -> _Place | None:
        if not place.keyed:
            return None
        waiting = self._waiting[place.key]
        if waiting:
            return waiting.popleft()
        del self._waiting[place.key]
        return None

    def _advance(self) -> _Place | None:
        """Take the head out of line, and those behind it of which nothing is left; give the next, if any."""
        line = self._line
        line.popleft()
        while line and line[0].done and not line[0].kept and line[0].barrier is None:
            line.popleft()
        self._wake()
        return line[0] if line else None

    def _send_kept(self, head: _Place) -> _Place | None:
        """Send what a place kept; give the next, or None where it is in work and now sends by itself."""
        while True:
            with self._lock:
                kept, head.kept = head.kept, []
                self._kept.notify_all()
                if not kept and not head.done:
                    head.head = True
                    return None
                if not kept and head.barrier is None:
                    return self._advance()
            if not kept:
                break
            kept.reverse()
            while kept:
                row, size = kept.pop()
                self.inbox.release_kept(size)
                self._send(row)
        self._pass_on(head.barrier)  # type: ignore[arg-type]
        with self._lock:
            return self._advance()
