"""What a person sees: the summary's lines, one line for an error, and nothing private."""

import io

import pytest

import bonobo.console
from bonobo import Graph
from bonobo.console import Console
from bonobo.errors import UsageError
from bonobo.session import run
from bonobo.testing import run_node

SECRET = "Patient-17"


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


def test_an_internal_error_shows_its_class_and_place_alone():
    text = shown(Graph([SECRET], ends))
    assert f"error: internal error: AssertionErrorWithFatal at {__name__}:" in text.splitlines()[-1]
    assert SECRET not in text


def test_a_usage_error_is_one_line():
    assert shown(Graph([1], refuses)).splitlines()[-1] == "error: say which"


def test_quiet_leaves_the_error():
    assert shown(Graph([1], fails), quiet=True) == ""
    assert shown(Graph([1], refuses), quiet=True) == "error: say which\n"


def test_verbose_shows_tracebacks():
    text = shown(Graph([SECRET] * 2, fails), verbose=True)
    assert (
        text.count("Traceback (most recent call last)")
        == text.count(f"ValueError: cannot read {SECRET}")
        == 2
    )
    assert "Traceback" in shown(Graph([1], refuses), verbose=True)


def test_elsewhere_than_on_a_terminal_a_plain_line_now_and_then(monkeypatch):
    monkeypatch.setattr(bonobo.console, "PLAIN_SECONDS", 0.01)
    stream = io.StringIO()

    def slow(x):
        while stream.getvalue().count("list in=1") < 2:
            pass

    run(Graph([1], slow), console=Console(stream=stream))
    assert stream.getvalue().splitlines()[0] == "0 s: list in=1 out=1, slow in=1 out=0"


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_on_a_terminal_a_live_table(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(bonobo.console, "LIVE_SECONDS", 0.01)
    stream = Terminal()

    def slow_node(x):
        while "slow_node" not in stream.getvalue():
            pass

    run(Graph([1], slow_node), console=Console(stream=stream))
    assert stream.getvalue().endswith(" - list in=1 out=1 [done]\n - slow_node in=1 out=0 [done]\n")


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
