"""The `warehouse` command: what a person types becomes settings, and what comes back becomes words.

Bad input ends in one line on stderr and a code of the table in docs/exit-codes.md, never in a traceback.
"""

from __future__ import annotations

import logging
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click
from click import echo

import bonobo
from warehouse import __version__, warehouseloader
from warehouse.demo import write_drop
from warehouse.domain import dicom
from warehouse.domain.reasons import REASONS
from warehouse.domain.records import Header
from warehouse.errors import SettingsError, WarehouseError
from warehouse.pipeline import check
from warehouse.pipeline.reading import read_header
from warehouse.services import loader_services, open_warehouse
from warehouse.settings import MAXIMUM_CONCURRENCY, Settings, read_settings

Command = TypeVar("Command", bound=Callable[..., Any])

QUARANTINED = 3


def main() -> NoReturn:
    """Run the command; every known error is one line and its code."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s", stream=sys.stderr)
    logging.addLevelName(logging.WARNING, "warning")
    logging.addLevelName(logging.ERROR, "error")
    code = 0
    try:
        code = _run() or 0
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read the output has seen enough; the interpreter must not try to flush what is left.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)


def _run() -> int | None:
    try:
        code: int | None = cli.main(prog_name="warehouse", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return 2
    except (click.Abort, KeyboardInterrupt):
        return 130
    except WarehouseError as error:
        echo(f"error: {error}", err=True)
        return error.exit_code
    return code


def aws_options(command: Command) -> Command:
    """The options of every command that talks to AWS."""
    command = click.option("--role-arn", metavar="ARN", help="A role to assume.")(command)
    return click.option("--profile", metavar="NAME", help="An AWS profile.")(command)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "--version", message="warehouse %(version)s")
def cli() -> None:
    """Turn a raw drop of DICOM and clinical files into a research data set.

    BUCKET is an S3 bucket (s3://name, or its bare name) or a folder (file:///path, /path or ./path).
    """


@cli.command()
@click.argument("bucket", required=False)
@click.option("--dry-run", is_flag=True, help="Decide everything, write nothing.")
@click.option("--concurrency", type=click.IntRange(1, MAXIMUM_CONCURRENCY), help="Objects in work at once.")
@click.option("--report", type=click.Path(dir_okay=False, path_type=Path), help="Write the report as JSON.")
@click.option("--strict", is_flag=True, help="End with 3 where something was newly quarantined.")
@aws_options
def load(bucket: str | None, report: Path | None, **flags: Any) -> int:
    """Load what is new in BUCKET (or in WAREHOUSE_BUCKET): decide, copy, and write metadata and catalog."""
    settings = read_settings(os.environ, bucket=bucket, **flags)
    return _load(settings, report)


@cli.command()
@click.argument("folder", default="warehouse-demo", type=click.Path(file_okay=False, path_type=Path))
def demo(folder: Path) -> int:
    """Make a raw drop of invented patients in FOLDER, and load it."""
    files, written = write_drop(folder)
    if written:
        echo(f"Wrote a raw drop of {files} files into {folder}: CT, MR and CR images of invented patients.")
    else:
        echo(f"{folder} holds the demonstration's raw drop of {files} files already.")
    echo(f"Loading it, as `warehouse load {folder}` would:\n")
    settings = read_settings({**os.environ, "WAREHOUSE_BUCKET": ""}, bucket=str(folder.absolute()))
    code = _load(settings, None)
    echo(_what_next(folder))
    return code


@cli.group()
def config() -> None:
    """Look after config.json."""


@config.command("check")
@click.argument("target", metavar="BUCKET|FILE")
@aws_options
def config_check(target: str, profile: str | None, role_arn: str | None) -> None:
    """Check the configuration of a bucket, or a file before it is put there."""
    if Path(target).is_file():
        found = check.file(Path(target).read_bytes())
    else:
        settings = read_settings(os.environ, bucket=target, profile=profile, role_arn=role_arn)
        with open_warehouse(settings) as (store, catalog):
            found = check.bucket(store, catalog)
    for line in found:
        echo(line)


@cli.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def header(file: Path) -> int:
    """Print the metadata JSON that the loader would store for the image FILE."""
    found = _examine(file)
    if isinstance(found, dicom.Rejection):
        reason = REASONS[found.reason]
        echo(f"error: it would be quarantined as {found.reason}: {reason.meaning}", err=True)
        return QUARANTINED
    document, dropped = dicom.metadata(found)
    if dropped:
        echo(f"warning: {dropped} elements that no JSON can hold are left out", err=True)
    sys.stdout.buffer.write(document + b"\n")
    return 0


def _load(settings: Settings, report: Path | None) -> int:
    """Run the loader as the graph file says, under this command's settings."""
    account = bonobo.run(
        warehouseloader.get_graph(settings.concurrency),
        services=loader_services(settings),
        console=bonobo.Console(results=sys.stdout),
        report=report,
        handle_signals=True,
    )
    if account.abandoned:
        # A thread is stuck in a call that cannot be interrupted; the interpreter would wait for it.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(account.exit_code)
    return account.exit_code


def _examine(file: Path) -> Header | dicom.Rejection:
    try:
        with file.open("rb") as stream:

            def read(wanted: dicom.Range) -> bytes:
                stream.seek(wanted.start)
                return stream.read(wanted.length)

            return read_header(os.fstat(stream.fileno()).st_size, None, read)
    except OSError as error:
        raise SettingsError(f"the file cannot be read: {error.strerror}") from None


def _what_next(folder: Path) -> str:
    image = min(folder.glob("raw-*/*/images/*-*-*.dcm"))
    return f"""
What to try next{_on_the_path()}:
  find {folder}/training {folder}/validation
      the data set: group, type, patient, study, series
  warehouse load {folder}
      a second load: there is nothing to do
  warehouse header {image}
      the metadata of one image
  warehouse config check {folder}
      then add "Westhaven Clinic" to the sites in {folder}/config.json and load again: what waited arrives"""


def _on_the_path() -> str:
    """How to call the command by its name, where a script called it by its path."""
    if shutil.which("warehouse") is not None:
        return ""
    return f" (first: `. {Path(sys.prefix) / 'bin' / 'activate'}`)"
