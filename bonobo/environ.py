"""Environment variables for the length of one run; the process's own come back afterwards.

What a variable ends up as, the first that names it: --env, --env-file, the process's environment,
--default-env, --default-env-file. Messages name files and lines, and never hold a value.
"""

from __future__ import annotations

import argparse
import codecs
import errno
import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from bonobo.errors import UsageError

Variable = tuple[str, str]
Option = tuple[tuple[str, ...], str, str]

OPTIONS: Mapping[str, Option] = {
    "env": (("-e", "--env"), "NAME=VALUE", "set an environment variable for the run"),
    "env_file": (("--env-file",), "FILE", "set environment variables from a file of such lines"),
    "default_env": (("--default-env",), "NAME=VALUE", "set a variable that is not set"),
    "default_env_file": (("-E", "--default-env-file"), "FILE", "set variables that are not set, from a file"),
}
"""The options of a command line that set the environment: flags, value, help. Each may be repeated."""

_NAME = re.compile(r"[^\s=\0]+")
_ESCAPE = re.compile(
    r"\\(?:[\\'\"abfnrtv]|[0-7]{1,3}|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U00(?:0[0-9a-fA-F]|10)[0-9a-fA-F]{4})"
)


@dataclass(frozen=True, slots=True)
class Layers:
    """What the four options were given, each in the order of the command line."""

    env: tuple[str, ...] = ()
    env_file: tuple[str, ...] = ()
    default_env: tuple[str, ...] = ()
    default_env_file: tuple[str, ...] = ()

    @classmethod
    def taken_from(cls, options: dict[str, Any]) -> Layers:
        """Take the four out of parsed options, and leave the others there."""
        return cls(**{name: tuple(options.pop(name, None) or ()) for name in OPTIONS})

    def changes(self, system: Mapping[str, str]) -> dict[str, str]:
        """Give the variables to set where `system` is the environment. Raises UsageError.

        Of several defaults of one name the first counts; else the last.

        >>> Layers(env=("A=1", "A=2"), default_env=("B=3", "B=4", "C=5")).changes({"C": "0"})
        {'B': '3', 'A': '2'}
        """
        defaults = [*_given("default_env", self.default_env), *_read(self.default_env_file)]
        changes: dict[str, str] = {}
        for name, value in defaults:
            if name not in system:
                changes.setdefault(name, value)
        return changes | dict(_read(self.env_file)) | dict(_given("env", self.env))


def parse_variable(text: str) -> Variable:
    r"""Split `NAME=VALUE`. Raises UsageError where there is no such thing.

    Quotes around the whole value are taken off; between them Python's escapes count, such as \n and \u00e9.

    >>> parse_variable("GREETING='Hello, you'")
    ('GREETING', 'Hello, you')
    """
    name, separator, value = text.partition("=")
    if not separator or not _NAME.fullmatch(name):
        raise UsageError("an environment variable is given as NAME=VALUE")
    if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"":
        value = _ESCAPE.sub(lambda escape: codecs.decode(escape[0], "unicode_escape"), value[1:-1])
    if not _can_be_set(value):
        raise UsageError("no environment variable can hold a NUL or half a surrogate pair")
    return name, value


def _can_be_set(value: str) -> bool:
    try:
        return b"\0" not in os.fsencode(value)
    except UnicodeEncodeError:
        return False


def read_variables(path: str) -> list[Variable]:
    """Read a file of lines `NAME=VALUE` in UTF-8. Raises UsageError, with the number of the line.

    Empty lines and lines that begin with `#` are left out; so are spaces around the name and the value, and
    an `export` before the name, so that a shell can read the same file. A pipe is read where somebody writes
    to it, as a shell's `<(...)` does.
    """
    try:
        lines = _content(path).removeprefix(codecs.BOM_UTF8).splitlines()
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or type(error).__name__
        raise UsageError(f"the environment file {path!r} cannot be read: {reason}") from None
    return [variable for number, line in enumerate(lines, 1) for variable in _line(path, number, line)]


def _content(path: str) -> bytes:
    """Read a file whole, and wait for nobody who would have to open a pipe first. Raises OSError."""
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb", buffering=0) as file:
        # Nothing is the end, None a pipe that somebody has yet to write to.
        first = file.read(1)
        if first == b"" and stat.S_ISFIFO(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EPIPE, "nobody writes to this pipe")
        os.set_blocking(file.fileno(), True)
        return (first or b"") + file.read()


def _line(path: str, number: int, line: bytes) -> Iterator[Variable]:
    try:
        text = line.decode().strip()
        if text and not text.startswith("#"):
            name, separator, value = text.partition("=")
            words = name.split()
            if len(words) == 2 and words[0] == "export":
                del words[0]
            yield parse_variable(" ".join(words) + separator + value.lstrip())
    except UnicodeDecodeError:
        raise UsageError(f"{path}, line {number}: this is not UTF-8") from None
    except UsageError as error:
        raise UsageError(f"{path}, line {number}: {error}") from None


def _read(paths: Iterable[str]) -> Iterator[Variable]:
    for path in paths:
        yield from read_variables(path)


def _given(option: str, texts: Iterable[str]) -> Iterator[Variable]:
    for text in texts:
        try:
            yield parse_variable(text)
        except UsageError as error:
            raise UsageError(f"{'/'.join(OPTIONS[option][0])}: {error}") from None


@contextmanager
def environment(layers: Layers) -> Iterator[None]:
    """Set the variables of `layers`; restore them at the end, also after an error. Raises UsageError."""
    wanted = layers.changes(os.environ)
    before = {name: os.environ.get(name) for name in wanted}
    try:
        os.environ.update(wanted)
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def get_argument_parser(parser: argparse.ArgumentParser | None = None) -> argparse.ArgumentParser:
    """Give a parser, or extend one, with the options that set the environment; see `parse_args`.

    >>> parser = get_argument_parser()
    >>> _ = parser.add_argument("--limit", type=int)
    >>> parser.parse_args(["--limit", "3", "-e", "CITY=Paris"]).env
    ['CITY=Paris']
    """
    parser = parser or argparse.ArgumentParser()
    for flags, value, text in OPTIONS.values():
        parser.add_argument(*flags, action="append", metavar=value, help=text)
    return parser


@contextmanager
def parse_args(
    mixed: argparse.ArgumentParser | argparse.Namespace | Mapping[str, Any] | None = None,
) -> Iterator[dict[str, Any]]:
    """Apply the options that set the environment, and yield the others; restore it at the end.

    Takes a parser, which then reads the command line, or options that were parsed already. Under `bonobo run
    FILE -- ARGUMENTS` that command line is ARGUMENTS. Raises UsageError.

    >>> with parse_args({"env": ["CITY=Paris"], "limit": 3}) as options:
    ...     options, os.environ["CITY"]
    ({'limit': 3}, 'Paris')
    """
    if mixed is None:
        mixed = get_argument_parser()
    parsed = mixed.parse_args() if isinstance(mixed, argparse.ArgumentParser) else mixed
    options = dict(vars(parsed) if isinstance(parsed, argparse.Namespace) else parsed)
    with environment(Layers.taken_from(options)):
        yield options
