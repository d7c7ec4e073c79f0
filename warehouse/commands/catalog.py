"""`warehouse catalog`: the catalog itself, which is a cache of the bucket and can be made anew of it."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from threading import Semaphore
from typing import Any

import click

import bonobo
from warehouse.commands.options import aws_options
from warehouse.commands.running import run_graph
from warehouse.domain.rebuilding import Rebuilding
from warehouse.opening import open_for_rebuilding
from warehouse.pipeline.rebuild import (
    Heard,
    list_raw_objects,
    list_sets,
    match,
    read_claim,
    recognise,
    write_catalog,
)
from warehouse.pipeline.sources import list_claims
from warehouse.services import LARGE_HEADERS, new_run, utc_now
from warehouse.settings import Settings, read_settings
from warehouse.storage.assignments import Assignments, from_document
from warehouse.storage.catalog_matching import Matching
from warehouse.storage.gathered_rows import GatheredRows
from warehouse.storage.raw_listing import LiveListing
from warehouse.storage.rebuilding import NewCatalog


@click.group()
def catalog() -> None:
    """Look after the catalog."""


@catalog.command(short_help="Make a catalog anew that is lost or damaged.")
@click.argument("bucket", required=False)
@click.option(
    "--replace", is_flag=True, help="Remove the catalog that stands there, with its versions and runs."
)
@aws_options
def rebuild(bucket: str | None, replace: bool, **flags: Any) -> int:
    """Make the catalog of BUCKET (or of WAREHOUSE_BUCKET) anew, of what stands in raw, in the two sets and in
    assignments/. The next load then decides what is not found in the sets, and copies nothing twice.

    Let no load run meanwhile.
    """
    settings = read_settings(os.environ, bucket=bucket, **flags)
    graph = rebuild_graph(settings.concurrency)
    return run_graph(graph, _services(settings, replace=replace), results=sys.stdout)


def rebuild_graph(concurrency: int) -> bonobo.Graph:
    """Three branches; up to `concurrency` claims, and then as many copies, are read at once."""
    graph = bonobo.Graph()
    graph.add_chain(match, bonobo.parallel(recognise, concurrency), write_catalog, _input=None)
    graph.add_chain(list_raw_objects, _output=match)
    graph.add_chain(list_sets, _output=match)
    graph.add_chain(list_claims, bonobo.parallel(read_claim, concurrency), _output=match)
    return graph


@contextmanager
def _services(settings: Settings, *, replace: bool) -> Generator[Mapping[str, Any]]:
    heard, run = Heard(), new_run(utc_now())
    with (
        open_for_rebuilding(settings) as (store, new, files),
        Matching() as matching,
        GatheredRows() as rows,
    ):
        yield {
            "store": store,
            "raw_listing": LiveListing(store),
            "claim_of": from_document,
            "matching": matching,
            "heard": heard,
            "assignments": Assignments(store, heard.assignments, run=run, clock=utc_now),
            "large_headers": Semaphore(LARGE_HEADERS),
            "new_catalog": NewCatalog(new, files, rows, replace=replace, run=run, clock=utc_now),
            "rebuilding": Rebuilding(),
        }
