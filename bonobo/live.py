"""The table of a run that goes on, at the foot of a terminal: nothing that a graph prints is lost by it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TextIO

import rich.console
from rich.console import JustifyMethod
from rich.table import Table
from rich.text import Text

from bonobo.panel import Panel
from bonobo.progress import Window, bottleneck, percent, rate, rates, remark
from bonobo.report import NodeReport

SCROLLING_LINES = 4
"""How many lines of the terminal are left, at the least, to what else is written."""

STYLES = {"done": "dim", "stopped": "yellow", "failed": "red"}


@dataclass(frozen=True, slots=True)
class Column:
    """A column: what it shows of a node and of its rate, and how wide the terminal must be for it."""

    heading: str
    text: Callable[[NodeReport, float], str]
    width: int
    terminal: int = 0
    justify: JustifyMethod = "right"


COLUMNS = (
    Column("in", lambda node, rows: str(node.rows_in), 7),
    Column("out", lambda node, rows: str(node.rows_out), 7),
    Column("err", lambda node, rows: str(node.errors or ""), 3),
    Column("rows/s", lambda node, rows: rate(rows) if node.state == "running" else "", 6, 50),
    Column("in flight", lambda node, rows: str(node.in_flight or ""), 9, 80),
    Column("queue", lambda node, rows: percent(node) if node.state == "running" else "", 5, 70),
    Column("state", lambda node, rows: node.state, 7, 60, "left"),
)
"""What stands behind the name. Numbers get a least width, so that nothing moves when they grow."""

GAP = 2


class LiveTable:
    """The table on the terminal of `stream`. Raises what writing raises."""

    def __init__(self, stream: TextIO) -> None:
        self._terminal = rich.console.Console(file=stream, force_terminal=True)
        self._panel = Panel(stream)

    @property
    def usable(self) -> bool:
        """Whether the terminal can hold lines at its foot."""
        return not (self._terminal.is_dumb_terminal or self._terminal.legacy_windows)

    def show(self, window: Window) -> None:
        """Show how things stand; on a low terminal the lines of the last nodes, above the remark."""
        width, height = self._terminal.size
        with self._terminal.capture() as capture:
            self._terminal.print(table(window, width))
            self._terminal.print(Text(remark(window)), no_wrap=True, overflow="ellipsis")
        heading, *lines = capture.get().splitlines()
        room = height - SCROLLING_LINES
        if room < 3:
            self._panel.close()
        else:
            self._panel.show([heading, *lines[1 - room :]], height)

    def close(self) -> None:
        """Take the table away."""
        self._panel.close()


def table(window: Window, width: int) -> Table:
    """Lay out how things stand for a terminal that is `width` columns wide."""
    columns = [column for column in COLUMNS if column.terminal <= width]
    room = width - sum(column.width + GAP for column in columns)
    table = Table(box=None, padding=(0, GAP, 0, 0), pad_edge=False)
    table.add_column("node", max_width=max(room, 1), no_wrap=True, overflow="ellipsis")
    for column in columns:
        table.add_column(column.heading, justify=column.justify, min_width=column.width, no_wrap=True)
    slowest = bottleneck(window)
    for node, rows in zip(window[-1].nodes, rates(window), strict=True):
        cells = [column.text(node, rows) for column in columns]
        style = "bold" if node is slowest else STYLES.get(node.state)
        table.add_row(*map(Text, (node.name, *cells)), style=style)
    return table
