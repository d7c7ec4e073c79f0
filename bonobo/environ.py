"""Environment variables for the length of one run; the process's own come back afterwards."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from bonobo.errors import UsageError


def parse_variable(text: str) -> tuple[str, str]:
    """Split `NAME=VALUE`; quotes around the whole value are taken off. Raises UsageError.

    >>> parse_variable("GREETING='Hello, you'")
    ('GREETING', 'Hello, you')
    """
    name, separator, value = text.partition("=")
    if not separator or not name:
        raise UsageError("an environment variable is given as NAME=VALUE")
    if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"":
        value = value[1:-1]
    return name, value


@contextmanager
def environment(variables: Iterable[str]) -> Iterator[None]:
    """Set variables, each `NAME=VALUE`, the later before the earlier; restore them at the end."""
    wanted = dict(map(parse_variable, variables))
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def get_argument_parser(parser: argparse.ArgumentParser | None = None) -> argparse.ArgumentParser:
    """Give a parser (or extend one) with the options that set the environment: `-e/--env NAME=VALUE`."""
    parser = parser or argparse.ArgumentParser()
    parser.add_argument(
        "-e", "--env", action="append", metavar="NAME=VALUE", help="set an environment variable"
    )
    return parser


@contextmanager
def parse_args(
    mixed: argparse.ArgumentParser | argparse.Namespace | Mapping[str, Any] | None = None,
) -> Iterator[dict[str, Any]]:
    """Apply the options that set the environment, and yield the others; restore it at the end.

    Takes a parser, which then reads the command line, or options that were parsed already.

    >>> with parse_args({"env": ["CITY=Paris"], "limit": 3}) as options:
    ...     options, os.environ["CITY"]
    ({'limit': 3}, 'Paris')
    """
    if mixed is None:
        mixed = get_argument_parser()
    parsed = mixed.parse_args() if isinstance(mixed, argparse.ArgumentParser) else mixed
    options = dict(vars(parsed) if isinstance(parsed, argparse.Namespace) else parsed)
    with environment(options.pop("env", None) or ()):
        yield options
