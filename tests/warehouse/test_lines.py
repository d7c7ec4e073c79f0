"""Lines are text, or JSON objects that say whose they are; results and the rest keep their streams."""

import io
import json
import logging

import pytest

import bonobo
from warehouse.errors import OutputLost
from warehouse.lines import Lines, code_of

OURS = Lines("json", "warehouseloader", "r-1")


@pytest.fixture
def warehouse_log():
    """The package's logger, put back as it was."""
    logger = logging.getLogger("warehouse")
    before = (list(logger.handlers), logger.propagate)
    yield logger
    logger.handlers[:], logger.propagate = before


def objects(text):
    return [json.loads(line) for line in text.splitlines()]


def test_the_log_as_text(warehouse_log, capsys):
    Lines().show_log()
    warehouse_log.warning("%s waits", "it")
    warehouse_log.error("no")
    assert capsys.readouterr().err == "warning: it waits\nerror: no\n"


def test_the_log_as_json_takes_the_place_of_the_text(warehouse_log, capsys):
    Lines().show_log()
    OURS.show_log()
    warehouse_log.warning("two\nlines")
    (line,) = objects(capsys.readouterr().err)
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "warning",
        "pipeline": "warehouseloader",
        "run": "r-1",
        "message": "two\nlines",
    }


def test_a_run_is_shown_as_json(capsys):
    class Service:
        def summary(self):
            return "all\nwell"

    def fails(x):
        raise ValueError("private")

    results = io.StringIO()
    bonobo.run(bonobo.Graph([1], fails), services={"s": Service()}, console=OURS.console(results))
    shown = capsys.readouterr().err
    assert [line["level"] for line in objects(shown)] == ["warning", "info", "info"]
    assert [line["message"] for line in objects(results.getvalue())] == ["all", "well"]
    assert {line["run"] for line in objects(shown + results.getvalue())} == {"r-1"}
    assert "private" not in shown


def test_results_are_printed_whole(capsys):
    Lines().print("A\nB\n")
    assert capsys.readouterr().out == "A\nB\n"
    OURS.print("A\nB\n")
    assert [line["message"] for line in objects(capsys.readouterr().out)] == ["A", "B"]


@pytest.mark.parametrize("lines", [Lines(), OURS])
def test_a_closed_output_is_an_error(lines, monkeypatch):
    monkeypatch.setattr("sys.stdout", None)
    with pytest.raises(OutputLost, match="it was closed"):
        lines.print("A\n")


def test_lost_results_make_a_good_run_incomplete(capsys):
    class Full(io.StringIO):
        def write(self, text):
            raise OSError(28, "No space left on device")

    class Service:
        summary = "told".upper

    console = OURS.console(Full())
    account = bonobo.run(bonobo.Graph([1], str), services={"s": Service()}, console=console)
    assert (account.exit_code, code_of(account, console)) == (0, 4)
    assert "No space left" in objects(capsys.readouterr().err)[-1]["message"]
