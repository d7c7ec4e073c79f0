"""The `warehouse` command: what a person types becomes settings, and what comes back becomes words.

Bad input ends in one line on stderr and a code of the table in docs/exit-codes.md, never in a traceback.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import NoReturn

import click
from click import echo

from bonobo.allocator import use_one_heap
from bonobo.cli import leave
from bonobo.errors import describe, exit_code_of
from warehouse import __version__
from warehouse.errors import OutputLost, SettingsError
from warehouse.lines import Lines
from warehouse.settings import read_log_format

# The module of each command, under warehouse.commands: it is read when the command is asked for, since none
# needs all the libraries that all of them need.
MODULES: Mapping[str, str] = {
    **{
        name: name
        for name in (
            *("catalog", "centres", "cloud", "cohort", "config", "demo", "doctor", "header", "load"),
            *("process", "query", "report", "retry", "split", "verify", "why"),
        )
    },
    "deferred": "worklists",
    "quarantine": "worklists",
}


def main() -> NoReturn:
    """Run the command; every error is one line and its code."""
    _open_closed_output()
    use_one_heap()
    leave(_run())


def _open_closed_output() -> None:
    """Let writing to a standard output that was closed fail: nothing is to be lost without a word."""
    if sys.stdout is None:
        sys.stdout = open(os.open(os.devnull, os.O_RDONLY), "w", encoding="utf-8")  # noqa: SIM115


def _run() -> int:
    lines = Lines()
    lines.show_log()
    try:
        lines = Lines(read_log_format(os.environ))
        lines.show_log()
        _require_text(sys.argv[1:])
        return cli.main(prog_name="warehouse", standalone_mode=False) or 0
    except click.ClickException as error:
        error.show()
        return 2
    except (click.Abort, KeyboardInterrupt):
        return 130
    except SystemExit:
        # click's own end where the reader of a pipe went away: whoever read has seen enough.
        return 0
    except Exception as error:
        if isinstance(error, OSError) and _came_of_output(error):
            error = OutputLost(error)
        echo(lines.form("error", describe(error)), err=True)
        return exit_code_of(error)


def _require_text(arguments: Sequence[str]) -> None:
    """Raise SettingsError for an argument that no output and no library could take."""
    for number, argument in enumerate(arguments, 1):
        try:
            argument.encode()
        except UnicodeEncodeError:
            said = f"argument {number} is no text in UTF-8: write it so, or rename what it names"
            raise SettingsError(said) from None


def _came_of_output(error: OSError) -> bool:
    """Whether an error left `echo`, through which all that a command prints goes."""
    return any(frame.f_code is echo.__code__ for frame, _ in traceback.walk_tb(error.__traceback__))


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(MODULES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in MODULES:
            return None
        command: click.Command = getattr(import_module(f"warehouse.commands.{MODULES[cmd_name]}"), cmd_name)
        return command


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "--version", message="warehouse %(version)s")
def cli() -> None:
    """Turn a raw drop of DICOM and clinical files into a research data set.

    BUCKET is an S3 bucket (s3://name, or its bare name) or a folder (file:///path, /path or ./path; a bare
    name that is a folder here means that folder). It may also stand in WAREHOUSE_BUCKET.
    """
