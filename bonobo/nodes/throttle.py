"""At most so many rows in so much time: each takes a token from a bucket that the clock fills."""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable, Iterator
from threading import Lock
from typing import Any

from bonobo.config import Configurable, ContextProcessor, Method, Option
from bonobo.context import NodeContext


class Bucket:
    """`initial` tokens, and `amount` more each `period` seconds, up to the larger of both. For any thread.

    `sleep` waits for some seconds; `clock` gives seconds that never run backwards.
    """

    def __init__(
        self,
        initial: int,
        period: float,
        amount: int,
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tokens = initial
        self._capacity = max(initial, amount)
        self._period = period
        self._amount = amount
        self._sleep = sleep
        self._clock = clock
        self._filled = clock()
        self._lock = Lock()

    def wait(self) -> None:
        """Take a token, as soon as there is one."""
        while (seconds := self._take()) is not None:
            self._sleep(seconds)

    def _take(self) -> float | None:
        """Take a token, or give the seconds after which there may be one."""
        with self._lock:
            now = self._clock()
            periods = math.floor((now - self._filled) / self._period)
            if periods:
                self._filled += periods * self._period
                self._tokens = min(self._capacity, self._tokens + periods * self._amount)
            if self._tokens:
                self._tokens -= 1
                return None
            return self._filled + self._period - now


def _whole(value: Any) -> int:
    number = int(value)
    if number < 1:
        raise ValueError("initial and amount must be at least 1")
    return number


def _seconds(value: Any) -> float:
    seconds = float(value)
    if not 0 < seconds < math.inf:
        raise ValueError("period must be a number of seconds above 0")
    return seconds


class RateLimited(Configurable):
    """Call a function with each row, at most at a rate: its results are the node's.

    All threads of a parallel node share the rate, and a wait ends with the run.

    Options, by place in this order, or by name:

    - `handler` (required): the function, called with the node and the row's fields. It can also be what is
      decorated, or a method of a subclass.
    - `initial` (1): how many rows may go at once in the beginning. Raises ValueError below 1.
    - `period` (1): seconds after which more rows may go. Raises ValueError at 0 and below.
    - `amount` (1): how many more rows that are. Raises ValueError below 1.

    >>> import bonobo
    >>> from bonobo.testing import run_node
    >>> def fetch(self, number):
    ...     return 2 * number
    >>> run_node(bonobo.RateLimited(fetch, initial=1, period=0.001, amount=10), 1, 2, 3).rows
    [(2,), (4,), (6,)]
    """

    handler = Method()
    initial = Option(_whole, positional=True, default=1)
    period = Option(_seconds, positional=True, default=1)
    amount = Option(_whole, positional=True, default=1)

    @functools.partial(ContextProcessor, concurrent=True)
    def bucket(self, context: NodeContext) -> Iterator[Bucket]:
        """What the rows take their tokens from."""
        yield Bucket(self.initial, self.period, self.amount, sleep=context.wait)

    def __call__(self, bucket: Bucket, *args: Any, **kwargs: Any) -> Any:
        bucket.wait()
        return self.handler(*args, **kwargs)
