"""`warehouse cloud status`: what runs, how the last runs ended, and when the next one comes."""

from __future__ import annotations

import os
from typing import Any, get_args

import click
import orjson
from click import echo

from warehouse.cloud.clients import Access
from warehouse.cloud.schedule import nightly
from warehouse.cloud.stack import Pipeline, Stack, find_stack
from warehouse.cloud.tasks import Tasks
from warehouse.commands.cloud.options import access_of, stack_options
from warehouse.domain.ecs_task import figures, lines
from warehouse.domain.schedule import next_time
from warehouse.errors import CloudError, WarehouseError
from warehouse.opening import open_snapshot
from warehouse.services import utc_now
from warehouse.settings import read_settings


@click.command(short_help="Say what runs, and how the last runs ended.")
@click.option(
    "--format", "form", type=click.Choice(("text", "json")), default="text", help="How to print it."
)
@stack_options
def status(form: str, stack: str, **flags: Any) -> None:
    """Say of each pipeline what runs, and what ended within the hour or so for which ECS remembers it; when
    the next nightly run is; and which version the catalog is of, where it may be read.

    Older runs are in the catalog's table `runs`, and in the logs.
    """
    access = access_of(**flags)
    found = find_stack(stack, access)
    tasks, now = Tasks(found, access), utc_now()
    held = {name: [*tasks.running(name), *tasks.stopped(name)] for name in get_args(Pipeline)}
    following, catalog = _next(found, access), _catalog(found, access)
    if form == "json":
        told = {name: [figures(one) for one in some] for name, some in held.items()}
        document = {"stack": found.name, "status": found.status, "tasks": told, **following, **catalog}
        echo(orjson.dumps(document, option=orjson.OPT_INDENT_2))
        return
    echo(f"{found.name}: {found.status}")
    for name, some in held.items():
        for line in lines(name, some, now):
            echo(line)
    echo(f"next nightly run: {following.get('next_run') or following['next_run_unknown']}")
    echo(f"catalog: {catalog.get('catalog_version', catalog.get('catalog_unknown'))}")


def _next(stack: Stack, access: Access) -> dict[str, str]:
    try:
        rule = nightly(stack, access)
    except CloudError as error:
        return {"next_run_unknown": str(error)}
    if not rule.enabled:
        return {"next_run_unknown": "none, the schedule is switched off"}
    moment = next_time(rule.expression, utc_now())
    return {"next_run": f"{moment:%Y-%m-%dT%H:%MZ}"} if moment else {"next_run_unknown": rule.expression}


def _catalog(stack: Stack, access: Access) -> dict[str, Any]:
    settings = read_settings(
        os.environ, bucket=f"s3://{stack.bucket}", profile=access.profile, role_arn=access.role_arn
    )
    try:
        with open_snapshot(settings) as snapshot:
            return {"catalog_version": snapshot.version}
    except WarehouseError as error:
        return {"catalog_unknown": str(error)}
