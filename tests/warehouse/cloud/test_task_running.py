"""A task from its arguments to its code, in this process: what signals and faults do where a run is over."""

import json
import os
import signal
import sys

import pytest

from bonobo.signals import SignalWatch
from warehouse.cloud import running, task
from warehouse.errors import CloudFault

ARN = "arn:aws:sns:eu-west-2:123456789012:runs"


@pytest.fixture
def environment(drop):
    return {"WAREHOUSE_BUCKET": str(drop), "WAREHOUSE_LOG_FORMAT": "json", "TOPIC_ARN": ARN}


@pytest.fixture(autouse=True)
def as_before():
    """Signals' handlers and the package's logger, put back as they were."""
    import logging

    logger = logging.getLogger("warehouse")
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    before = list(logger.handlers), logger.propagate
    yield
    logger.handlers[:], logger.propagate = before
    for number, handler in handlers.items():
        signal.signal(number, handler)


def run(name, environment):
    with SignalWatch() as watch:
        watch.deliver(lambda _: None)
        code, _ = running.run_task([name], environment, watch)
    return code


def test_a_signal_that_comes_after_the_run_changes_nothing(environment, monkeypatch, capfd):
    sent = []

    def publish(topic, access, subject, text, attributes):
        os.kill(os.getpid(), signal.SIGTERM)
        sent.append((topic, access.region, subject, attributes["exit_code"].value))

    monkeypatch.setattr(running, "publish", publish)
    assert run("submittingcentres", environment) == 0
    assert sent == [(ARN, "eu-west-2", "Pipeline finished - submittingcentres", "0")]
    assert "exited with code 0." in json.loads(capfd.readouterr().out.splitlines()[-1])["message"]


def test_a_signal_before_the_run_is_its_end(environment, monkeypatch, tmp_path):
    sent = []
    monkeypatch.setattr(running, "publish", lambda *told: sent.append(told[-1]["exit_code"].value))
    read = running.read_settings

    def slow(environment):
        os.kill(os.getpid(), signal.SIGTERM)
        return read(environment)

    monkeypatch.setattr(running, "read_settings", slow)
    assert run("warehouseloader", environment) == 143
    assert sent == ["143"]
    assert not (tmp_path / "drop/catalog").exists()


def test_a_catalog_that_cannot_be_asked_is_said_and_no_more(environment, monkeypatch, capfd):
    told = []
    monkeypatch.setattr(running, "publish", lambda *what: told.append(what[-1]))

    def refuses(settings):
        raise CloudFault("s3", "HeadBucket", "Throttling")

    monkeypatch.setattr(running, "catalog_version", refuses)
    assert run("dataprocess", environment) == 0
    assert "catalog_version" not in told[0]
    warnings = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    assert any("version of the catalog" in line["message"] for line in warnings)
    # Whoever reads no catalog does not ask for its version either.
    assert run("submittingcentres", environment) == 0
    assert "version of the catalog" not in capfd.readouterr().err


@pytest.mark.parametrize("code", [2, 5])
def test_a_message_that_is_lost_leaves_another_code_as_it_is(environment, monkeypatch, code):
    def refuses(*_):
        raise CloudFault("sns", "Publish", "Throttling")

    monkeypatch.setattr(running, "publish", refuses)
    monkeypatch.setattr(running, "code_of", lambda account, console: code)
    assert run("submittingcentres", environment) == code


def test_whatever_else_goes_wrong_is_one_line(monkeypatch, capfd):
    def fails(*_):
        raise ValueError("private")

    monkeypatch.setattr(running, "run_task", fails)
    monkeypatch.setattr(sys, "argv", ["task", "warehouseloader"])
    with pytest.raises(SystemExit) as left:
        task.main()
    assert left.value.code == 70
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith("error: internal error: ValueError at ")


def test_an_output_that_was_closed_makes_a_good_run_incomplete(environment, monkeypatch, capfd):
    monkeypatch.setattr(running, "publish", lambda *_: None)
    monkeypatch.setattr(sys, "stdout", None)
    assert run("dataprocess", environment) == 4
    assert "standard output cannot be written" in capfd.readouterr().err
