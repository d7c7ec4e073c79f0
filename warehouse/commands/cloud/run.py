"""`warehouse cloud run`: one task of a pipeline in Fargate, as the stack says, and awaited if asked."""

from __future__ import annotations

import math
from typing import Any, get_args

import click
from click import echo

from warehouse.cloud.logs import Logs, follow
from warehouse.cloud.stack import CONTAINER, Pipeline, find_stack
from warehouse.cloud.tasks import Tasks, stream_name
from warehouse.commands.cloud.options import access_of, stack_options
from warehouse.commands.cloud.waiting import KNOWN_WITHIN_SECONDS, Latest, log_options, pause, write
from warehouse.commands.output import output
from warehouse.domain.ecs_task import ending, exit_code, refusal
from warehouse.domain.fargate import overrides
from warehouse.errors import CloudError, SettingsError
from warehouse.services import utc_now


@click.command(short_help="Start a task of a pipeline.")
@click.argument("pipeline", type=click.Choice(get_args(Pipeline)))
@click.option("--wait", is_flag=True, help="Follow the log, and end with the task's code.")
@click.option("--env", multiple=True, metavar="NAME=VALUE", help="A variable for this run; may be repeated.")
@click.option("--command", metavar="LINE", help="What the container is to run instead.")
@click.option("--cpu", type=int, metavar="UNITS", help="CPU units for this run; 1024 are one vCPU.")
@click.option("--memory", type=int, metavar="MIB", help="Memory for this run.")
@click.option("--image", metavar="TAG|DIGEST", help="Another image of the stack's repository, for this run.")
@click.option("--anyway", is_flag=True, help="Start it though one of the pipeline is running.")
@log_options
@stack_options
def run(
    pipeline: Pipeline,
    wait: bool,
    env: tuple[str, ...],
    command: str | None,
    cpu: int | None,
    memory: int | None,
    image: str | None,
    anyway: bool,
    form: str,
    interval: float,
    stack: str,
    **flags: Any,
) -> int:
    """Start a task of PIPELINE (loader, centres or process) in the stack's cluster.

    Where one runs already, it is said, and the command ends with 2. With --wait the log is followed, and the
    command ends with the task's code; with 4 where the task never started.
    """
    access = access_of(**flags)
    asked = overrides(CONTAINER, environment=env, command=command, cpu=cpu, memory=memory)
    found = find_stack(stack, access)
    tasks = Tasks(found, access)
    tasks.require_size(pipeline, cpu, memory)
    if not anyway and (refused := refusal(pipeline, tasks.running(pipeline), utc_now())):
        raise SettingsError(refused)
    task = tasks.start(pipeline, asked, image)
    echo(f"started {task.id}", err=True)
    if not wait:
        echo(task.id)
        return 0
    stream = Logs(found.log_group, access).stream(stream_name(pipeline, task.id))
    latest = Latest(tasks, task, unseen=math.ceil(KNOWN_WITHIN_SECONDS / interval))
    try:
        with output(None) as out:
            write(follow(stream, latest.has_ended, pause(interval)), form, out)
    except (KeyboardInterrupt, CloudError):
        # Only the waiting is over.
        said = f"warehouse cloud logs --stack {stack} --stream {stream.name} --follow"
        echo(f"the task goes on: `{said}`", err=True)
        raise
    echo(ending(latest.task), err=True)
    return exit_code(latest.task)
