"""`warehouse query`: SQL over the catalog, or over what one set's readers may see of it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import click

from warehouse.commands.asking import asking_options, limits_of
from warehouse.commands.hard_limits import hard_limits
from warehouse.commands.options import aws_options
from warehouse.commands.output import output
from warehouse.domain.records import Group
from warehouse.errors import SettingsError
from warehouse.services import open_snapshot
from warehouse.settings import read_settings
from warehouse.storage.answers import WRITERS
from warehouse.storage.snapshot import AsOf

BINARY = ("parquet",)


@click.command(short_help="Ask the catalog in SQL.")
@click.argument("bucket")
@click.argument("sql")
@click.option("--format", type=click.Choice(list(WRITERS)), help="How to print it (default: see below).")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write it to a file.")
@asking_options
@aws_options
def query(
    bucket: str,
    sql: str,
    format: str | None,
    out: Path | None,
    group: Group | None,
    as_of: AsOf,
    timeout: float,
    memory: int,
    **flags: Any,
) -> None:
    """Ask the catalog of BUCKET one question in SQL, as DuckDB speaks it.

    The tables are objects, objects_now, runs, patients, studies, series and images; for a caller who may read
    one set only, the last four of that set. The answer is a table on a terminal and CSV elsewhere; a file is
    of the format that its name ends in.
    """
    settings = read_settings(os.environ, bucket=bucket, **flags)
    format = format or _usual(out)
    if format in BINARY and out is None:
        raise SettingsError(f"{format} is for a file: name one with --out")
    with (
        hard_limits(timeout, memory),
        open_snapshot(settings, group, as_of) as snapshot,
        snapshot.ask(sql, limits=limits_of(timeout, memory)) as answer,
        output(out) as stream,
    ):
        WRITERS[format](answer, stream)


def _usual(out: Path | None) -> str:
    """The format where none is asked for."""
    if out is not None:
        suffix = out.suffix.lower().removeprefix(".")
        return suffix if suffix in WRITERS else "csv"
    return "table" if sys.stdout is not None and sys.stdout.isatty() else "csv"
