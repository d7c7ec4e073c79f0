"""`warehouse centres`: the submitting centres of what was uploaded, loaded or not, one a line."""

from __future__ import annotations

import os
from typing import Any

import click

from warehouse import submittingcentres
from warehouse.commands.options import aws_options
from warehouse.commands.running import lines_of, run_graph
from warehouse.services import centres_services
from warehouse.settings import read_settings


@click.command(short_help="Print the submitting centres.")
@click.argument("bucket", required=False)
@aws_options
def centres(bucket: str | None, **flags: Any) -> int:
    """Print the submitting centres of BUCKET (or of WAREHOUSE_BUCKET), sorted, one a line.

    Each patient's newest clinical file that can be read and names a centre is asked: of those under the raw
    prefixes of config.json, loaded or not; then of those in the data set. Centres that config.json does not
    list are named on standard error. The list is also written to message.txt in the temporary directory,
    unless NO_OUTPUT_FILE is set.
    """
    settings = read_settings(os.environ, bucket=bucket, **flags)
    graph, lines = submittingcentres.get_graph(settings.concurrency), lines_of("submittingcentres")
    return run_graph(graph, centres_services(settings, output=lines.print), lines=lines)
