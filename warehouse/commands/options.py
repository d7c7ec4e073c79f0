"""What commands share: options for AWS, how a place to write to is named, and who is there to be asked."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from warehouse.errors import SettingsError
from warehouse.settings import VARIABLES

Command = TypeVar("Command", bound=Callable[..., Any])


class _Place(click.Path):
    """A place to write to. An empty one is refused: it would mean the folder that one stands in."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not str(value):
            self.fail("it is empty: name a place", param, ctx)
        return super().convert(value, param, ctx)


FILE = _Place(dir_okay=False, path_type=Path)
FOLDER = _Place(file_okay=False, path_type=Path)
FILE_OR_FOLDER = _Place(path_type=Path)


def somebody_is_there() -> bool:
    """Whether a question would be read: standard input is a terminal."""
    return sys.stdin is not None and sys.stdin.isatty()


def aws_options(command: Command) -> Command:
    """The options of every command that talks to AWS."""
    command = click.option("--role-arn", metavar="ARN", help="A role to assume.")(command)
    return click.option("--profile", metavar="NAME", help="An AWS profile.")(command)


def bucket_and(name: str, bucket: str | None, asked: str | None) -> tuple[str | None, str]:
    """BUCKET and the argument `name` behind it: a single one is `name`, where a variable names the bucket.

    Raises click.MissingParameter.
    """
    if asked is None and any(os.environ.get(variable) for variable in VARIABLES):
        bucket, asked = None, bucket
    if not asked:
        # Who gave one argument may well have given this one, and left the bucket out.
        remedy = f"Give BUCKET and {name}, or set WAREHOUSE_BUCKET and give {name}."
        raise click.MissingParameter(remedy, param_hint=f"'{name}'", param_type="argument")
    return bucket, asked


def format_option(command: Command) -> Command:
    """--format of what is printed for people, or for programs as JSON; the argument is `format`."""
    option = click.option(
        "--format", type=click.Choice(("table", "json")), default="table", help="How to print it."
    )
    return option(command)


def engine_options(command: Command) -> Command:
    """The options that say where a pipeline runs; the arguments are `engine`, `master` and `conf`."""
    for option in (
        click.option(
            "--conf", multiple=True, metavar="K=V", help="A setting of Spark, such as spark.executor.cores=4."
        ),
        click.option("--master", metavar="URL", help="Spark's master, such as spark://host:7077."),
        click.option(
            "--engine",
            type=click.Choice(("local", "spark")),
            default="local",
            help="Run here, or on Apache Spark.",
        ),
    ):
        command = option(command)
    return command


def is_spark(engine: str, master: str | None, conf: tuple[str, ...]) -> bool:
    """Whether a pipeline runs on Spark. Raises SettingsError where only Spark could make use of an option."""
    if engine != "spark" and (master is not None or conf):
        raise SettingsError("--master and --conf are for Spark: add --engine spark, or leave them out")
    return engine == "spark"
