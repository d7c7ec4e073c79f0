"""The table on a terminal: what it shows, and that it fits."""

import io
import re

import pytest
import rich.console
from rich.text import Text

from bonobo.live import COLUMNS, LiveTable, table
from bonobo.progress import Snapshot
from bonobo.report import NodeReport

NODES = (
    NodeReport("list_files", 1, 1200, state="running", in_flight=1, expected=2000),
    NodeReport(
        "copy", 700, 680, 3, state="running", queued=96, capacity=128, in_flight=32, workers=32, expected=None
    ),
    NodeReport("[bold]odd[/bold]", state="waiting", capacity=128),
    NodeReport("old", 5, 5, state="done", capacity=128),
)

WINDOW = (
    Snapshot(0, tuple(NodeReport(node.name, state="waiting", expected=node.expected) for node in NODES)),
    Snapshot(10, NODES),
)


def shown(width, window=WINDOW):
    console = rich.console.Console(
        file=io.StringIO(), force_terminal=True, width=width, color_system="standard"
    )
    console.print(table(window, width))
    return console.file.getvalue()


def plain(text):
    return [line.rstrip() for line in Text.from_ansi(text).plain.splitlines()]


def test_the_table():
    assert plain(shown(100)) == [
        "node                   in      out  err  rows/s  in flight  queue  state",
        "list_files              1     1200          120          1         running",
        "copy                  700      680    3      70         32    75%  running",
        "[bold]odd[/bold]        0        0                                 waiting",
        "old                     5        5                                 done",
    ]


def test_the_bottleneck_and_what_ended_are_told_apart():
    _, source, slow, _, ended = shown(100).splitlines()
    assert "\x1b[1m" in slow
    assert "\x1b[2m" in ended
    assert "\x1b[" not in source


def test_nothing_moves_when_numbers_grow():
    grown = (
        WINDOW[0],
        Snapshot(10, tuple(NodeReport(node.name, 123456, 654321, 99, state="running") for node in NODES)),
    )
    assert plain(shown(100, grown))[0] == plain(shown(100))[0]


@pytest.mark.parametrize("width", [200, 100, 79, 69, 59, 49, 30])
def test_it_fits(width):
    lines = plain(shown(width))
    assert len(lines) == len(NODES) + 1
    assert max(map(len, lines)) <= width
    assert re.split(r"\s{2,}", lines[0]) == [
        "node",
        *(column.heading for column in COLUMNS if column.terminal <= width),
    ]
    assert lines[1].startswith("list_files "[: max(width - 24, 1)])


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def terminal(monkeypatch):
    def terminal(lines, columns=100, term="xterm"):
        monkeypatch.setenv("LINES", str(lines))
        monkeypatch.setenv("COLUMNS", str(columns))
        monkeypatch.setenv("TERM", term)
        stream = Terminal()
        return stream, LiveTable(stream)

    return terminal


def test_the_remark_stands_below(terminal):
    stream, live = terminal(24)
    live.show(WINDOW)
    assert "bottleneck: copy; about 10 s left" in stream.getvalue().rsplit("\x1b[2K", 1)[1]
    live.close()
    assert stream.getvalue().endswith("\x1b[J\x1b8")


def test_a_low_terminal_shows_the_last_nodes(terminal):
    stream, live = terminal(8)
    live.show(WINDOW)
    text = stream.getvalue()
    assert "\x1b[1;4r" in text
    assert "list_files" not in text
    assert all(word in text for word in ("node", "odd", "old", "bottleneck: copy"))


def test_on_a_terminal_without_room_nothing_is_shown(terminal):
    stream, live = terminal(6)
    live.show(WINDOW)
    assert stream.getvalue() == ""


@pytest.mark.parametrize(("term", "usable"), [("xterm", True), ("screen", True), ("dumb", False)])
def test_a_terminal_that_knows_no_cursor_is_not_used(terminal, term, usable):
    assert terminal(24, term=term)[1].usable is usable
