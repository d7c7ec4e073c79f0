"""A node that works on many rows at once and yet emits in the order of its inputs.

Every row that is taken has a place in line. Only the row at the head emits downstream; what later rows
emit is kept, and sent by whoever ends the row before them. A row that is dropped or failed gives its
place up like any other. The line, and what each place keeps, are bounded.
"""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Hashable
from threading import Condition, Lock
from typing import Any

from bonobo.channel import ROWS_PER_EDGE, Barrier, Cancelled
from bonobo.constants import EMPTY, Flag, Row
from bonobo.worker import Worker

AHEAD = 64
"""How many ended rows may stand in line behind one that is slow, beyond those in work."""


class _Place:
    """The place in line of a row or a barrier. `kept`, `head` and `done` are guarded by the line's lock."""

    __slots__ = ("barrier", "done", "error", "head", "kept", "key", "keyed", "row", "sequence")

    def __init__(self, row: Row, sequence: int, barrier: Barrier | None = None) -> None:
        self.row = row
        self.sequence = sequence
        self.barrier = barrier
        self.kept: list[Row] = []
        self.head = False
        self.done = barrier is not None
        self.keyed = False
        self.key: Hashable = None
        self.error: BaseException | None = None


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
        self._waiting: dict[Hashable, deque[_Place]] = {}
        self._alive = self.plan.workers

    def cancel(self) -> None:
        """Wake every wait; `stopping` is set by then."""
        super().cancel()
        with self._changed:
            self._cancelled = True
            self._changed.notify_all()

    def _serve(self) -> None:
        while True:
            place: _Place | None = self._take()
            while place is not None:
                self._work(place)
                place = self._end(place)

    def _leave(self) -> None:
        with self._changed:
            self._alive -= 1
            if self._alive:
                return
        super()._leave()

    def _take(self) -> _Place:
        with self._taking:
            while True:
                self._wait_for_room()
                item = self.inbox.get()
                if isinstance(item, Barrier):
                    place = _Place(EMPTY, 0, item)
                else:
                    self.report.rows_in += 1
                    place = _Place(item, self.report.rows_in)
                    self._find_key(place)
                if self._admit(place):
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
            while len(self._line) >= self._longest and not self._cancelled:
                self._changed.wait()

    def _admit(self, place: _Place) -> bool:
        """Put a place in line; tell whether it may be worked on now, or waits behind its key."""
        with self._changed:
            place.head = not self._line
            self._line.append(place)
            if not place.keyed:
                return True
            if place.key in self._waiting:
                self._waiting[place.key].append(place)
                return False
            self._waiting[place.key] = deque()
            return True

    def _work(self, place: _Place) -> None:
        if place.error is not None:
            self._failed(place.error, place.sequence)
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

    def _keep(self, place: _Place, row: Row | Flag) -> bool:
        """Keep a row for later; False once the place is the head, when nothing of it is kept any more."""
        room = 0 if isinstance(row, Flag) else ROWS_PER_EDGE
        with self._changed:
            while not place.head and len(place.kept) >= room and not self._cancelled:
                self._changed.wait()
            if self._cancelled:
                raise Cancelled
            if not place.head and not isinstance(row, Flag):
                place.kept.append(row)
            return not place.head

    def _end(self, place: _Place) -> _Place | None:
        """Give a place up; return the row that waited for its key, if there is one."""
        follower = None
        with self._changed:
            place.done = True
            if place.keyed:
                waiting = self._waiting[place.key]
                if waiting:
                    follower = waiting.popleft()
                else:
                    del self._waiting[place.key]
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
            for row in kept:
                self._send(row)
        if head.barrier is not None:
            self._pass_on(head.barrier)
        return not head.head
