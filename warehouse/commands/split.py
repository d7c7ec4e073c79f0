"""`warehouse split`: what another configuration would do, and the proof that the two sets are apart."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Semaphore
from typing import Any

import click

import bonobo
from warehouse.commands.options import aws_options, format_option
from warehouse.commands.running import run_graph
from warehouse.domain import strict_json
from warehouse.errors import SettingsError
from warehouse.opening import open_warehouse
from warehouse.pipeline.audit import (
    Account,
    ask_catalog,
    keep_sightings,
    list_standing_keys,
    read_claim,
)
from warehouse.pipeline.instances import read_instance
from warehouse.pipeline.preview import (
    Preview,
    keep_forecast,
    list_waiting_files,
    read_both_configurations,
    read_site,
)
from warehouse.pipeline.sources import list_claims
from warehouse.services import LARGE_DOCUMENTS
from warehouse.settings import Settings, read_settings
from warehouse.storage.assignments import from_document
from warehouse.storage.sightings import Sightings
from warehouse.storage.standing import standing_folders
from warehouse.storage.unrecorded import UnrecordedImages


@click.group()
def split() -> None:
    """Look at how patients are split into training and validation."""


@split.command(short_help="Show where unassigned patients would go.")
@click.argument("bucket", required=False)
@click.option(
    "--training-percentage",
    type=click.FloatRange(0, 100),
    metavar="P",
    help="Instead of the percentage of config.json.",
)
@click.option(
    "--sites",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Instead of the sites of config.json: a JSON file of what stands there.",
)
@click.option("--patients", is_flag=True, help="List the patients too, by identifier.")
@format_option
@aws_options
def preview(
    bucket: str | None,
    training_percentage: float | None,
    sites: Path | None,
    patients: bool,
    format: str,
    **flags: Any,
) -> int:
    """Show where the patients of BUCKET (or of WAREHOUSE_BUCKET) who have no assignment yet would go under
    another configuration, and that no assigned one moves. Nothing is written."""
    settings = read_settings(os.environ, bucket=bucket, **flags)
    asked = Preview(training_percentage, None if sites is None else _sites(sites), patients, format)
    graph = preview_graph(settings.concurrency)
    return run_graph(graph, _preview_services(settings, asked), results=sys.stdout)


def preview_graph(concurrency: int) -> bonobo.Graph:
    """Up to `concurrency` clinical files are read at once."""
    graph = bonobo.Graph()
    graph.add_chain(
        read_both_configurations,
        list_waiting_files,
        bonobo.parallel(read_site, concurrency),
        keep_forecast,
    )
    return graph


@split.command(short_help="Prove that no patient is in both sets.")
@click.argument("bucket", required=False)
@click.option("--patients", is_flag=True, help="Name what is in both sets, by identifier.")
@format_option
@aws_options
def audit(bucket: str | None, patients: bool, format: str, **flags: Any) -> int:
    """Prove that no patient, study or SOP instance of BUCKET (or of WAREHOUSE_BUCKET) is in both sets, and
    compare the sets by site, sex, age and modality. Ends with 5 where anything is in both."""
    settings = read_settings(os.environ, bucket=bucket, **flags)
    graph = audit_graph(settings.concurrency)
    return run_graph(graph, _audit_services(settings, Account(patients, format)), results=sys.stdout)


@contextmanager
def _preview_services(settings: Settings, asked: Preview) -> Generator[Mapping[str, Any]]:
    # A dry run's store: not even a mistake could write through it.
    with open_warehouse(replace(settings, dry_run=True)) as (store, catalog):
        yield {
            "store": store,
            "catalog": catalog,
            "standing": partial(standing_folders, store),
            "preview": asked,
        }


def audit_graph(concurrency: int) -> bonobo.Graph:
    """Three branches; up to `concurrency` claims, and as many images or their documents, are read at once."""
    graph = bonobo.Graph()
    graph.add_chain(keep_sightings, _input=None)
    graph.add_chain(list_claims, bonobo.parallel(read_claim, concurrency), _output=keep_sightings)
    graph.add_chain(list_standing_keys, bonobo.parallel(read_instance, concurrency), _output=keep_sightings)
    graph.add_chain(ask_catalog, _output=keep_sightings)
    return graph


@contextmanager
def _audit_services(settings: Settings, account: Account) -> Generator[Mapping[str, Any]]:
    with (
        open_warehouse(replace(settings, dry_run=True)) as (store, catalog),
        Sightings(catalog) as sightings,
        UnrecordedImages(catalog) as unrecorded,
    ):
        yield {
            "store": store,
            "claim_of": from_document,
            "sightings": sightings,
            "unrecorded": unrecorded,
            "large_documents": Semaphore(LARGE_DOCUMENTS),
            "account": account,
        }


def _sites(file: Path) -> object:
    """What stands in a file of sites. Raises SettingsError."""
    try:
        # To open a pipe is to wait for its writer.
        if not file.is_file():
            raise SettingsError("--sites names no regular file")
        sites = strict_json.loads(file.read_bytes())
    except OSError as error:
        raise SettingsError(f"the file of --sites cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise SettingsError(f"the file of --sites is not usable JSON: {error}") from None
    if not isinstance(sites, dict) or "sites" in sites:
        raise SettingsError(
            "the file of --sites must hold what stands under `sites` in config.json:"
            " lists of centres under split, training and validation"
        )
    return sites
