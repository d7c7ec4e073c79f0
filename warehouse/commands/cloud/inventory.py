"""`warehouse cloud inventory`: the latest S3 Inventory of a stack's bucket, copied into a folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click
from click import echo

from warehouse.cloud.stack import find_stack
from warehouse.commands.cloud.options import access_of, stack_options
from warehouse.commands.options import FOLDER
from warehouse.domain.inventory import hours
from warehouse.errors import AlreadyExists
from warehouse.opening import open_inventory_copy
from warehouse.services import utc_now
from warehouse.settings import read_settings


@click.command(short_help="Download the latest inventory.")
@click.argument("folder", type=FOLDER)
@stack_options
def inventory(folder: Path, stack: str, **flags: Any) -> None:
    """Download the latest S3 Inventory of the stack's bucket into FOLDER, under the keys that it has.

    What stands there already is let be. The list of its files, symlink.txt, comes last: where it is there,
    all of it is. The files hold the key of every object.
    """
    access = access_of(**flags)
    found = find_stack(stack, access)
    settings = read_settings(
        os.environ, bucket=f"s3://{found.bucket}", profile=access.profile, role_arn=access.role_arn
    )
    files = size = 0
    with open_inventory_copy(settings, folder) as (held, place):
        for file in held.files():
            try:
                place.create_from(file.key, held.blocks(file))
            except AlreadyExists:
                continue
            files, size = files + 1, size + file.size
        taken = held.taken
    if taken is not None:
        named = f"{taken:%Y-%m-%d %H:%M} UTC, {hours(utc_now() - taken)} hours old"
        echo(f"the inventory of {named}: {files} new files, {size:,} bytes")
