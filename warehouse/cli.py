"""The `warehouse` command: what a person types becomes settings, and what comes back becomes words.

Bad input ends in one line on stderr and a code of the table in docs/exit-codes.md, never in a traceback.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

import click
from click import echo

from bonobo.allocator import use_one_heap
from bonobo.cli import leave
from bonobo.errors import describe, exit_code_of
from warehouse import __version__, warehouseloader
from warehouse.commands.catalog import catalog
from warehouse.commands.centres import centres
from warehouse.commands.cloud import cloud
from warehouse.commands.cohort import cohort
from warehouse.commands.doctor import doctor
from warehouse.commands.options import FILE, FOLDER, aws_options, engine_options, is_spark
from warehouse.commands.process import process
from warehouse.commands.query import query
from warehouse.commands.report import report
from warehouse.commands.retry import retry
from warehouse.commands.running import lines_of, run_graph
from warehouse.commands.split import split
from warehouse.commands.verify import verify
from warehouse.commands.why import why
from warehouse.commands.worklists import deferred, quarantine
from warehouse.demo import example_image, write_drop
from warehouse.domain import dicom
from warehouse.domain.centres import printable
from warehouse.domain.inventory import hours
from warehouse.domain.reasons import REASONS
from warehouse.domain.records import Header
from warehouse.errors import OutputLost, SettingsError
from warehouse.lines import Lines
from warehouse.pipeline import check
from warehouse.pipeline.reading import read_header
from warehouse.services import loader_services, open_warehouse, spread_loader_services
from warehouse.settings import (
    DEFAULT_CONCURRENCY,
    DEFAULT_INVENTORY_MAX_AGE,
    MAXIMUM_CONCURRENCY,
    Settings,
    read_log_format,
    read_settings,
)

QUARANTINED = 3


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


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "--version", message="warehouse %(version)s")
def cli() -> None:
    """Turn a raw drop of DICOM and clinical files into a research data set.

    BUCKET is an S3 bucket (s3://name, or its bare name) or a folder (file:///path, /path or ./path; a bare
    name that is a folder here means that folder). It may also stand in WAREHOUSE_BUCKET.
    """


@cli.command(short_help="Load what is new in a bucket.")
@click.argument("bucket", required=False)
@click.option("--dry-run", is_flag=True, help="Decide everything, write nothing.")
@click.option(
    "--concurrency",
    type=click.IntRange(1, MAXIMUM_CONCURRENCY),
    help=f"Objects in work at once (default {DEFAULT_CONCURRENCY}).",
)
@click.option("--report", type=FILE, help="Write the report as JSON.")
@click.option("--strict", is_flag=True, help="End with 3 where something was newly quarantined.")
@click.option("--inventory", is_flag=True, help="List the raw objects by S3 Inventory, not live.")
@click.option(
    "--inventory-max-age",
    metavar="HOURS",
    help=f"Refuse an older inventory (default {hours(DEFAULT_INVENTORY_MAX_AGE)}).",
)
@engine_options
@aws_options
def load(
    bucket: str | None,
    report: Path | None,
    engine: str,
    master: str | None,
    conf: tuple[str, ...],
    **flags: Any,
) -> int:
    """Load what is new in BUCKET (or in WAREHOUSE_BUCKET): decide, copy, and write metadata and catalog."""
    settings = read_settings(os.environ, bucket=bucket, writes={"--report": report}, **flags)
    if is_spark(engine, master, conf):
        return _load_on_spark(settings, report, master, conf)
    return _load(settings, report)


@cli.command(short_help="Make a raw drop of invented patients, and load it.")
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
    code = _load(settings, None)
    echo(_what_next(folder))
    return code


@cli.group()
def config() -> None:
    """Look after config.json."""


@config.command("check", short_help="Check the configuration of a bucket, or a file.")
@click.argument("target", metavar="[BUCKET|FILE]", required=False)
@aws_options
def config_check(target: str | None, profile: str | None, role_arn: str | None) -> None:
    """Check the configuration of a bucket (or of WAREHOUSE_BUCKET), or a file before it is put there."""
    if target and os.path.isfile(target):
        found = check.file(_bytes_of(Path(target)))
    else:
        settings = read_settings(os.environ, bucket=target, profile=profile, role_arn=role_arn)
        with open_warehouse(settings) as (store, catalog):
            found = check.bucket(store, catalog)
    for line in found:
        echo(printable(line))


@cli.command(short_help="Print the metadata that an image would get.")
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
    echo(document)
    return 0


cli.add_command(catalog)
cli.add_command(centres)
cli.add_command(cloud)
cli.add_command(doctor)
cli.add_command(process)
cli.add_command(query)
cli.add_command(cohort)
cli.add_command(report)
cli.add_command(retry)
cli.add_command(split)
cli.add_command(verify)
cli.add_command(why)
cli.add_command(quarantine)
cli.add_command(deferred)


def _load(settings: Settings, report: Path | None) -> int:
    """Run the loader as the graph file says, under this command's settings."""
    graph, lines = warehouseloader.get_graph(settings.concurrency), lines_of("warehouseloader")
    services = loader_services(settings, run=lines.run)
    return run_graph(graph, services, results=sys.stdout, report=report, lines=lines)


def _load_on_spark(settings: Settings, report: Path | None, master: str | None, conf: tuple[str, ...]) -> int:
    """Run the same graph, its images on executors."""
    from warehouse.spark import loader_engine

    graph, lines = warehouseloader.get_graph(settings.concurrency), lines_of("warehouseloader")
    assert lines.run is not None, "the lines of a pipeline name its run"
    engine = loader_engine(settings, lines.run, master, conf)
    services = spread_loader_services(settings, lines.run)
    return run_graph(graph, services, results=sys.stdout, report=report, lines=lines, engine=engine)


def _bytes_of(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise SettingsError(f"the file cannot be read: {error.strerror}") from None


def _examine(file: Path) -> Header | dicom.Rejection:
    # To open a pipe is to wait for its writer.
    if not os.path.isfile(file):
        raise SettingsError("that is no regular file, so that it holds no image")
    try:
        with file.open("rb") as stream:

            def read(wanted: dicom.Range) -> bytes:
                stream.seek(wanted.start)
                return stream.read(wanted.length)

            return read_header(os.fstat(stream.fileno()).st_size, None, read)
    except OSError as error:
        raise SettingsError(f"the file cannot be read: {error.strerror}") from None


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
