"""`warehouse process`: the summary tables of a data set."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import click

from warehouse import dataprocess
from warehouse.commands.options import FILE, FOLDER, aws_options, engine_options, is_spark
from warehouse.commands.running import lines_of, run_graph
from warehouse.services import process_services
from warehouse.settings import read_settings


@click.command(short_help="Make the summary tables.")
@click.argument("bucket", required=False)
@click.option("--local-only", is_flag=True, help="Keep the tables on this machine, in a folder of their own.")
@click.option("--out", type=FOLDER, help="Keep them in this folder.")
@click.option("--report", type=FILE, help="Write the report as JSON.")
@engine_options
@aws_options
def process(
    bucket: str | None,
    out: Path | None,
    report: Path | None,
    engine: str,
    master: str | None,
    conf: tuple[str, ...],
    **flags: Any,
) -> int:
    """Make the summary tables of BUCKET (or of WAREHOUSE_BUCKET), as CSV and as Parquet.

    They are written to an archive of their own beside the warehouse, in BUCKET-processed; latest.csv there
    names the newest.
    """
    writes = {"--out": out, "--report": report}
    settings = read_settings(os.environ, bucket=bucket, out=out, writes=writes, **flags)
    graph, lines = dataprocess.get_graph(settings.concurrency), lines_of("dataprocess")
    elsewhere = None
    if is_spark(engine, master, conf):
        from warehouse.spark import process_engine

        elsewhere = process_engine(settings, master, conf)
    services = process_services(settings)
    return run_graph(graph, services, results=sys.stdout, report=report, lines=lines, engine=elsewhere)
