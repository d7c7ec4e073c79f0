"""What a person sees: the summary's lines, one line for an error, and nothing private."""

import codecs
import fcntl
import io
import math
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest
from terminal_screen import Screen

import bonobo.console
from bonobo import Graph
from bonobo.console import Console
from bonobo.errors import Stopped, UsageError
from bonobo.report import NodeReport, Report
from bonobo.session import run
from bonobo.testing import run_node

SECRET = "Patient-17"
ROOT = Path(__file__).parents[2]
DEADLINE = 30


def shown(graph, **options):
    stream = io.StringIO()
    run(graph, console=Console(stream=stream, **options))
    return stream.getvalue()


def fails(x):
    raise ValueError(f"cannot read {x}")


def ends(x):
    raise AssertionErrorWithFatal(x)


class AssertionErrorWithFatal(Exception):
    fatal = True


def refuses(x):
    raise UsageError("say\n  which")


def test_the_summary():
    assert shown(Graph([1, 2], lambda x: x, lambda x: None)) == (
        " - list in=1 out=2 [done]\n - <lambda> in=2 out=2 [done]\n - <lambda> in=2 out=0 [done]\n"
    )


def test_the_first_row_error_of_a_kind_is_shown_without_its_message():
    text = shown(Graph([SECRET] * 3, fails))
    first, *rest = text.splitlines()
    assert first.startswith(f"fails: row 1 rejected: ValueError at {__name__}:")
    assert rest == [" - list in=1 out=3 [done]", " - fails in=3 out=0 err=3 [done]"]
    assert SECRET not in text


def test_a_fatal_error_shows_its_node_class_and_place_alone():
    text = shown(Graph([SECRET], ends))
    assert f"error: ends: AssertionErrorWithFatal at {__name__}:" in text.splitlines()[-1]
    assert SECRET not in text


def test_a_usage_error_is_one_line():
    assert shown(Graph([1], refuses)).splitlines()[-1] == "error: say which"


def test_quiet_leaves_the_error():
    assert shown(Graph([1], fails), quiet=True) == ""
    assert shown(Graph([1], refuses), quiet=True) == "error: say which\n"


def test_quiet_shows_the_notices_of_services_and_not_their_summaries():
    class Service:
        def summary(self):
            return "a long story\nleft 3 behind"

        def notice(self):
            return "left 3 behind"

    def told(graph, **how):
        stream = io.StringIO()
        run(graph, services={"s": Service()}, console=Console(stream=stream, **how))
        return stream.getvalue()

    assert told(Graph([1], print), quiet=True) == "left 3 behind\n"
    assert told(Graph([1], print)).endswith("a long story\nleft 3 behind\n")
    assert told(Graph([1], refuses), quiet=True) == "error: say which\n"


def test_verbose_shows_tracebacks():
    text = shown(Graph([SECRET] * 2, fails), verbose=True)
    assert (
        text.count("Traceback (most recent call last)")
        == text.count(f"ValueError: cannot read {SECRET}")
        == 2
    )
    assert "Traceback" in shown(Graph([1], refuses), verbose=True)


def test_a_form_of_ones_own_makes_each_line_of_its_level_and_text():
    class Service:
        def summary(self):
            return "one\ntwo"

    stream, results = io.StringIO(), io.StringIO()
    console = Console(stream=stream, results=results, form=lambda level, text: f"<{level}|{text}>")
    run(Graph([SECRET], fails), services={"s": Service()}, console=console)
    rejected, *nodes = stream.getvalue().splitlines()
    assert rejected.startswith("<warning|fails: row 1 rejected: ValueError at ")
    assert nodes == ["<info| - list in=1 out=1 [done]>", "<info| - fails in=1 out=0 err=1 [done]>"]
    assert results.getvalue() == "<info|one>\n<info|two>\n"
    console.error(UsageError("say which"))
    assert stream.getvalue().splitlines()[-1] == "<error|say which>"
    traced = io.StringIO()
    run(Graph([1], refuses), console=Console(stream=traced, verbose=True, form=lambda level, text: level))
    assert traced.getvalue().split() == ["debug", "error"]


def test_a_form_of_ones_own_has_no_live_table(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    shown, made = Terminal(), []
    monkeypatch.setattr(bonobo.console, "_live_table", lambda stream: made.append(stream))
    run(Graph([1], print), console=Console(stream=shown, form=lambda level, text: text))
    assert made == []
    run(Graph([1], print), console=Console(stream=shown))
    assert made == [shown]


def test_elsewhere_than_on_a_terminal_a_plain_line_now_and_then(monkeypatch, in_time):
    monkeypatch.setattr(bonobo.console, "PLAIN_SECONDS", 0.01)
    stream = io.StringIO()

    def slow(x):
        while stream.getvalue().count("list in=1") < 2:
            pass

    in_time(run, Graph([1], slow), console=Console(stream=stream))
    line = r"0 s: list in=1 out=1, slow in=1 out=0 \([\d.]+/s\); bottleneck: slow"
    assert re.fullmatch(line, stream.getvalue().splitlines()[1])


class Clock:
    now = 0.0

    def monotonic(self):
        return self.now


def test_progress_is_shown_when_it_is_time_to_and_not_at_each_event(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(bonobo.console, "time", clock)
    stream, report = io.StringIO(), Report(nodes=[NodeReport("load", state="running")])
    console = Console(stream=stream)
    assert console.interval == math.inf
    console.begin(report)
    asked = {}
    for clock.now in (0.0, 12.0, 29.0, 30.0, 31.0, 75.0, 80.0):
        asked[clock.now] = console.interval
        report.nodes[0].rows_out = round(clock.now)
        console.progress(report)
    console.end(report)
    assert asked == {0.0: 30, 12.0: 18, 29.0: 1, 30.0: 0, 31.0: 29, 75.0: 0, 80.0: 25}
    assert stream.getvalue().splitlines() == [
        "0 s: load in=0 out=30 (1.0/s)",
        "0 s: load in=0 out=75 (1.0/s)",
        " - load in=0 out=80 [running]",
    ]
    assert console.interval == math.inf


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def terminal(monkeypatch):
    for name, value in {"TERM": "xterm", "LINES": "24", "COLUMNS": "100"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(bonobo.console, "LIVE_SECONDS", 0.01)
    return Terminal()


def test_on_a_terminal_a_live_table(terminal, in_time):
    def slow_node(x):
        while "bottleneck: slow_node" not in terminal.getvalue():
            pass

    in_time(run, Graph([1], slow_node), console=Console(stream=terminal))
    shown, after = terminal.getvalue().rsplit("\x1b8", 1)
    assert shown.endswith("\x1b[J")
    assert after == " - list in=1 out=1 [done]\n - slow_node in=1 out=0 [done]\n"


def test_a_short_run_shows_no_table(terminal, monkeypatch):
    monkeypatch.setattr(bonobo.console, "LIVE_SECONDS", 30)
    run(Graph([1, 2], fails), console=Console(stream=terminal))
    assert "\x1b" not in terminal.getvalue()


def test_a_run_that_ends_badly_gives_the_terminal_back_at_once(terminal):
    report = Report(nodes=[NodeReport("load", state="running")])
    console = Console(stream=terminal)
    console.begin(report)
    time.sleep(0.02)
    console.progress(report)
    assert not terminal.getvalue().endswith("\x1b[J\x1b8")
    report.fail(Stopped(signal.SIGINT))
    console.progress(report)
    assert terminal.getvalue().endswith("\x1b[J\x1b8")
    assert console.interval > 20


@pytest.mark.parametrize("wish", ["FORCE_COLOR", "TTY_COMPATIBLE"])
def test_no_wish_for_colours_makes_a_file_a_terminal(monkeypatch, wish):
    monkeypatch.setenv(wish, "1")
    monkeypatch.setattr(bonobo.console, "LIVE_SECONDS", 0)
    assert "\x1b" not in shown(Graph([1] * 10, lambda x: None))


WITH_OUTPUT = """
import sys, time
import bonobo

def source():
    for number in range(60):
        time.sleep(0.02)
        yield number

def show(number):
    print("row", number)

def get_graph():
    return bonobo.Graph(source, show)
"""


@pytest.fixture
def on_a_terminal(tmp_path):
    """Run the command on a terminal of its own; give its code, and the screen as it was left."""
    file = tmp_path / "graph.py"
    file.write_text(WITH_OUTPUT)
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 16, 100, 0, 0))
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm", "NO_COLOR": "1"}
    for name in ("LINES", "COLUMNS"):
        environment.pop(name, None)
    command = [sys.executable, "-m", "bonobo", "run", str(file)]
    process = subprocess.Popen(command, env=environment, stdin=its, stdout=its, stderr=its)
    os.close(its)

    def on_a_terminal(meanwhile=lambda screen, process: None):
        screen = Screen(16)
        decoder = codecs.getincrementaldecoder("utf-8")()
        while select.select([ours], [], [], DEADLINE)[0]:
            try:
                data = os.read(ours, 65536)
            except OSError:
                # What Linux says once nobody has the other side open.
                break
            if not data:
                break
            screen.write(decoder.decode(data))
            meanwhile(screen, process)
        return process.wait(DEADLINE), screen

    yield on_a_terminal
    process.kill()
    process.wait(DEADLINE)
    os.close(ours)


def test_the_table_loses_nothing_that_the_graph_prints(on_a_terminal):
    tables = []

    def look(screen, process):
        if screen.lines[-1] == "bottleneck: source" and all(screen.lines[-4:]):
            tables.append(screen.lines[-4:])

    code, screen = on_a_terminal(look)
    assert (code, screen.margins) == (0, (0, 15))
    assert screen.written.split("\n")[:62] == [
        *(f"row {number}" for number in range(60)),
        " - source in=1 out=60 [done]",
        " - show in=60 out=0 [done]",
    ]
    heading, source, show, _ = tables[-1]
    assert heading.split() == ["node", "in", "out", "err", "rows/s", "in", "flight", "queue", "state"]
    assert (source.split()[0], show.split()[0]) == ("source", "show")


def test_an_interruption_gives_the_terminal_back(on_a_terminal):
    interrupted = []

    def interrupt(screen, process):
        if "bottleneck" in screen.lines[-1] and not interrupted:
            interrupted.append(process.send_signal(signal.SIGINT))

    code, screen = on_a_terminal(interrupt)
    assert (code, screen.margins) == (130, (0, 15))
    assert interrupted
    assert screen.written.rstrip("\n").endswith("\nerror: stopped by SIGINT")
    assert "bottleneck" not in screen.written


def test_a_broken_standard_error_loses_no_run():
    stream = io.StringIO()
    stream.close()
    assert run(Graph([1, 2], fails), console=Console(stream=stream)).exit_code == 1


def test_neither_standard_output_nor_logging_is_touched(capsys, caplog):
    run(Graph([1], fails), console=Console())
    assert capsys.readouterr().out == ""
    assert caplog.records == []


@pytest.mark.parametrize("value", [1, (1, 2)])
def test_the_test_kit_shows_nothing(capsys, value):
    run_node(lambda *row: row, value)
    assert capsys.readouterr() == ("", "")
