"""A DuckDB database that lives as long as one question: on disk, bounded in memory, cut off from the world.

It downloads no extension, opens no file and reaches no network: all that it sees are the Arrow tables and
data sets that it is given.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds

from warehouse.storage.catalog_errors import translated
from warehouse.storage.catalog_schema import TABLES

Source: TypeAlias = pa.Table | ds.Dataset
Sources: TypeAlias = Mapping[str, Sequence[Source]]

MEMORY = "384MB"
THREADS = 4  # each thread holds buffers of its own: more of them need more memory
PAGE_ROWS = 4_096

_SETTINGS: Mapping[str, Any] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "python_enable_replacements": False,
    "memory_limit": MEMORY,
    "threads": min(THREADS, os.cpu_count() or 1),
}

# Newest first. The run and its sequence settle what one clock tick cannot.
NEWEST = "time DESC, run DESC, sequence DESC"
EARLIEST = "time, run, sequence"


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@contextmanager
def workspace(sources: Sources) -> Generator[duckdb.DuckDBPyConnection]:
    """A database with the views `objects`, `objects_now` and `runs` over `sources`; its files go at the end.

    Use it from one thread at a time.
    """
    with tempfile.TemporaryDirectory(prefix="warehouse-", ignore_cleanup_errors=True) as folder:
        settings = {**_SETTINGS, "temp_directory": os.path.join(folder, "spill")}
        with translated():
            connection = duckdb.connect(os.path.join(folder, "work.duckdb"), config=settings)
        try:
            with translated():
                _prepare(connection, sources)
            yield connection
        finally:
            connection.close()


def pages(connection: duckdb.DuckDBPyConnection, select: str) -> Iterator[tuple[Any, ...]]:
    """The rows of a query in its order, a page in memory at a time, however many there are.

    The result is written to the database's file first: the query engine may hold a result whole.
    """
    with translated():
        connection.execute(f"CREATE OR REPLACE TABLE result AS {select}")
    start = 0
    while True:
        with translated():
            rows = connection.execute(
                "SELECT * FROM result WHERE rowid >= ? AND rowid < ? ORDER BY rowid",
                [start, start + PAGE_ROWS],
            ).fetchall()
        if not rows:
            return
        yield from rows
        start += PAGE_ROWS


def moment(microseconds: int) -> datetime:
    """The time that lies so many microseconds after 1970, in UTC: what `epoch_us` tells in SQL."""
    return _EPOCH + timedelta(microseconds=microseconds)


def _prepare(connection: duckdb.DuckDBPyConnection, sources: Sources) -> None:
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("SET enable_external_access = false")
    for name, schema in TABLES.items():
        # The empty table gives each view all columns of the schema, in its order, whatever the sources have.
        parts = [schema.empty_table(), *sources.get(name, ())]
        for number, part in enumerate(parts):
            connection.register(f"{name}_{number}", part)
        union = " UNION ALL BY NAME ".join(f"SELECT * FROM {name}_{number}" for number in range(len(parts)))
        connection.execute(f"CREATE TEMP VIEW {name} AS {union}")
    connection.execute(
        "CREATE TEMP VIEW objects_now AS SELECT * FROM objects"
        f" QUALIFY row_number() OVER (PARTITION BY key, etag ORDER BY {NEWEST}) = 1"
    )
