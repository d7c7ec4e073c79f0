"""`warehouse why`: the whole story of one object, from its first decision to what would change the last."""

from __future__ import annotations

import os
from typing import Any

import click
from click import echo

from warehouse.commands.asking import MAXIMUM_SECONDS, MEBIBYTES
from warehouse.commands.hard_limits import hard_limits
from warehouse.commands.options import aws_options, bucket_and
from warehouse.domain import story
from warehouse.errors import SettingsError
from warehouse.opening import open_for_a_look
from warehouse.pipeline.why import Inquiry
from warehouse.services import utc_now
from warehouse.settings import read_settings
from warehouse.storage.assignments import from_document
from warehouse.storage.histories import Histories

UNREAD = 4


@click.command(short_help="Tell the whole story of one object.")
@click.argument("bucket", required=False)
@click.argument("key", required=False, metavar="KEY")
@aws_options
def why(bucket: str | None, key: str | None, **flags: Any) -> int:
    """Tell what became of one object of BUCKET (or of WAREHOUSE_BUCKET), and why.

    KEY is that of a raw object, of its copy or of its metadata, also with the bucket before it or as the path
    of a file, or the name that a log gives the object: <uploader>/<date>/<data|images>#<run>-<sequence>. Keys
    and identifiers are printed. Ends with 2 where nothing is known of the key, and with 4 where something
    could not be read.
    """
    bucket, key = bucket_and("KEY", bucket, key)
    settings = read_settings(os.environ, bucket=bucket, **flags)
    key = settings.location.key_of(key)
    with hard_limits(MAXIMUM_SECONDS, MEBIBYTES), open_for_a_look(settings) as (store, snapshot):
        facts = Inquiry(store, Histories(snapshot), from_document).facts(key)
    if facts is None:
        raise SettingsError(story.nothing_known(key))
    for line in story.lines(facts, utc_now()):
        echo(line)
    return UNREAD if facts.unread else 0
