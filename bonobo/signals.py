"""SIGINT and SIGTERM as one orderly stop: the first asks, the second leaves at once.

Handlers do nothing but raise or hand over: they run between any two instructions of the main thread, so
that taking a lock in one could wait for ever.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any

from bonobo.errors import Stopped

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class SignalWatch:
    """A context manager that catches the signals. Main thread only: elsewhere entering raises ValueError.

    Until `deliver` is called the first signal raises Stopped where the main thread stands. A second
    signal ends the process with `os._exit`: nothing is closed, no buffer is flushed.
    """

    def __init__(self) -> None:
        self.first: Stopped | None = None
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
            os._exit(128 + signum)
        self.first = Stopped(signum)
        if self._receive is None:
            raise self.first
        self._receive(self.first)
