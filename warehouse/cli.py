"""The `warehouse` command: what a person types, turned into settings, and what comes back, into words.

Bad input ends in one line on stderr and a code of the table in `docs/exit-codes.md`; a traceback is a bug.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import click

import bonobo
from bonobo.console import Console
from warehouse import __version__
from warehouse.errors import SettingsError, WarehouseError
from warehouse.settings import MAXIMUM_CONCURRENCY, Settings, read_settings


def main() -> NoReturn:
    """Run the command; every known error is one line and its code."""
    logging.basicConfig(level=logging.WARNING, format="warning: %(message)s", stream=sys.stderr)
    try:
        code = cli.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(2)
    except click.Abort:
        sys.exit(130)
    except WarehouseError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(error.exit_code)
    sys.exit(code if isinstance(code, int) else 0)
