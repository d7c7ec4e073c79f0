"""`warehouse header`: the metadata that one image would get, without a warehouse."""

from __future__ import annotations

import os
from pathlib import Path

import click
from click import echo

from warehouse.domain import dicom
from warehouse.domain.reasons import REASONS
from warehouse.domain.records import Header
from warehouse.errors import SettingsError
from warehouse.pipeline.reading import read_header

QUARANTINED = 3


@click.command(short_help="Print the metadata that an image would get.")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def header(file: Path) -> int:
    """Print the metadata JSON that the loader would store for the image FILE."""
    found = _examine(file)
    if isinstance(found, dicom.Rejection):
        reason = REASONS[found.reason]
        echo(f"error: it would be quarantined as {found.reason}: {reason.meaning}", err=True)
        return QUARANTINED
    document, dropped = dicom.metadata(found)
    if dropped:
        echo(f"warning: {dropped} elements that no JSON can hold are left out", err=True)
    echo(document)
    return 0


def _examine(file: Path) -> Header | dicom.Rejection:
    # To open a pipe is to wait for its writer.
    if not os.path.isfile(file):
        raise SettingsError("that is no regular file, so that it holds no image")
    try:
        with file.open("rb") as stream:

            def read(wanted: dicom.Range) -> bytes:
                stream.seek(wanted.start)
                return stream.read(wanted.length)

            return read_header(os.fstat(stream.fileno()).st_size, None, read)
    except OSError as error:
        raise SettingsError(f"the file cannot be read: {error.strerror}") from None
