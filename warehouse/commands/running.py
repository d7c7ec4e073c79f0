"""How commands run a graph: as its file would, under the command's own settings."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, TextIO

import bonobo
from bonobo.cli import leave


def run_graph(
    graph: bonobo.Graph,
    services: AbstractContextManager[Mapping[str, Any]],
    *,
    results: TextIO | None = None,
    report: Path | None = None,
) -> int:
    """Run a graph to its end and give its exit code; what services tell goes to `results`, else to stderr."""
    account = bonobo.run(
        graph,
        services=services,
        console=bonobo.Console(results=results),
        report=report,
        handle_signals=True,
    )
    if account.abandoned:
        leave(account.exit_code, [account])
    return account.exit_code
