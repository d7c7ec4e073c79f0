"""SIGINT and SIGTERM as one orderly stop: the first asks, the second leaves at once.

Handlers do nothing but raise or hand over: they run between any two instructions of the main thread, so
that taking a lock in one could wait for ever.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Thread
from types import FrameType, TracebackType
from typing import Any

from bonobo.errors import Stopped

SIGNALS = (signal.SIGINT, signal.SIGTERM)

REPEAT_SECONDS = 0.5
"""Within this time the same signal again is the same wish: `timeout` signals a process, then its group."""


CLOSING_SECONDS = 5.0
"""How long services may take to close after a signal, where the time to drain is not longer."""


class ClosingWatch:
    """A thread that ends the process where a run was stopped and its services do not close in time.

    `stopped` begins the time, once; it takes no lock, so that a signal's handler may call it. `done` ends it.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = max(seconds, CLOSING_SECONDS)
        self._told: SimpleQueue[Stopped | None] = SimpleQueue()
        Thread(target=self._watch, name="closing", daemon=True).start()

    def stopped(self, stopped: Stopped) -> None:
        """A signal came: services have so many seconds from now."""
        self._told.put(stopped)

    def done(self) -> None:
        """They are closed."""
        self._told.put(None)

    def _watch(self) -> None:
        stopped = self._told.get()
        if stopped is None:
            return
        deadline = time.monotonic() + self._seconds
        try:
            while self._told.get(timeout=max(0.0, deadline - time.monotonic())) is not None:
                pass
        except Empty:
            with suppress(OSError, ValueError, AttributeError):
                # Not by `print`, for which a standard error that is closed means standard output.
                sys.stderr.write(f"error: {stopped}; services did not close in time\n")
                sys.stderr.flush()
            os._exit(stopped.exit_code)


class SignalWatch:
    """A context manager that catches the signals. Main thread only: elsewhere entering raises ValueError.

    Until `deliver` is called the first signal raises Stopped where the main thread stands. A second
    signal ends the process with `os._exit`: nothing is closed, no buffer is flushed.
    """

    def __init__(self) -> None:
        self.first: Stopped | None = None
        self._at = 0.0
        self._receive: Callable[[Stopped], None] | None = None
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> SignalWatch:
        for signum in SIGNALS:
            self._before[signum] = signal.signal(signum, self._handle)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for signum, handler in self._before.items():
            # None is a handler that Python did not install and cannot put back.
            if handler is not None:
                signal.signal(signum, handler)

    def deliver(self, receive: Callable[[Stopped], None] | None) -> None:
        """From now on hand the first signal to `receive` (which must take no lock); None: raise it again."""
        self._receive = receive
        # A signal between two runs of one file must not be forgotten by the second.
        if receive is not None and self.first is not None:
            receive(self.first)

    def _handle(self, signum: int, frame: FrameType | None) -> None:
        if self.first is not None:
            if signum == self.first.signum and time.monotonic() - self._at < REPEAT_SECONDS:
                return
            os._exit(128 + signum)
        self.first, self._at = Stopped(signum), time.monotonic()
        if self._receive is None:
            raise self.first
        self._receive(self.first)
