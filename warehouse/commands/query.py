"""`warehouse query`: SQL over the catalog, or over what one set's readers may see of it."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import Any

import click

from warehouse.commands.asking import asking_options, limits_of
from warehouse.commands.hard_limits import hard_limits
from warehouse.commands.options import FILE, aws_options, bucket_and
from warehouse.commands.output import output
from warehouse.domain.records import Group
from warehouse.errors import SettingsError
from warehouse.opening import open_snapshot
from warehouse.settings import read_settings
from warehouse.storage.answers import WRITERS
from warehouse.storage.snapshot import AsOf

BINARY = ("parquet",)
FILES = ("csv", "json", "parquet")

# No name of an option, with or without its value, and a line behind it.
_REMARK = re.compile(r"--(?![a-z-]+=)[^\n]*\n")


class _AsksInSql(click.Command):
    """A command whose question may begin with a remark, which looks like an option."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, [f"\n{one}" if _REMARK.match(one) else one for one in args])


@click.command(cls=_AsksInSql, short_help="Ask the catalog in SQL.")
@click.argument("bucket", required=False)
@click.argument("sql", required=False, metavar="SQL")
@click.option(
    "--format",
    type=click.Choice(list(WRITERS)),
    help="How to print it; else a table on a terminal, CSV elsewhere, and a file as its name ends.",
)
@click.option(
    "--out",
    type=FILE,
    help="Write it to a file: .csv, .json or .parquet.",
)
@asking_options
@aws_options
def query(
    bucket: str | None,
    sql: str | None,
    format: str | None,
    out: Path | None,
    group: Group | None,
    as_of: AsOf,
    timeout: float,
    memory: int,
    **flags: Any,
) -> None:
    """Ask the catalog of BUCKET (or of WAREHOUSE_BUCKET) one question in SQL, as DuckDB speaks it.

    The tables are objects, objects_now, runs, images, series, studies and patients; for a caller who may read
    one set only, the last four of that set.
    """
    bucket, sql = bucket_and("SQL", bucket, sql)
    settings = read_settings(os.environ, bucket=bucket, writes={"--out": out}, **flags)
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
    """The format where none is asked for. Raises SettingsError for a file whose name says none."""
    if out is None:
        return "table" if sys.stdout is not None and sys.stdout.isatty() else "csv"
    suffix = out.suffix.lower().removeprefix(".")
    if suffix not in FILES:
        raise SettingsError(
            "the name of --out tells no format: let it end in .csv, .json or .parquet, or give --format"
        )
    return suffix
