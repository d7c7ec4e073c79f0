"""Transient faults are tried again here and nowhere else, so that each retry is known to the one who asks.

The clients' own retries are off: a create that is refused on its second attempt may have met its own first
attempt, and only a loop that we can see knows that there was one.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TypeVar

from warehouse.errors import AlreadyExists, Changed, StoreError
from warehouse.storage.translate import Again, Library

T = TypeVar("T")

RENEWALS = 2
"""How often one request asks for fresh credentials."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """At most `attempts` tries within `seconds`; waits double from `base` to `cap`, with full jitter."""

    attempts: int = 10
    seconds: float = 90.0
    base: float = 0.1
    cap: float = 10.0

    def delay(self, failures: int) -> float:
        """Seconds to wait after so many failures."""
        return random.uniform(0.0, min(self.cap, self.base * 2.0 ** (failures - 1)))


class Left(Exception):
    """An answer that the caller asked to judge itself; `code` says which."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Retrier:
    """Repeats a request by a policy until it succeeds, is refused for good, or the store is closed."""

    def __init__(self, policy: RetryPolicy, renew: Callable[[], None]) -> None:
        self._policy = policy
        self._renew = renew
        self._closed = threading.Event()

    def close(self) -> None:
        """Wake whoever waits for another attempt; there will be none."""
        self._closed.set()

    def call(
        self,
        operation: str,
        key: str,
        library: Library,
        work: Callable[[], T],
        *,
        unmet: type[StoreError] = Changed,
        leave: Collection[str] = (),
        settle: Callable[[], T | None] | None = None,
        policy: RetryPolicy | None = None,
    ) -> T:
        """Return what `work` returns, which calls `library`. Codes in `leave` come back as `Left`.

        `unmet` is what a failed precondition means. `settle` is asked when an attempt meets an existing
        object after one whose answer was lost: it looks whether that object is our own, and returns the
        result if so.
        """
        policy = policy or self._policy
        end = time.monotonic() + policy.seconds
        failures = renewals = 0
        while True:
            try:
                return work()
            except library.raises() as error:
                fault = library.translate(operation, key, error, unmet)
            if fault.code in leave:
                raise Left(fault.code)
            if failures and settle is not None and isinstance(fault.error, AlreadyExists):
                ours = settle()
                if ours is not None:
                    return ours
            failures += 1
            if fault.again is Again.NO or not self._wait(policy, failures, end):
                raise fault.error
            if fault.again is Again.RENEW:
                renewals += 1
                if renewals > RENEWALS:
                    # New credentials that are refused too will not get better by asking for more.
                    raise fault.error
                self._renew()

    def _wait(self, policy: RetryPolicy, failures: int, end: float) -> bool:
        """Wait for the next attempt; false if there is to be none."""
        if failures >= policy.attempts:
            return False
        delay = policy.delay(failures)
        return time.monotonic() + delay < end and not self._closed.wait(delay)
