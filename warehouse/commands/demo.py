"""`warehouse demo`: a raw drop of invented patients, and its load."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from pathlib import Path

import click
from click import echo

from warehouse.commands.load import load_bucket
from warehouse.commands.options import FOLDER
from warehouse.demo import example_image, write_drop
from warehouse.settings import read_settings


@click.command(short_help="Make a raw drop of invented patients, and load it.")
@click.argument("folder", default="warehouse-demo", type=FOLDER)
def demo(folder: Path) -> int:
    """Make a raw drop of invented patients in FOLDER (default warehouse-demo), and load it."""
    environment = {**os.environ, "WAREHOUSE_BUCKET": "", "WAREHOUSE_INVENTORY": ""}
    settings = read_settings(environment, bucket=str(folder.absolute()), origin="the argument FOLDER")
    files, written = write_drop(folder)
    if written:
        echo(f"Wrote a raw drop of {files} files into {folder}: CT, MR and CR images of invented patients.")
    else:
        echo(f"{folder} holds the demonstration's raw drop of {files} files already.")
    echo(f"Loading it, as `warehouse load {folder}` would:\n")
    code = load_bucket(settings, None)
    echo(_what_next(folder))
    return code


def _what_next(folder: Path) -> str:
    name = shlex.quote(str(folder))
    return f"""
What to try next{_on_the_path()}:
  find {name}/training {name}/validation
      the data set: group, type, patient, study, series
  warehouse load {name}
      a second load: there is nothing to do
  warehouse header {name}/{example_image()}
      the metadata of one image
  warehouse config check {name}
      then add "Westhaven Clinic" to the sites in {folder}/config.json and load again: what waited arrives"""


def _on_the_path() -> str:
    """How to call the command by its name, where a script called it by its path."""
    if shutil.which("warehouse") is not None:
        return ""
    return f" (first: `. {Path(sys.prefix) / 'bin' / 'activate'}`)"
