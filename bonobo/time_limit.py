"""A call gets so much time and no more. No thread can be killed: one that takes longer is left behind.

Whoever calls goes on at once; the late result is ignored, the thread ends when the call does. So that a
service that never answers cannot pile threads up, only a few of them may be left behind at a time.
"""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from queue import SimpleQueue
from threading import TIMEOUT_MAX, Event, Lock, Thread, local
from types import GeneratorType
from typing import Any

from bonobo.constants import EMPTY, Row
from bonobo.emission import Produce
from bonobo.errors import BonoboError, RowTimeout

LEFT_BEHIND = 4
"""How many threads of a node may be left behind at once, where it has fewer workers than that."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """What one call emitted, and the error that ended it, if one did."""

    values: list[Any]
    error: BaseException | None = None


_here = local()


def collected() -> list[Any] | None:
    """Give the list that an attempt under way in this thread collects in, what its context sends included."""
    values: list[Any] | None = getattr(_here, "values", None)
    return values


def attempt(produce: Produce, row: Row, given_up: Callable[[], bool]) -> Attempt:
    """Collect what a node emits for a row, up to its end, its error or until it is given up."""
    values: list[Any] = []
    produced: Iterable[Any] = EMPTY
    before, _here.values = collected(), values
    try:
        try:
            produced = produce(row)
            for value in produced:
                values.append(value)
                if given_up():
                    break
        finally:
            if isinstance(produced, GeneratorType):
                produced.close()
    except BaseException as error:
        return Attempt(values, error)
    finally:
        _here.values = before
    return Attempt(values)


class TimeLimit:
    """A node's `produce`, at most `seconds` a call; from any thread, up to `workers` calls at once.

    The node is called in a thread of ours, with the context variables of the caller. Threads are used again.
    """

    def __init__(self, produce: Produce, seconds: float, node: str, workers: int) -> None:
        self._produce = produce
        self._seconds = seconds
        self._node = node
        self._most = max(LEFT_BEHIND, workers)
        # Guards what follows.
        self._lock = Lock()
        self._idle: list[_Helper] = []
        self._left_behind: list[_Helper] = []
        self._closed = False

    def __call__(self, row: Row) -> Attempt:
        """Make one call. What came too late is an attempt without values that ended in RowTimeout."""
        helper = self._helper()
        call = _Call(self._produce, row)
        helper.begin(call)
        if call.ended.wait(min(self._seconds, TIMEOUT_MAX)):
            self._keep(helper)
            return call.outcome
        call.given_up = True
        helper.end()
        return Attempt([], self._leave_behind(helper))

    def close(self) -> None:
        """Let every thread end, at once or with its call."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for helper in idle:
            helper.end()

    def abandoned(self) -> int:
        """How many threads that were left behind are still in their call."""
        with self._lock:
            self._left_behind = [helper for helper in self._left_behind if helper.is_alive()]
            return len(self._left_behind)

    def _helper(self) -> _Helper:
        with self._lock:
            if self._idle:
                return self._idle.pop()
        return _Helper(self._node)

    def _keep(self, helper: _Helper) -> None:
        with self._lock:
            if not self._closed:
                self._idle.append(helper)
                return
        helper.end()

    def _leave_behind(self, helper: _Helper) -> Exception:
        with self._lock:
            self._left_behind.append(helper)
        if self.abandoned() <= self._most:
            return RowTimeout(self._seconds)
        return BonoboError(
            f"{self._node}: more than {self._most} calls went on after their time limit of "
            f"{self._seconds:g} s; give the node's own calls a time limit, such as that of its client, or "
            'use executor="process", which ends them'
        )


@dataclass(slots=True)
class _Call:
    produce: Produce
    row: Row
    context: contextvars.Context = field(default_factory=contextvars.copy_context)
    ended: Event = field(default_factory=Event)
    given_up: bool = False
    outcome: Attempt = field(default_factory=lambda: Attempt([]))

    def make(self) -> None:
        self.outcome = self.context.run(attempt, self.produce, self.row, lambda: self.given_up)
        self.ended.set()


class _Helper:
    """A thread that makes one call after another until it is told to end."""

    def __init__(self, node: str) -> None:
        self._calls: SimpleQueue[_Call | None] = SimpleQueue()
        self._thread = Thread(target=self._live, name=f"{node}-limited", daemon=True)
        self._thread.start()

    def begin(self, call: _Call) -> None:
        self._calls.put(call)

    def end(self) -> None:
        self._calls.put(None)

    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def _live(self) -> None:
        while (call := self._calls.get()) is not None:
            call.make()
