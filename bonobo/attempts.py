"""A row is tried again where its node was told so, and nothing that an attempt emitted is emitted twice.

What an attempt emits is therefore collected before anything of it goes on. Only what the last attempt
emitted before it failed stays, as it would without retries.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from threading import Event
from typing import Any

from bonobo.channel import Cancelled
from bonobo.constants import Row
from bonobo.emission import Produce
from bonobo.errors import is_fatal
from bonobo.graph import Parallel, name_of
from bonobo.time_limit import Attempt, TimeLimit, attempt

LONGEST_WAIT = 30.0
"""Seconds; however often a row failed, no wait before its next attempt is longer."""


class Failed(Exception):
    """The last attempt failed: its `error`, and how many `attempts` there were. Never leaves the engine."""

    def __init__(self, error: BaseException, attempts: int) -> None:
        self.error = error
        self.attempts = attempts
        super().__init__(error, attempts)


class Attempts:
    """A node's `produce` with the retries and the time limit that its settings ask for.

    Called with a row, it gives the values of the first attempt that succeeds, all at once. Where none does,
    it gives a generator of what the last one emitted, which then raises Failed; an attempt that took too long
    emitted nothing. A fatal error is never retried. Any number of threads may call.

    `noticed` is told of every attempt that failed, also of those that are made good. `workers` is how many
    calls there are at most at once. A node in another process keeps its time limit there.
    """

    def __init__(
        self,
        produce: Produce,
        settings: Parallel,
        *,
        workers: int = 1,
        noticed: Callable[[BaseException], object] = lambda error: None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._produce = produce
        self._settings = settings
        self._noticed = noticed
        self._chance = chance
        self._cancelled = Event()
        self._limit: TimeLimit | None = None
        if settings.timeout is not None and settings.executor == "thread":
            self._limit = TimeLimit(produce, settings.timeout, name_of(settings.node), workers)

    def __call__(self, row: Row) -> Iterable[Any]:
        """Produce the values of a row. Raises Cancelled once `cancel` was called."""
        number = 0
        while True:
            number += 1
            made = self._attempt(row)
            if made.error is None:
                return made.values
            if isinstance(made.error, Cancelled):
                raise made.error
            self._noticed(made.error)
            if number > self._settings.retries or is_fatal(made.error):
                return _failing(made.values, Failed(made.error, number))
            if self._cancelled.wait(self._wait_after(number)):
                raise Cancelled

    def cancel(self) -> None:
        """End every wait before another attempt, now and later; attempts under way end by themselves."""
        self._cancelled.set()

    def close(self) -> None:
        """Let idle threads end; those of calls that outlived their time limit end with the calls."""
        self.cancel()
        if self._limit is not None:
            self._limit.close()

    def abandoned(self) -> int:
        """How many calls that outlived their time limit are still in somebody's code."""
        return 0 if self._limit is None else self._limit.abandoned()

    def _attempt(self, row: Row) -> Attempt:
        if self._limit is None:
            made = attempt(self._produce, row, self._cancelled.is_set)
        else:
            made = self._limit(row)
        if self._cancelled.is_set():
            raise Cancelled
        return made

    def _wait_after(self, attempts: int) -> float:
        return self._chance() * longest_wait(self._settings.backoff, attempts)


def longest_wait(backoff: float, attempts: int) -> float:
    """Give the most seconds to wait after so many failed attempts; the wait itself is any part of them.

    >>> [longest_wait(0.1, attempts) for attempts in (1, 2, 3, 20)]
    [0.1, 0.2, 0.4, 30.0]
    """
    return min(LONGEST_WAIT, backoff * 2.0 ** min(attempts - 1, 1023))


def _failing(values: list[Any], failed: Failed) -> Iterator[Any]:
    yield from values
    raise failed
