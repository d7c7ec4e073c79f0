"""`warehouse report`: one page about a data set, to be opened, printed and passed on."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import click

import bonobo
from warehouse.commands.options import FILE, aws_options
from warehouse.commands.output import output
from warehouse.commands.running import run_graph
from warehouse.domain.shortfall import Shortfall
from warehouse.errors import SettingsError
from warehouse.opening import open_warehouse
from warehouse.pipeline.configuration import before_anything_is_decided
from warehouse.pipeline.patients import list_clinical_files, read_clinical_file
from warehouse.pipeline.report import Draft, ask_catalog, write_report
from warehouse.services import utc_now
from warehouse.settings import Location, Settings, read_settings
from warehouse.storage.listings import Listings


@click.command(short_help="Write a page about the data set.")
@click.argument("bucket", required=False)
@click.option(
    "--out",
    type=FILE,
    default="report.html",
    metavar="FILE",
    help="The page (default report.html); one that stands there is replaced.",
)
@aws_options
def report(bucket: str | None, out: Path, **flags: Any) -> int:
    """Write one HTML page about BUCKET (or WAREHOUSE_BUCKET): patients, studies and storage, submissions,
    completeness of clinical fields, what was not loaded, and the last runs.

    The page names no patient and no object, and needs no network.
    """
    settings = read_settings(os.environ, bucket=bucket, writes={"--out": out}, **flags)
    if not out.absolute().parent.is_dir():
        raise SettingsError("the folder that --out names does not exist: make it, or name another one")
    return run_graph(report_graph(settings.concurrency), _services(settings, out), results=sys.stdout)


def report_graph(concurrency: int) -> bonobo.Graph:
    """Up to `concurrency` clinical files are read at once, while the catalog is asked."""
    graph = bonobo.Graph()
    graph.add_chain(write_report, _input=None)
    graph.add_chain(ask_catalog, _output=write_report)
    graph.add_chain(
        list_clinical_files, bonobo.parallel(read_clinical_file, concurrency), _output=write_report
    )
    return graph


@contextmanager
def _services(settings: Settings, out: Path) -> Generator[Mapping[str, Any]]:
    with open_warehouse(settings) as (store, catalog):
        with before_anything_is_decided("read the catalog"):
            catalog.require_not_lost()
        yield {
            "store": store,
            "catalog": catalog,
            "listings": Listings(store),
            "shortfall": Shortfall(),
            "draft": Draft(name_of(settings.location), str(out), utc_now()),
            "write": partial(_write, out),
        }


def name_of(location: Location) -> str:
    """How a page that is passed on calls the warehouse: a bucket, or a folder without the way to it."""
    return str(location) if location.kind == "s3" else Path(location.name).absolute().name


def _write(out: Path, data: bytes) -> None:
    with output(out) as stream:
        stream.write(data)
