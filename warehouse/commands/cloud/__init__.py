"""`warehouse cloud`: running the warehouse in AWS. One file a command; each ends with a code of the table."""

from __future__ import annotations

import click

from warehouse.commands.cloud.deploy import deploy
from warehouse.commands.cloud.diagram import diagram
from warehouse.commands.cloud.inventory import inventory
from warehouse.commands.cloud.logs import logs
from warehouse.commands.cloud.purge import purge
from warehouse.commands.cloud.run import run
from warehouse.commands.cloud.status import status


@click.group(short_help="Run it in AWS: deploy, start, watch.")
def cloud() -> None:
    """Deploy the warehouse to AWS, start its pipelines there, and see what they do.

    --stack names an installation: dev, staging, prod, or any other name.
    """


for command in (deploy, diagram, inventory, logs, purge, run, status):
    cloud.add_command(command)
