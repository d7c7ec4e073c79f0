"""What ECS tells of a task, and what that means: whether it goes on, how it ended, which code to end with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

# Nothing was decided, or nobody knows: run again (docs/exit-codes.md).
INCOMPLETE = 4

# ECS developer guide, "Amazon ECS task lifecycle": DescribeTasks shows DELETED, too, of a task that stopped.
OVER = frozenset({"STOPPED", "DELETED"})


@dataclass(frozen=True, slots=True)
class Task:
    """One task as it was described. `code` is that of the pipeline's container, None before it ended and
    where it never started; `reason` is ECS's sentence, of the container before that of the task."""

    arn: str
    definition: str
    status: str
    created: datetime | None = None
    started: datetime | None = None
    stopped: datetime | None = None
    code: int | None = None
    reason: str = ""

    @property
    def id(self) -> str:
        """The task's own name, which ends its log stream's too."""
        return self.arn.rpartition("/")[2]

    @property
    def ended(self) -> bool:
        return self.status in OVER


def task_of(described: Mapping[str, Any], container: str) -> Task:
    """A task as DescribeTasks and RunTask tell of it; `container` is the one whose code counts."""
    own: Mapping[str, Any] = next(
        (one for one in described.get("containers", ()) if one.get("name") == container), {}
    )
    ended = described.get("lastStatus") in OVER
    reasons = (own.get("reason"), described.get("stoppedReason"))
    return Task(
        arn=described["taskArn"],
        definition=described.get("taskDefinitionArn", ""),
        status=described.get("lastStatus", "UNKNOWN"),
        created=described.get("createdAt"),
        started=described.get("startedAt"),
        stopped=described.get("stoppedAt"),
        code=own.get("exitCode") if ended else None,
        reason="; ".join(" ".join(str(reason).split()) for reason in reasons if reason),
    )


def exit_code(task: Task) -> int:
    """What whoever waited for a task ends with: the container's code; 4 where it never had one."""
    return INCOMPLETE if task.code is None else task.code


def ending(task: Task) -> str:
    """How a task ended, in a sentence."""
    if task.code is None:
        how = "never started" if task.started is None else "ended without a code"
        return f"the task {task.id} {how}: {task.reason or 'ECS gives no reason'}; mend that, run again"
    why = f" ({task.reason})" if task.code and task.reason else ""
    return f"the task {task.id} ended with {task.code}{why}"


def refusal(pipeline: str, running: Iterable[Task], now: datetime) -> str:
    """Why another task is not started, where some run already; empty where none does."""
    held = [one for one in running if not one.ended]
    if not held:
        return ""
    named = ", ".join(f"{one.id} ({since(one.started or one.created, now)})" for one in held)
    return (
        f"a task of {pipeline} is running already: {named}; wait for it (`warehouse cloud logs --follow`), "
        "or say --anyway"
    )


def since(moment: datetime | None, now: datetime) -> str:
    """How long ago something was, in its largest unit that is whole.

    >>> from datetime import UTC
    >>> since(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, 2, 5, tzinfo=UTC))
    '2 h 5 min ago'
    """
    if moment is None:
        return "a moment ago"
    minutes = max(now - moment, timedelta()) // timedelta(minutes=1)
    if minutes < 60:
        return f"{minutes} min ago"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min ago"
    return f"{hours // 24} days ago"


def lines(pipeline: str, tasks: Iterable[Task], now: datetime) -> Iterator[str]:
    """What `status` says of a pipeline: what runs, then what ended, the latest first."""
    held = sorted(tasks, key=_age, reverse=True)
    yield f"{pipeline}:"
    for one in held:
        if not one.ended:
            yield f"  {one.id}  {one.status}  began {since(one.started or one.created, now)}"
    for one in held:
        if one.ended:
            code = "no exit code" if one.code is None else f"exit code {one.code}"
            why = f"  {one.reason}" if one.reason and one.code != 0 else ""
            yield f"  {one.id}  {code}  ended {since(one.stopped, now)}{why}"
    if not held:
        yield "  nothing runs, and nothing ended of late"


def figures(task: Task) -> Mapping[str, Any]:
    """A task for programs."""
    return {
        "id": task.id,
        "definition": task.definition,
        "status": task.status,
        "created": task.created,
        "started": task.started,
        "stopped": task.stopped,
        "exit_code": task.code,
        "reason": task.reason,
    }


def _age(task: Task) -> float:
    moment = task.stopped or task.started or task.created
    return moment.timestamp() if moment is not None else 0.0
