"""What the readers of one set may ask: its patients, studies, series and images, nothing of the other set.

Each load brings the tables up to the catalog. A table tells in its commit which version of the catalog it was
made of; where that is the newest, nothing is read and nothing written. Old versions of a table stay.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import duckdb
import pyarrow as pa

from warehouse.domain.records import GROUPS, Group
from warehouse.storage.catalog_errors import translated
from warehouse.storage.catalog_schema import VIEWS
from warehouse.storage.catalog_views import DEFINITION, make
from warehouse.storage.catalog_work import show, workspace
from warehouse.storage.sandbox import AS_WRITTEN
from warehouse.storage.snapshot import Snapshot

MEMORY = "512MB"
BATCH_ROWS = 16_384

Remarks = Mapping[str, str]


class Shelf(Protocol):
    """Where the tables of one set stand."""

    def remarks(self, name: str) -> Remarks:
        """What the newest version of a table says of itself; empty where there is none."""
        ...

    def replace(self, name: str, rows: pa.RecordBatchReader, remarks: Remarks) -> bool:
        """Make a new version of a table; False where somebody else made one meanwhile."""
        ...


def remarks_of(catalog: str, version: int | None) -> Remarks:
    """What a table says of itself that was made of a version of a catalog, by today's definitions."""
    return {"catalog": catalog, "catalog_version": str(version), "definition": DEFINITION}


def publish(
    catalog: str, version: int, shelves: Mapping[Group, Shelf], snapshot: Callable[[], Snapshot]
) -> None:
    """Bring the tables of each set up to a version of the catalog; `snapshot` is asked only if they are not.

    Bounded in memory, whatever the number of images. Cut short, it leaves tables of different versions, each
    of them whole, and the next publication goes on. Of two at a time, the first to commit a table wins.
    Raises StoreError.
    """
    remarks = remarks_of(catalog, version)
    tables = [(group, name) for group in GROUPS for name in VIEWS]
    with ThreadPoolExecutor(len(tables)) as pool:
        # Each is a few requests that wait for one another.
        found = pool.map(lambda table: shelves[table[0]].remarks(table[1]), tables)
        behind = [table for table, said in zip(tables, found, strict=True) if _is_behind(said, remarks)]
    if not behind:
        return
    now = snapshot()
    remarks = remarks_of(catalog, now.version)
    with workspace(MEMORY) as connection:
        with translated():
            connection.execute(AS_WRITTEN)
            show(connection, now.sources)
            make(connection, " ".join(name for _, name in behind), kept=("series", "studies"))
        for group, name in behind:
            with translated():
                rows = _rows_of(connection, group, name)
            shelves[group].replace(name, rows, remarks)


def _is_behind(found: Remarks, wanted: Remarks) -> bool:
    if any(found.get(name) != wanted[name] for name in ("catalog", "definition")):
        return True
    # A load that was faster may have published what it committed after this snapshot.
    return int(found["catalog_version"]) < int(wanted["catalog_version"])


def _rows_of(connection: duckdb.DuckDBPyConnection, group: Group, name: str) -> pa.RecordBatchReader:
    relation = connection.sql(f'SELECT * FROM {name} WHERE "group" = ?', params=[group])
    return relation.to_arrow_reader(BATCH_ROWS)
