"""`warehouse cohort`: a list of images that can be made again, and its objects, copied out and checked."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import click
from click import echo

import bonobo
from warehouse import __version__
from warehouse.commands.asking import asking_options, limits_of
from warehouse.commands.hard_limits import hard_limits
from warehouse.commands.options import FILE, FOLDER, aws_options, somebody_is_there
from warehouse.commands.output import output
from warehouse.commands.running import run_graph
from warehouse.domain.cohort import PARTS, Header, Origin, Part
from warehouse.domain.fetching import in_words
from warehouse.domain.records import Group
from warehouse.errors import SettingsError
from warehouse.opening import open_snapshot
from warehouse.pipeline.fetch import count_fetched, fetch_object, list_clinical_files, list_cohort
from warehouse.services import fetch_services
from warehouse.settings import Location, read_settings
from warehouse.storage.cohorts import ManifestFile, write_cohort
from warehouse.storage.readable import EMPTY
from warehouse.storage.snapshot import AsOf

NAMED_BY_THE_MANIFEST = "the manifest: say with --bucket where the warehouse is now"


class CohortGroup(click.Group):
    """`cohort fetch ...` is a command of it; `cohort BUCKET ...` is what it does itself."""

    def __init__(self, itself: click.Command, *commands: click.Command) -> None:
        super().__init__(itself.name, commands=commands, help=itself.help, short_help=itself.short_help)
        self.itself = itself

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        if args and args[0] in self.commands:
            return super().make_context(info_name, args, parent, **extra)
        return self.itself.make_context(info_name, args, parent, **extra)


class _WithFetch(click.Command):
    """A command whose help names the one beside it."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([("fetch", fetch.get_short_help_str())])


@click.command("cohort", cls=_WithFetch, short_help="List the images of a cohort, and fetch them.")
@click.argument("bucket", required=False)
@click.option("--where", required=True, metavar="SQL", help="What is true of each image of the cohort.")
@click.option("--out", type=FILE, help="Write the manifest to a file.")
@asking_options
@aws_options
def make(
    bucket: str | None,
    where: str,
    out: Path | None,
    group: Group | None,
    as_of: AsOf,
    timeout: float,
    memory: int,
    **flags: Any,
) -> None:
    """List the images of BUCKET (or of WAREHOUSE_BUCKET) that a condition is true of, sorted by key.

    The condition is SQL over the columns of `images`. The manifest says what it was, and of which version of
    the catalog: the same condition on the same version gives the same manifest.
    """
    settings = read_settings(os.environ, bucket=bucket, writes={"--out": out}, **flags)
    if out is not None and out.suffix.lower() not in ("", ".csv"):
        raise SettingsError("a manifest is CSV: let the name of --out end in .csv")
    with open_snapshot(settings, group, as_of) as snapshot:
        if snapshot.version is None:
            raise SettingsError(EMPTY)
        origin = Origin(
            bucket=_absolute(settings.location),
            tables=snapshot.tables,
            catalog=snapshot.catalog,
            version=snapshot.version,
            where=where,
            tool=__version__,
        )
        with hard_limits(timeout, memory), output(out) as stream:
            rows = write_cohort(snapshot, origin, limits_of(timeout, memory), stream)
    if out is not None:
        echo(f"{rows.images:,} images, {in_words(rows.bytes)}: {out}")


@click.command(short_help="Copy the objects of a cohort into a folder.")
@click.argument("manifest", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("folder", type=FOLDER)
@click.option(
    "--include", default="images", metavar="PARTS", help="images,metadata,clinical (default images)."
)
@click.option("--bucket", help="Where the objects are now, if not where the manifest says.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--report", type=FILE, help="Write the report as JSON.")
@aws_options
def fetch(
    manifest: Path,
    folder: Path,
    include: str,
    bucket: str | None,
    yes: bool,
    report: Path | None,
    **flags: Any,
) -> int:
    """Copy the objects that MANIFEST names into FOLDER, under their keys.

    What is there already is not copied again, so that the same command goes on where it was stopped. Ends
    with 1 where anything failed.
    """
    parts = _parts(include)
    listed = ManifestFile(manifest)
    header, patients = listed.check()
    origin = "--bucket" if bucket else NAMED_BY_THE_MANIFEST
    writes = {"FOLDER": folder, "--report": report}
    settings = read_settings(
        os.environ, bucket=bucket or header.bucket, origin=origin, writes=writes, **flags
    )
    _tell(header, patients, parts)
    is_a_copy = bool(bucket)
    if is_a_copy and settings.location.kind == "folder":
        echo("as --bucket names a folder, an object is taken for the right one by its size", err=True)
    asks = not yes and somebody_is_there()
    if asks and not click.confirm("Fetch them?", default=True, err=True):
        echo("nothing was fetched", err=True)
        return 0
    graph = fetch_graph(settings.concurrency)
    services = fetch_services(settings, listed, parts, folder, is_a_copy=is_a_copy)
    return run_graph(graph, services, results=sys.stdout, report=report)


cohort = CohortGroup(make, fetch)


def fetch_graph(concurrency: int) -> bonobo.Graph:
    """Up to `concurrency` objects are on their way at once."""
    graph = bonobo.Graph()
    graph.add_chain(
        list_cohort,
        bonobo.parallel(list_clinical_files, concurrency),
        bonobo.parallel(fetch_object, concurrency),
        count_fetched,
    )
    return graph


def _parts(include: str) -> tuple[Part, ...]:
    wanted = [word.strip() for word in include.split(",")]
    unknown = [word for word in wanted if word not in PARTS]
    if unknown:
        raise SettingsError(f"--include is a list of {', '.join(PARTS)}, with commas between them")
    return tuple(part for part in PARTS if part in wanted)


def _tell(header: Header, patients: int, parts: tuple[Part, ...]) -> None:
    """Say what is about to be fetched, on standard error: what was done is told on standard output."""
    told = {
        "images": f"{header.images:,} images, {in_words(header.bytes)}",
        "metadata": f"the metadata documents of {header.images:,} images",
        "clinical": f"the clinical files of {patients:,} patients",
    }
    for part in parts:
        echo(told[part], err=True)


def _absolute(location: Location) -> str:
    return os.path.abspath(location.name) if location.kind == "folder" else str(location)
