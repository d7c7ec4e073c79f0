"""The options of commands that ask the catalog, and how what a person typed becomes limits and moments."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

import click

from warehouse.domain.records import GROUPS
from warehouse.storage.sandbox import Limits
from warehouse.storage.snapshot import AsOf

Command = TypeVar("Command", bound=Callable[..., Any])

SECONDS = 60.0
MEBIBYTES = 512
MAXIMUM_SECONDS = 24 * 3600
MAXIMUM_MEBIBYTES = 16 * 1024 * 1024

_VERSION = re.compile(r"[0-9]{1,18}")


def asking_options(command: Command) -> Command:
    """Which tables are asked, as of when, and what the answer may cost."""
    for option in (
        click.option(
            "--memory",
            type=click.IntRange(64, MAXIMUM_MEBIBYTES),
            default=MEBIBYTES,
            metavar="MIB",
            help=f"Memory before it turns to the disk (default {MEBIBYTES} MiB).",
        ),
        click.option(
            "--timeout",
            type=click.FloatRange(0, MAXIMUM_SECONDS, min_open=True),
            callback=_seconds,
            default=SECONDS,
            metavar="SECONDS",
            help=f"Time that the answer may take (default {SECONDS:g} s).",
        ),
        click.option(
            "--as-of", callback=_as_of, metavar="VERSION|TIME", help="The catalog as it was then (UTC)."
        ),
        click.option(
            "--set", "group", type=click.Choice(GROUPS), help="What the readers of one set may see."
        ),
    ):
        command = option(command)
    return command


def limits_of(timeout: float, memory: int) -> Limits:
    """The limits that the options say."""
    return Limits(seconds=timeout, memory=f"{memory}MiB")


def _seconds(context: click.Context, parameter: click.Parameter, value: float) -> float:
    """A number, since `nan` lies in every range."""
    if math.isnan(value):
        raise click.BadParameter("that is no number of seconds", context, parameter)
    return value


def _as_of(context: click.Context, parameter: click.Parameter, value: str | None) -> AsOf:
    """A version of the catalog, or a time in ISO 8601: UTC unless it says otherwise."""
    if value is None:
        return None
    if _VERSION.fullmatch(value):
        return int(value)
    moment = _moment(value)
    if moment is None:
        raise click.BadParameter(
            "neither a version nor a time: write it as 17 or as 2024-02-29T12:00:00Z", context, parameter
        )
    return moment


def read_moment(context: click.Context, parameter: click.Parameter, value: str | None) -> datetime | None:
    """A date or a time in ISO 8601, aware: UTC unless it says otherwise; a date is its first moment."""
    if value is None:
        return None
    moment = _moment(value)
    if moment is None:
        raise click.BadParameter(
            "no date and no time: write it as 2024-02-29 or as 2024-02-29T12:00:00Z", context, parameter
        )
    return moment


def _moment(value: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(value)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
