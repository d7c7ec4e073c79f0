"""`warehouse config`: what is to be known of config.json before a load reads it."""

from __future__ import annotations

import os
from pathlib import Path

import click
from click import echo

from warehouse.commands.options import aws_options
from warehouse.domain.centres import printable
from warehouse.errors import SettingsError
from warehouse.opening import open_warehouse
from warehouse.pipeline import check
from warehouse.settings import read_settings


@click.group()
def config() -> None:
    """Look after config.json."""


@config.command("check", short_help="Check the configuration of a bucket, or a file.")
@click.argument("target", metavar="[BUCKET|FILE]", required=False)
@aws_options
def config_check(target: str | None, profile: str | None, role_arn: str | None) -> None:
    """Check the configuration of a bucket (or of WAREHOUSE_BUCKET), or a file before it is put there."""
    if target and os.path.isfile(target):
        found = check.file(_bytes_of(Path(target)))
    else:
        settings = read_settings(os.environ, bucket=target, profile=profile, role_arn=role_arn)
        with open_warehouse(settings) as (store, catalog):
            found = check.bucket(store, catalog)
    for line in found:
        echo(printable(line))


def _bytes_of(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise SettingsError(f"the file cannot be read: {error.strerror}") from None
