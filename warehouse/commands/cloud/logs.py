"""`warehouse cloud logs`: the log of one run, whole, and as it grows if asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import click

from warehouse.cloud.logs import Logs, follow
from warehouse.cloud.stack import CONTAINER_COMMANDS, Pipeline, find_stack
from warehouse.cloud.tasks import Tasks
from warehouse.commands.cloud.options import access_of, stack_options
from warehouse.commands.cloud.waiting import Latest, log_options, pause, write
from warehouse.commands.options import FILE
from warehouse.commands.output import output
from warehouse.domain.ecs_task import Task
from warehouse.errors import SettingsError


@click.command(short_help="Print the log of a run.")
@click.option("--pipeline", type=click.Choice(get_args(Pipeline)), help="The latest run of this pipeline.")
@click.option("--stream", metavar="NAME", help="Of this stream, not of the latest.")
@click.option("--follow", "following", is_flag=True, help="Go on until the task has ended.")
@click.option("--out", type=FILE, help="Write it to a file.")
@log_options
@stack_options
def logs(
    pipeline: Pipeline | None,
    stream: str | None,
    following: bool,
    out: Path | None,
    form: str,
    interval: float,
    stack: str,
    **flags: Any,
) -> None:
    """Print the log of the latest run, or of the stream that is named, from its first line to its last."""
    if stream is not None and pipeline is not None:
        raise SettingsError("--stream names one run, --pipeline the latest of one kind: give one of them")
    access = access_of(**flags)
    found = find_stack(stack, access)
    group = Logs(found.log_group, access)
    named = [pipeline] if pipeline else get_args(Pipeline)
    name = stream or group.latest(tuple(f"{CONTAINER_COMMANDS[one]}/" for one in named))
    if name is None:
        raise SettingsError(
            f"nothing has been logged in {found.log_group} yet: `warehouse cloud run` starts a run"
        )
    of_it = group.stream(name)
    with output(out) as place:
        # The name of a stream ends with its task's.
        task = Latest(Tasks(found, access), Task(name.rpartition("/")[2], "", "UNKNOWN"))
        # A stream comes into being with its first line: a task that goes on may not have written any yet.
        write(of_it.unread(awaited=following and not task.has_ended()), form, place)
        if following:
            write(follow(of_it, task.has_ended, pause(interval)), form, place)
