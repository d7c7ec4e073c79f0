"""What a person sees of a run, on standard error alone: logging and standard output belong to the graph.

On a terminal a live table; elsewhere one plain line every 30 seconds; in the end always the summary.
Nothing shown holds a field of a row, unless `verbose` asks for tracebacks.
"""

from __future__ import annotations

import math
import sys
import time
import traceback
from contextlib import suppress
from threading import Lock
from typing import Protocol, TextIO

import rich.console
from rich.live import Live
from rich.table import Table

from bonobo.errors import UsageError, describe
from bonobo.report import NodeReport, Rejected, Report

LIVE_SECONDS = 0.25
PLAIN_SECONDS = 30.0
TRACEBACKS_SHOWN = 100

UNUSABLE = UsageError.exit_code
"""The code of a run that was asked for in vain: counts would only hide the line that says why."""


class Display(Protocol):
    """What a run tells whoever shows it. `interval` is how often, in seconds, `progress` is wanted."""

    @property
    def interval(self) -> float: ...

    def begin(self, report: Report) -> None:
        """The first row is about to run."""

    def progress(self, report: Report) -> None:
        """Something ended, or the interval passed; from the supervising thread."""

    def row_failed(self, rejected: Rejected, error: BaseException) -> None:
        """A row was rejected; from any thread."""

    def end(self, report: Report) -> None:
        """The run is over and its report complete."""


class Console:
    """The display of the command line.

    `quiet` leaves only the line that says what ended the run badly; `verbose` adds tracebacks, whose
    messages may hold values of rows. `stream` is standard error unless told otherwise; `results` is where
    the summaries of services go, to `stream` unless told otherwise.
    """

    def __init__(
        self,
        *,
        quiet: bool = False,
        verbose: bool = False,
        stream: TextIO | None = None,
        results: TextIO | None = None,
    ) -> None:
        self._quiet = quiet
        self._verbose = verbose
        self._stream = stream
        self._results = results
        self._lock = Lock()
        self._live: Live | None = None
        self._next = math.inf
        self._shown: set[tuple[str, str]] = set()
        self._tracebacks = 0

    @property
    def interval(self) -> float:
        """How often, in seconds, `progress` should be called."""
        if self._quiet:
            return math.inf
        return PLAIN_SECONDS if self._live is None else LIVE_SECONDS

    def begin(self, report: Report) -> None:
        """Begin to show progress."""
        self._shown.clear()
        if self._quiet:
            return
        self._next = time.monotonic() + PLAIN_SECONDS
        terminal = rich.console.Console(file=self._stream or sys.stderr)
        if terminal.is_terminal and not terminal.is_dumb_terminal:
            self._live = Live(
                console=terminal,
                auto_refresh=False,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._live.start()

    def progress(self, report: Report) -> None:
        """Show the counts where it is time to."""
        if self._live is not None:
            with suppress(OSError, ValueError):
                self._live.update(_table(report), refresh=True)
        elif time.monotonic() >= self._next:
            self._next = time.monotonic() + PLAIN_SECONDS
            counts = ", ".join(_counts(node) for node in report.nodes)
            self._print(f"{report.seconds:.0f} s: {counts}")

    def row_failed(self, rejected: Rejected, error: BaseException) -> None:
        """Show the first failure of each kind and node; with `verbose` each, up to a bound."""
        with self._lock:
            kind = (rejected.node, rejected.exception)
            new = kind not in self._shown
            self._shown.add(kind)
            detailed = self._verbose and self._tracebacks < TRACEBACKS_SHOWN
            self._tracebacks += detailed
        if detailed or (new and not self._quiet):
            self._print(
                f"{rejected.node}: row {rejected.sequence} rejected: {rejected.exception} at {rejected.where}"
            )
        if detailed:
            self._print("".join(traceback.format_exception(error)).rstrip())

    def end(self, report: Report) -> None:
        """Show the summary, and in one line what ended the run if something did."""
        if self._live is not None:
            with suppress(OSError, ValueError):
                self._live.stop()
            self._live = None
        if not self._quiet and report.exit_code != UNUSABLE:
            for node in report.nodes:
                self._print(node.line())
            for line in report.service_lines:
                self._print(line, self._results)
        if report.fatal is not None:
            self.error(report.fatal)

    def error(self, error: BaseException) -> None:
        """Say in one line what went wrong; with `verbose` the traceback before it."""
        if self._verbose:
            self._print("".join(traceback.format_exception(error)).rstrip())
        self._print(f"error: {describe(error)}")

    def _print(self, line: str, stream: TextIO | None = None) -> None:
        # A closed or full standard error is no reason to lose a run.
        with suppress(OSError, ValueError):
            print(line, file=stream or self._stream or sys.stderr, flush=True)


QUIET = Console(quiet=True)
"""A display that says nothing unless the run ends badly."""


def _counts(node: NodeReport) -> str:
    errors = f" err={node.errors}" if node.errors else ""
    return f"{node.name} in={node.rows_in} out={node.rows_out}{errors}"


def _table(report: Report) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("node")
    for heading in ("in", "out", "err"):
        table.add_column(heading, justify="right")
    table.add_column("state")
    for node in report.nodes:
        table.add_row(node.name, str(node.rows_in), str(node.rows_out), str(node.errors or ""), node.state)
    return table
