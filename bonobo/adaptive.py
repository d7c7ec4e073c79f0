"""How many rows at once a node of `n="auto"` works on: more while more pays, half when a service says so.

A pure controller: it is told of each row that ended and when, and has no clock, lock or thread. It
compares the throughput of two concurrencies, each over a window of its own, and keeps the lower one unless
the higher one pays. A window begins once every row that was in work at the last change has ended, so that
it measures one concurrency only.
"""

from __future__ import annotations

WINDOW_SECONDS = 0.25
"""The least length of a window."""

WINDOW_ROWS = 3
"""The least number of rows that end in a window, for each that may be in work at once."""

STEP = 1.5
"""What the concurrency is multiplied, or divided, by for a trial."""

WORTH = 0.25
"""A higher concurrency pays when it adds at least this share of what would be added were it free."""

PATIENCE = 8
"""Windows that pass between a trial that failed, or a service that throttled, and the next trial."""


class Concurrency:
    """The concurrency of one node: at most `allowed` rows may be in work, from 1 to `ceiling`.

    It begins at `start`, and goes below that only where a service throttles. Every row that ends is told by
    exactly one call, of `completed` or of `throttled`; `now` is a clock in seconds that never goes back.
    Calls come one at a time.

    >>> concurrency = Concurrency(start=8)
    >>> concurrency.throttled(now=1.0)
    >>> concurrency.allowed
    4
    """

    def __init__(self, ceiling: int = 64, start: int = 4) -> None:
        self.allowed = min(start, ceiling)
        self._floor = self.allowed
        self._ceiling = ceiling
        # The concurrency that the present one is tried against, and its throughput; 0 outside of trials.
        self._base = 0
        self._base_rate = 0.0
        self._growing = True
        self._hold = 0
        self._unsettled = 0
        self._cut_at: float | None = None
        self._began: float | None = None
        self._ended = 0
        self._completed = 0

    def completed(self, now: float) -> None:
        """Count a row that ended, well or badly."""
        self._completed += 1
        self._count(now)

    def throttled(self, now: float) -> None:
        """Count a row whose service asked for fewer requests: halve, at most once a window."""
        recent = self._cut_at is not None and now - self._cut_at < WINDOW_SECONDS
        if recent or self._unsettled:
            # Sent before the last change, most likely.
            self._count(now)
            return
        self._cut_at = now
        self._base = 0
        self._rest(growing=True)
        self._change(max(1, self.allowed // 2))

    def _count(self, now: float) -> None:
        if self._unsettled:
            self._unsettled -= 1
        if self._unsettled:
            return
        if self._began is None:
            self._begin(now)
            return
        self._ended += 1
        seconds = now - self._began
        if seconds >= WINDOW_SECONDS and self._ended >= WINDOW_ROWS * self.allowed:
            rate = self._completed / seconds
            self._begin(now)
            self._judge(rate)

    def _begin(self, now: float) -> None:
        self._began = now
        self._ended = self._completed = 0

    def _judge(self, rate: float) -> None:
        base, self._base = self._base, 0
        if base and _pays(base, self._base_rate, self.allowed, rate) != (self.allowed > base):
            self._rest(growing=not self._growing)
            self._change(base)
        elif self._hold:
            self._hold -= 1
        else:
            self._try_next(rate)

    def _try_next(self, rate: float) -> None:
        tried = self._next()
        if tried == self.allowed:
            self._rest(growing=not self._growing)
            return
        self._base, self._base_rate = self.allowed, rate
        self._change(tried)

    def _next(self) -> int:
        if self._growing:
            return min(self._ceiling, max(self.allowed + 1, int(self.allowed * STEP)))
        return max(min(self._floor, self.allowed), int(self.allowed / STEP))

    def _rest(self, *, growing: bool) -> None:
        self._hold = PATIENCE
        self._growing = growing

    def _change(self, allowed: int) -> None:
        # At the change as many rows may be in work as were allowed before it.
        self._unsettled = self.allowed
        self.allowed = allowed
        self._began = None


def _pays(one: int, one_rate: float, other: int, other_rate: float) -> bool:
    """Tell whether the higher of two concurrencies pays, by the throughput of each."""
    (low, low_rate), (high, high_rate) = sorted([(one, one_rate), (other, other_rate)])
    return high_rate >= low_rate * (1 + WORTH * (high / low - 1))
