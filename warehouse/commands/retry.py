"""`warehouse retry`: the next load is asked to decide objects again; nothing is loaded by it."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any

import click

import bonobo
from warehouse.commands.options import aws_options
from warehouse.commands.running import run_graph
from warehouse.domain.again import QUARANTINED, Retries
from warehouse.errors import SettingsError
from warehouse.opening import open_warehouse
from warehouse.pipeline.configuration import before_anything_is_decided
from warehouse.pipeline.retry import Heard, ask_for_another_look, choose, list_raw_objects, list_sets
from warehouse.services import new_run, utc_now
from warehouse.settings import Settings, read_settings
from warehouse.storage.catalog_again import SecondLooks
from warehouse.storage.raw_listing import LiveListing
from warehouse.storage.readable import EMPTY
from warehouse.storage.retry_ledger import RetryLedger


@click.command(short_help="Have quarantined objects looked at again.")
@click.argument("bucket", required=False)
@click.option(
    "--reason",
    "reasons",
    type=click.Choice(QUARANTINED),
    metavar="CODE",
    multiple=True,
    help="Only what is quarantined for this reason; may be given more than once.",
)
@click.option(
    "--missing",
    is_flag=True,
    help="Instead, what was loaded and whose copy or metadata document is gone.",
)
@click.option("--dry-run", is_flag=True, help="Say what would be looked at again, write nothing.")
@aws_options
def retry(bucket: str | None, reasons: tuple[str, ...], missing: bool, **flags: Any) -> int:
    """Have the next load look again at what is quarantined in BUCKET (or in WAREHOUSE_BUCKET).

    Say so when its cause is gone: a corrected configuration, a patient who was put right by hand, a
    newer version of this program. This command loads nothing: `warehouse load` does, after it.
    """
    if missing and reasons:
        raise SettingsError("--reason is of what is quarantined, --missing of what was loaded: give one")
    settings = read_settings(os.environ, bucket=bucket, **flags)
    retries = Retries(reasons, missing, settings.dry_run)
    return run_graph(retry_graph(), _services(settings, retries), results=sys.stdout)


def retry_graph() -> bonobo.Graph:
    """Raw and the sets are listed at the same time."""
    graph = bonobo.Graph()
    graph.add_chain(choose, ask_for_another_look, _input=None)
    graph.add_chain(list_raw_objects, _output=choose)
    graph.add_chain(list_sets, _output=choose)
    return graph


@contextmanager
def _services(settings: Settings, retries: Retries) -> Generator[Mapping[str, Any]]:
    with open_warehouse(settings) as (store, catalog), SecondLooks(catalog) as second_looks:
        # A catalog that is lost tells of nothing: that is no proof that nothing is quarantined or missing.
        with before_anything_is_decided("read the catalog"):
            if catalog.version() is None:
                catalog.require_not_lost()
                raise SettingsError(EMPTY)
        yield {
            "store": store,
            "raw_listing": LiveListing(store),
            "second_looks": second_looks,
            "heard": Heard(),
            "retry_ledger": RetryLedger(catalog, retries, run=new_run(utc_now()), clock=utc_now),
            "retries": retries,
        }
