"""How commands run a graph: as its file would, under the command's own settings."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import bonobo
from bonobo.cli import leave
from warehouse.lines import Lines, code_of
from warehouse.services import new_run, utc_now
from warehouse.settings import read_log_format

if TYPE_CHECKING:
    from bonobo.segment import Engine


def lines_of(pipeline: str) -> Lines:
    """How one run of a pipeline writes its lines, under a new name. Raises SettingsError."""
    lines = Lines(read_log_format(os.environ), pipeline, new_run(utc_now()))
    if lines.format == "json":
        lines.show_log()
    return lines


def run_graph(
    graph: bonobo.Graph,
    services: AbstractContextManager[Mapping[str, Any]],
    *,
    results: TextIO | None = None,
    report: Path | None = None,
    lines: Lines | None = None,
    engine: Engine | None = None,
) -> int:
    """Run a graph to its end and give its exit code; what services tell goes to `results`, else to stderr.

    Where `results` could not be written, that is said, and the code is 4 unless the run has one of its own.
    """
    console = (lines or Lines(read_log_format(os.environ))).console(results)
    account = bonobo.run(
        graph, services=services, console=console, report=report, handle_signals=True, engine=engine
    )
    code = code_of(account, console)
    if account.abandoned:
        leave(code, [account])
    return code
