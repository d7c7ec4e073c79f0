"""What all commands of `warehouse cloud` share: which installation, and how AWS is talked to."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar

import click

from warehouse.cloud.clients import Access
from warehouse.commands.options import aws_options
from warehouse.settings import role_arn_of

Command = TypeVar("Command", bound=Callable[..., Any])


def stack_options(command: Command) -> Command:
    """--stack, --region and the options of everything that talks to AWS."""
    command = click.option("--region", metavar="NAME", help="An AWS region.")(aws_options(command))
    return click.option("--stack", required=True, metavar="NAME", help="dev, staging, prod, …")(command)


def access_of(profile: str | None, role_arn: str | None, region: str | None) -> Access:
    """How AWS is talked to, by the options and the environment. Raises SettingsError."""
    return Access(profile or os.environ.get("AWS_PROFILE") or None, role_arn_of(role_arn), region or None)
