"""How a task stands and how it ended, from what ECS tells of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from warehouse.domain.ecs_task import Task, ending, exit_code, lines, refusal, since, task_of

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
ARN = "arn:aws:ecs:eu-west-2:123456789012:task/cluster/abc"


def told(status="STOPPED", **more):
    container = {"name": "pipeline", **more.pop("container", {})}
    sidecar = {"name": "other", "exitCode": 99}
    return {"taskArn": ARN, "lastStatus": status, "containers": [sidecar, container], **more}


def test_the_code_is_of_the_pipelines_container_and_of_one_that_ended():
    assert task_of(told(container={"exitCode": 5}), "pipeline").code == 5
    assert task_of(told("RUNNING", container={"exitCode": 0}), "pipeline").code is None
    assert task_of({"taskArn": ARN, "lastStatus": "PENDING"}, "pipeline").id == "abc"


def test_a_code_of_nought_is_a_code():
    task = task_of(told(container={"exitCode": 0}), "pipeline")
    assert exit_code(task) == 0
    assert ending(task) == "the task abc ended with 0"


def test_one_that_never_started_is_incomplete_and_says_why():
    task = task_of(told(stoppedReason="TaskFailedToStart:\nno route"), "pipeline")
    assert exit_code(task) == 4
    assert ending(task) == "the task abc never started: TaskFailedToStart: no route; mend that, run again"


def test_one_that_was_killed_says_why():
    task = task_of(
        told(container={"exitCode": 137, "reason": "OutOfMemoryError"}, stoppedReason="Essential container"),
        "pipeline",
    )
    assert exit_code(task) == 137
    assert ending(task) == "the task abc ended with 137 (OutOfMemoryError; Essential container)"


def test_one_that_started_and_has_no_code():
    task = task_of(told(startedAt=NOW, stoppedReason="Task stopped by user"), "pipeline")
    assert exit_code(task) == 4
    assert "ended without a code: Task stopped by user" in ending(task)


def test_what_runs_is_a_reason_to_refuse_and_what_ended_is_none():
    running = Task(ARN, "d", "RUNNING", started=NOW - timedelta(minutes=7))
    assert "abc (7 min ago)" in refusal("loader", [running], NOW)
    assert refusal("loader", [], NOW) == ""
    assert refusal("loader", [Task(ARN, "d", "STOPPED")], NOW) == ""
    assert refusal("loader", [Task(ARN, "d", "PROVISIONING")], NOW)


@pytest.mark.parametrize(
    ("ago", "said"),
    [
        (timedelta(seconds=-5), "0 min ago"),
        (timedelta(minutes=59), "59 min ago"),
        (timedelta(hours=47, minutes=59), "47 h 59 min ago"),
        (timedelta(days=3), "3 days ago"),
    ],
)
def test_ages(ago, said):
    assert since(NOW - ago, NOW) == said


def test_lines_say_what_runs_and_then_what_ended_the_latest_first():
    older = Task("t/old", "d", "STOPPED", stopped=NOW - timedelta(hours=1), code=0, reason="Essential")
    newer = Task("t/new", "d", "STOPPED", stopped=NOW - timedelta(minutes=1), reason="no image")
    running = Task("t/run", "d", "RUNNING", started=NOW - timedelta(minutes=2))
    assert list(lines("loader", [older, newer, running], NOW)) == [
        "loader:",
        "  run  RUNNING  began 2 min ago",
        "  new  no exit code  ended 1 min ago  no image",
        "  old  exit code 0  ended 1 h 0 min ago",
    ]


def test_one_that_ecs_has_deleted_has_ended():
    """ECS developer guide, "Amazon ECS task lifecycle": DescribeTasks shows that state, too."""
    task = task_of(told("DELETED", container={"exitCode": 3}), "pipeline")
    assert task.ended
    assert exit_code(task) == 3
