"""`warehouse load`: what is new in a bucket, as the graph file says, under this command's settings."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import click

from warehouse import warehouseloader
from warehouse.commands.options import FILE, aws_options, engine_options, is_spark
from warehouse.commands.running import lines_of, run_graph
from warehouse.domain.inventory import hours
from warehouse.services import loader_services, spread_loader_services
from warehouse.settings import (
    DEFAULT_CONCURRENCY,
    DEFAULT_INVENTORY_MAX_AGE,
    MAXIMUM_CONCURRENCY,
    Settings,
    read_settings,
)


@click.command(short_help="Load what is new in a bucket.")
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
    return load_bucket(settings, report)


def load_bucket(settings: Settings, report: Path | None) -> int:
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
