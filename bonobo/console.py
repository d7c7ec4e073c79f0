"""What a person sees of a run, on standard error alone: logging and standard output belong to the graph.

On a terminal a live table at its foot; elsewhere one plain line every 30 seconds; in the end the summary.
Nothing shown holds a field of a row, unless `verbose` asks for tracebacks.
"""

from __future__ import annotations

import math
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from threading import Lock
from typing import TYPE_CHECKING, Protocol, TextIO

from bonobo.errors import UsageError, describe
from bonobo.progress import Window, extended, plain, snapshot
from bonobo.report import Rejected, Report

if TYPE_CHECKING:
    from bonobo.live import LiveTable

LIVE_SECONDS = 0.25
PLAIN_SECONDS = 30.0
TRACEBACKS_SHOWN = 100

UNUSABLE = UsageError.exit_code
"""The code of a run that was asked for in vain: counts would only hide the line that says why."""


class Display(Protocol):
    """What a run tells whoever shows it."""

    @property
    def interval(self) -> float:
        """After how many seconds `progress` is wanted, if nothing happens before."""

    def begin(self, report: Report) -> None:
        """The first row is about to run."""

    def progress(self, report: Report) -> None:
        """Something happened, or the interval passed; from the supervising thread."""

    def row_failed(self, rejected: Rejected, error: BaseException) -> None:
        """A row was rejected; from any thread."""

    def end(self, report: Report) -> None:
        """The run is over and its report complete."""


Form = Callable[[str, str], str]


def as_text(level: str, text: str) -> str:
    """Give the line for a person: the text, behind the word `error` where it is one.

    >>> as_text("error", "no such file"), as_text("info", "done")
    ('error: no such file', 'done')
    """
    return f"error: {text}" if level == "error" else text


class Console:
    """The display of the command line.

    `quiet` leaves only the notices of services and the line that says what ended the run badly; `verbose`
    adds tracebacks, whose messages may hold values of rows. `stream` is standard error unless told
    otherwise; `results` is where the summaries of services go, to `stream` unless told otherwise. `lost` is
    the error where something could not be written to `results`.

    `form` makes the line that is printed of a level (`debug` for tracebacks, `info`, `warning`, `error`) and
    a text; with one of your own there is no live table.

    >>> import bonobo
    >>> report = bonobo.run(bonobo.Graph("ab", str.upper), console=bonobo.Console(stream=sys.stdout))
     - str in=1 out=2 [done]
     - upper in=2 out=2 [done]
    """

    def __init__(
        self,
        *,
        quiet: bool = False,
        verbose: bool = False,
        stream: TextIO | None = None,
        results: TextIO | None = None,
        form: Form | None = None,
    ) -> None:
        self._quiet = quiet
        self._verbose = verbose
        self._stream = stream
        self._results = results
        self._form = form or as_text
        self._plain = form is not None
        self.lost: Exception | None = None
        self._lock = Lock()
        self._live: LiveTable | None = None
        self._window: Window = ()
        self._next = math.inf
        self._shown: set[tuple[str, str]] = set()
        self._tracebacks = 0

    @property
    def interval(self) -> float:
        """After how many seconds there is something to show."""
        return max(self._next - time.monotonic(), 0.0)

    def begin(self, report: Report) -> None:
        """Begin to show progress."""
        self._shown.clear()
        if self._quiet:
            return
        self._live = None if self._plain else _live_table(self._stream or sys.stderr)
        now = time.monotonic()
        self._window = (snapshot(report.nodes, now),)
        self._next = now + self._pause

    def progress(self, report: Report) -> None:
        """Show how things stand where it is time to."""
        if report.fatal is not None:
            # A second signal may end the process at once, and must not leave the terminal without its foot.
            self._close_live()
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + self._pause
        self._window = extended(self._window, snapshot(report.nodes, now))
        if self._live is None:
            self._print(plain(self._window, report.seconds))
            return
        with suppress(OSError, ValueError):
            self._live.show(self._window)

    def row_failed(self, rejected: Rejected, error: BaseException) -> None:
        """Show the first failure of each kind and node; with `verbose` each, up to a bound."""
        with self._lock:
            kind = (rejected.node, rejected.exception)
            new = kind not in self._shown
            self._shown.add(kind)
            detailed = self._verbose and self._tracebacks < TRACEBACKS_SHOWN
            self._tracebacks += detailed
        if detailed or (new and not self._quiet):
            said = f"row {rejected.sequence} rejected: {rejected.exception} at {rejected.where}"
            self._print(f"{rejected.node}: {said}", level="warning")
        if detailed:
            self._print("".join(traceback.format_exception(error)).rstrip(), level="debug")

    def end(self, report: Report) -> None:
        """Show the summary, and in one line what ended the run if something did."""
        self._next = math.inf
        self._close_live()
        if report.exit_code != UNUSABLE:
            for node in () if self._quiet else report.nodes:
                self._print(node.line())
            for line in report.service_notices if self._quiet else report.service_lines:
                self._print(line, self._results)
        if report.fatal is not None:
            self.error(report.fatal, report.fatal_node)

    def error(self, error: BaseException, node: str | None = None) -> None:
        """Say in one line what went wrong, and in which node; with `verbose` the traceback before it."""
        if self._verbose:
            self._print("".join(traceback.format_exception(error)).rstrip(), level="debug")
        self._print(describe(error, node), level="error")

    @property
    def _pause(self) -> float:
        return PLAIN_SECONDS if self._live is None else LIVE_SECONDS

    def _close_live(self) -> None:
        if self._live is not None:
            live, self._live = self._live, None
            self._next = max(self._next, time.monotonic() + PLAIN_SECONDS)
            with suppress(OSError, ValueError):
                live.close()

    def _print(self, text: str, stream: TextIO | None = None, *, level: str = "info") -> None:
        stream = stream or self._stream or sys.stderr
        # None is a standard error that was closed before the command began; `print` would take another.
        if stream is None:
            return
        # One that is closed, full or somebody else's is no reason to lose a run.
        try:
            print(self._form(level, text), file=stream, flush=True)
        except (AttributeError, OSError, ValueError) as error:
            if stream is self._results:
                self.lost = error


QUIET = Console(quiet=True)
"""A display that says nothing unless the run ends badly, or a service has a notice."""


def _live_table(stream: TextIO | None) -> LiveTable | None:
    """A table where the stream is a terminal that can show one."""
    try:
        if stream is None or not stream.isatty():
            return None
    except ValueError:
        return None
    # Only a terminal pays for the import.
    from bonobo.live import LiveTable

    live = LiveTable(stream)
    return live if live.usable else None
