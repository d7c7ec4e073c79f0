"""A task is over when ECS says so, or knows it no more: not when ECS does not know it yet."""

from __future__ import annotations

import io
import json

import click
import click.testing
import pytest

from warehouse.commands.cloud.waiting import Latest, log_options, write
from warehouse.domain.ecs_task import Task
from warehouse.domain.log_events import LogEvent

ARN = "arn:aws:ecs:eu-west-2:123456789012:task/cluster/abc"
STARTED, RUNNING, STOPPED = (Task(ARN, "d", status) for status in ("PROVISIONING", "RUNNING", "STOPPED"))


class Tasks:
    """What DescribeTasks finds, look by look."""

    def __init__(self, *found):
        self.found = iter(found)

    def find(self, arn):
        assert arn == ARN
        return next(self.found)


def looks(*found, unseen=0):
    latest = Latest(Tasks(*found), STARTED, unseen=unseen)
    return [latest.has_ended() for _ in found], latest.task


@pytest.mark.parametrize(
    ("found", "unseen", "ended"),
    [
        ((RUNNING, STOPPED), 0, [False, True]),
        # One that was asked for by its name, and is long forgotten.
        ((None,), 0, [True]),
        # One that was started a moment ago: ECS is eventually consistent.
        ((None, None, RUNNING, STOPPED), 3, [False, False, False, True]),
        ((None, None, None), 2, [False, False, True]),
        # One that was seen and is forgotten since.
        ((RUNNING, None), 3, [False, True]),
    ],
)
def test_a_task_has_ended(found, unseen, ended):
    told, last = looks(*found, unseen=unseen)
    assert told == ended
    assert last == next((one for one in reversed(found) if one), STARTED)


@pytest.mark.parametrize("text", ["half \ud800", '{"message": "half \ud800"}'])
def test_what_utf8_cannot_hold_is_written_as_an_escape(text):
    out = io.BytesIO()
    write([LogEvent(0, text)], "json", out)
    write([LogEvent(0, text)], "text", out)
    as_json, as_text = out.getvalue().splitlines()
    assert json.loads(as_json)["message"] == "half \ud800"
    assert as_text.endswith(rb"half \ud800")


def test_an_interval_that_is_no_number_is_refused_before_anything_is_started():
    @click.command()
    @log_options
    def started(form, interval):
        pytest.fail("it was started")

    ended = click.testing.CliRunner().invoke(started, ["--interval", "nan"])
    assert ended.exit_code == 2
    assert "it is no number" in ended.output
