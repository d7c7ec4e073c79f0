"""What commands share: the options of everything that talks to AWS, and how a bucket is named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])


def aws_options(command: Command) -> Command:
    """The options of every command that talks to AWS."""
    command = click.option("--role-arn", metavar="ARN", help="A role to assume.")(command)
    return click.option("--profile", metavar="NAME", help="An AWS profile.")(command)
