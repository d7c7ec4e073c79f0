"""`warehouse doctor`: what a first load would stumble over, found before it, with what to do."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import click
import orjson
from click import echo

from warehouse.cloud.clients import Access
from warehouse.cloud.notification import publish
from warehouse.commands.options import aws_options, format_option
from warehouse.domain.centres import printable
from warehouse.domain.doctor import Check, as_figures, exit_code, lines, missing, ok
from warehouse.errors import CloudError, SettingsError
from warehouse.opening import open_probe, open_probes_beside
from warehouse.pipeline.doctor import BucketExamination, beside_for_inventory, beside_for_tables
from warehouse.pipeline.doctor_folder import folder_checks
from warehouse.services import utc_now
from warehouse.settings import Settings, read_settings, read_task_settings
from warehouse.storage.folder_probe import FolderProbe

SUBJECT = "warehouse doctor"
TRIAL = "A trial of `warehouse doctor`: messages of the warehouse arrive here."


@click.command(short_help="Find what a first load would stumble over.")
@click.argument("bucket", required=False)
@click.option("--notify", is_flag=True, help="Send a message to TOPIC_ARN, too, to try that.")
@format_option
@aws_options
def doctor(bucket: str | None, notify: bool, format: str, **flags: Any) -> int:
    """Try what a load of BUCKET (or of WAREHOUSE_BUCKET) needs: permissions, conditional writes, the way to
    copy, the clock, the endpoint, the configuration; of a folder, what its file system can do.

    A line a check, with what to do. In a bucket, two small objects under training/catalog/doctor/ stay
    behind; nothing is deleted. Ends with 2 where something is missing.
    """
    settings = read_settings(os.environ, bucket=bucket, **flags)
    left: list[str] = []
    checks = list(_checks(settings, left))
    checks += [_topic(settings)] if notify else []
    if format == "json":
        echo(orjson.dumps(as_figures(str(settings.location), checks, left), option=orjson.OPT_INDENT_2))
    else:
        for line in lines(checks, left):
            echo(printable(line))
    return exit_code(checks)


def _checks(settings: Settings, left: list[str]) -> Iterator[Check]:
    with open_probe(settings) as (probe, check):
        if isinstance(probe, FolderProbe):
            yield from folder_checks(probe, check, utc_now)
            return
        examination = BucketExamination(probe, check)
        yield from examination.checks()
        left.extend(examination.left)
    if examination.usable:
        with open_probes_beside(settings) as (tables, inventory):
            yield beside_for_tables(tables, heeds_if_match=examination.heeds_if_match)
            yield beside_for_inventory(inventory, settings.location.name)


def _topic(settings: Settings) -> Check:
    """Whether TOPIC_ARN takes messages. There is no way to try it but to send one."""
    name = "TOPIC_ARN"
    try:
        told = read_task_settings(os.environ)
        if told.topic_arn is None:
            return missing(name, "it is not set", "set it, or leave out --notify")
        access = Access(settings.profile, settings.role_arn, told.topic_region)
        publish(told.topic_arn, access, SUBJECT, TRIAL, {})
    except SettingsError as error:
        return missing(name, str(error), "correct it")
    except CloudError as error:
        return missing(name, str(error), "grant sns:Publish on the topic, or correct TOPIC_ARN")
    return ok(name, "a message was sent there")
