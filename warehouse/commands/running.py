"""How commands run a graph: as its file would, under the command's own settings."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, TextIO

import bonobo
from bonobo.cli import leave
from warehouse.errors import OutputLost


def run_graph(
    graph: bonobo.Graph,
    services: AbstractContextManager[Mapping[str, Any]],
    *,
    results: TextIO | None = None,
    report: Path | None = None,
) -> int:
    """Run a graph to its end and give its exit code; what services tell goes to `results`, else to stderr.

    Where `results` could not be written, that is said, and the code is 4 unless the run has one of its own.
    """
    console = bonobo.Console(results=results)
    account = bonobo.run(graph, services=services, console=console, report=report, handle_signals=True)
    code = account.exit_code
    # A reader of a pipe that went away has seen enough.
    if console.lost is not None and not isinstance(console.lost, BrokenPipeError):
        lost = OutputLost(console.lost)
        console.error(lost)
        code = code or lost.exit_code
    if account.abandoned:
        leave(code, [account])
    return code
