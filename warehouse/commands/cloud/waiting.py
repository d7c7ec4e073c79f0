"""How the commands of `warehouse cloud` wait and print: by looking again, since ECS tells nobody."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterable
from typing import Any, BinaryIO, TypeVar

import click

from warehouse.cloud.tasks import Tasks
from warehouse.domain.ecs_task import Task
from warehouse.domain.log_events import LogEvent, as_json, as_text

Command = TypeVar("Command", bound=Callable[..., Any])

FORMATS = {"text": as_text, "json": as_json}

INTERVAL = 5.0
# ECS is eventually consistent: so long it may not know a task that it has just started.
KNOWN_WITHIN_SECONDS = 60.0


def log_options(command: Command) -> Command:
    """How a log is printed, and how often it is looked at."""
    command = click.option(
        "--interval",
        type=click.FloatRange(0.05, 3600),
        callback=_number,
        default=INTERVAL,
        show_default=True,
        metavar="SECONDS",
        help="How often to look for more, while the task runs.",
    )(command)
    return click.option(
        "--format", "form", type=click.Choice(tuple(FORMATS)), default="text", help="How to print the log."
    )(command)


def _number(_: click.Context, parameter: click.Parameter, seconds: float) -> float:
    # NaN is neither below a range nor above it.
    if math.isnan(seconds):
        raise click.BadParameter("it is no number", param=parameter)
    return seconds


def pause(seconds: float) -> Callable[[], None]:
    """What waits so many seconds, unless a signal comes."""
    never = threading.Event()

    def wait() -> None:
        never.wait(seconds)

    return wait


class Latest:
    """A task as it was last seen; of one that was just started, up to `unseen` looks may find nothing."""

    def __init__(self, tasks: Tasks, task: Task, *, unseen: int = 0) -> None:
        self.task = task
        self._tasks = tasks
        self._unseen = unseen

    def has_ended(self) -> bool:
        """Look again; a task that ECS knows no more has ended too. Raises CloudError."""
        found = self._tasks.find(self.task.arn)
        if found is None and self._unseen:
            self._unseen -= 1
            return False
        self._unseen = 0
        self.task = found or self.task
        return found is None or found.ended


def write(events: Iterable[LogEvent], form: str, out: BinaryIO) -> None:
    """Write events, each as one line."""
    for event in events:
        # Half a surrogate pair, which UTF-8 cannot hold, is written as an escape, which JSON knows too.
        out.write(FORMATS[form](event).encode(errors="backslashreplace") + b"\n")
