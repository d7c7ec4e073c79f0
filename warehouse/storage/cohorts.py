"""Manifests as files: made of a snapshot of the catalog a row at a time, read as often as need be."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from warehouse.domain import cohort
from warehouse.domain.cohort import COLUMNS, MAXIMUM_LINE, Digest, Entry, Header, Origin
from warehouse.errors import SettingsError
from warehouse.storage.catalog_work import workspace
from warehouse.storage.parsing import require_condition
from warehouse.storage.sandbox import Limits
from warehouse.storage.snapshot import Snapshot

_COLUMNS = ", ".join(f'"{name}"' for name in COLUMNS)

# Between lines of its own, no remark in a condition can swallow what stands behind it.
_IMAGES = f"SELECT {_COLUMNS} FROM images WHERE (\n{{where}}\n) ORDER BY key"


def write_cohort(snapshot: Snapshot, origin: Origin, limits: Limits, stream: BinaryIO) -> Digest:
    """Write the manifest of the images that `origin.where` is true of. Raises QueryError and StoreError."""
    cohort.require_to_fit(origin)
    with workspace() as connection:
        require_condition(connection, origin.where)
    rows = Digest()
    with (
        tempfile.TemporaryFile() as kept,
        snapshot.ask(_IMAGES.format(where=origin.where), limits=limits, repeatable=True) as answer,
    ):
        kept.write(rows.names().encode())
        for batch in answer:
            values = zip(*(column.to_pylist() for column in batch.columns), strict=True)
            kept.write("".join(map(rows.row, values)).encode())
        stream.write(cohort.header(origin, rows).encode())
        kept.seek(0)
        shutil.copyfileobj(kept, stream)
    return rows


class ManifestFile:
    """A manifest in a file. Raises SettingsError for what is none, and for one that is damaged.

    What can be read once only, such as a pipe, is kept in a temporary file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._kept: tempfile._TemporaryFileWrapper[bytes] | None = None

    def check(self) -> tuple[Header, int]:
        """Read it all; give what it says of itself, and the number of patients' folders."""
        with self._opened() as stream:
            header, entries = cohort.read(_lines(stream))
            folders = {entry.folder for entry in entries}
        return header, len(folders)

    def entries(self) -> Iterator[Entry]:
        """Its images, sorted by key."""
        with self._opened() as stream:
            _, entries = cohort.read(_lines(stream))
            yield from entries

    def _opened(self) -> BinaryIO:
        try:
            if not self._path.is_file():
                self._keep()
            return self._path.open("rb")
        except OSError as error:
            raise SettingsError(f"the manifest cannot be read: {error.strerror}") from None

    def _keep(self) -> None:
        kept = tempfile.NamedTemporaryFile(prefix="warehouse-manifest-")  # noqa: SIM115 - kept as long as this
        with self._path.open("rb") as stream:
            shutil.copyfileobj(stream, kept)
        kept.flush()
        self._kept, self._path = kept, Path(kept.name)


def _lines(stream: BinaryIO) -> Iterator[bytes]:
    """The lines of a file; one that is too long for a manifest comes in parts, which are none of it."""
    return iter(lambda: stream.readline(MAXIMUM_LINE + 1), b"")
