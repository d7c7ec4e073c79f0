"""A DuckDB database that lives as long as one question: on disk, bounded in memory, cut off from the world.

It downloads no extension, opens no file and reaches no network: all that it sees are the Arrow tables and
data sets that it is given.
"""

from __future__ import annotations

import itertools
import os
import tempfile
from collections.abc import Generator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cached_property
from operator import methodcaller
from typing import Any, TypeAlias

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.fs as fs

from warehouse.storage import engines
from warehouse.storage.catalog_errors import translated
from warehouse.storage.catalog_schema import TABLES, VIEWS

Source: TypeAlias = pa.Table | ds.Dataset

MEMORY = "320MB"
PAGE_ROWS = 16_384
SCAN_ROWS = 16_384
AT_ONCE = 8  # files whose footers are read at the same time

# The run and its sequence settle what one clock tick cannot.
NEWEST = "time DESC, run DESC, sequence DESC"
EARLIEST = "time, run, sequence"

SHOWN: Mapping[str, pa.Schema] = {**TABLES, **VIEWS}

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@contextmanager
def workspace(memory: str = MEMORY) -> Generator[duckdb.DuckDBPyConnection]:
    """An empty database; its files go at the end. Use it from one thread at a time.

    `memory` is what it may hold before it turns to the disk, as DuckDB says it.
    """
    with translated():
        engine = engines.take()
    unchanged = False
    try:
        with translated():
            connection = engine.begin(memory)
        yield connection
        with translated():
            unchanged = engine.end(connection)
    finally:
        # What an error left behind is nobody's to find.
        if unchanged:
            engines.give_back(engine)
        else:
            engine.close()


@contextmanager
def sealed_workspace(memory: str) -> Generator[duckdb.DuckDBPyConnection]:
    """The same for one question of somebody else, in an instance that is used for nothing before or after.

    It opens no file at all, and its settings may be locked.
    """
    with tempfile.TemporaryDirectory(prefix="warehouse-", ignore_cleanup_errors=True) as folder:
        settings = {
            **engines.SETTINGS,
            "memory_limit": memory,
            "temp_directory": os.path.join(folder, "spill"),
        }
        with translated():
            connection = duckdb.connect(os.path.join(folder, "work.duckdb"), config=settings)
        try:
            with translated():
                connection.execute("SET TimeZone = 'UTC'")
                connection.execute("SET enable_external_access = false")
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
        yield from rows
        if len(rows) < PAGE_ROWS:
            return
        start += PAGE_ROWS


def moment(microseconds: int) -> datetime:
    """The time that lies so many microseconds after 1970, in UTC: what `epoch_us` tells in SQL."""
    return _EPOCH + timedelta(microseconds=microseconds)


def show(connection: duckdb.DuckDBPyConnection, sources: Mapping[str, Sequence[Source]]) -> None:
    """Make a view of each table of `sources`, of all its parts; it can be read as often as need be."""
    for name, parts in sources.items():
        _view(connection, name, [_unhurried(part) for part in parts], SHOWN[name])


def stream(
    connection: duckdb.DuckDBPyConnection,
    parts: Sequence[Source],
    columns: Sequence[str],
    where: ds.Expression | None = None,
) -> None:
    """Make a view of `objects` that can be read once, with little of it in memory.

    It holds the key and `columns`, which are null where the parts do not have them.
    """
    schema = SHOWN["objects"]
    wanted = pa.schema([field for field in schema if field.name in {"key", *columns}])
    _view(connection, "objects", [scan(part, columns, where) for part in parts], wanted)


class _Unhurried(ds.FileSystemDataset):  # type: ignore[misc]
    """Files that are decoded as they are asked for; DuckDB says which columns and rows it wants."""

    def scanner(self, **asked: Any) -> ds.Scanner:
        if self._held is not None:
            return self._held.scanner(**asked, **_AS_ASKED_FOR)
        if _is_near(self.filesystem):
            return super().scanner(**asked, **_AS_ASKED_FOR, fragment_scan_options=_COLUMN_BY_COLUMN)
        return self._row_groups.scanner(**asked, **_AS_ASKED_FOR, fragment_scan_options=_TOGETHER)

    @cached_property
    def _held(self) -> ds.Dataset | None:
        """What is no more than one batch is read once, however often it is asked; None for what is more."""
        near = _is_near(self.filesystem)
        files = list(self.get_fragments()) if near else list(self._row_groups.get_fragments())
        if near and len(files) > AT_ONCE:
            return None
        if sum(file.metadata.num_rows for file in files) > SCAN_ROWS:
            return None
        read_once = ds.FileSystemDataset(files, self.schema, self.format, self.filesystem)
        return ds.dataset(read_once.scanner(**_AS_ASKED_FOR, fragment_scan_options=_TOGETHER).to_table())

    @cached_property
    def _row_groups(self) -> ds.FileSystemDataset:
        """Far away, Arrow fetches the columns of a row group together; looked for by the first who asks."""
        row_groups = _row_groups(list(self.get_fragments()))
        return ds.FileSystemDataset(row_groups, self.schema, self.format, self.filesystem)


_COLUMN_BY_COLUMN = ds.ParquetFragmentScanOptions(pre_buffer=False)
_TOGETHER = ds.ParquetFragmentScanOptions(pre_buffer=True)

# Left to itself, Arrow decodes ahead of a slow reader up to a gibibyte and more, whatever DuckDB's limit.
_AS_ASKED_FOR: Mapping[str, Any] = {
    "batch_size": SCAN_ROWS,
    "batch_readahead": 1,
    "fragment_readahead": 1,
    "use_threads": False,
}


def _unhurried(part: Source) -> Source:
    if not isinstance(part, ds.FileSystemDataset):
        return part
    return _Unhurried(list(part.get_fragments()), part.schema, part.format, part.filesystem)


def _is_near(files: fs.FileSystem) -> bool:
    """Whether a read is no request: column by column it costs nothing to wait for."""
    base = files.base_fs if isinstance(files, fs.SubTreeFileSystem) else files
    return isinstance(base, fs.LocalFileSystem)


def _row_groups(fragments: Sequence[ds.ParquetFileFragment]) -> list[ds.ParquetFileFragment]:
    """Files as their row groups, of which Arrow holds one at a time."""
    if not fragments:
        return []
    with ThreadPoolExecutor(min(AT_ONCE, len(fragments))) as pool:
        return list(itertools.chain.from_iterable(pool.map(methodcaller("split_by_row_group"), fragments)))


def scan(part: Source, columns: Sequence[str], where: ds.Expression | None = None) -> pa.RecordBatchReader:
    """The rows of a part as a stream, with little of it in memory: the key and those columns that it has."""
    wanted = {"columns": [name for name in part.schema.names if name in {"key", *columns}], "filter": where}
    unhurried = _unhurried(part)
    if isinstance(unhurried, _Unhurried):
        return unhurried.scanner(**wanted).to_reader()
    dataset = unhurried if isinstance(unhurried, ds.Dataset) else ds.dataset(unhurried)
    return dataset.scanner(**wanted, **_AS_ASKED_FOR).to_reader()


def _view(connection: duckdb.DuckDBPyConnection, name: str, parts: Sequence[Any], wanted: pa.Schema) -> None:
    if len(parts) == 1 and parts[0].schema.equals(wanted):
        # To bind a view costs more than most questions do. One that stands under the name is in the way.
        connection.execute(f"DROP VIEW IF EXISTS {name}")
        connection.register(name, parts[0])
        return
    # The empty table gives the view all columns that are wanted, in their order, whatever the parts have.
    shown = [wanted.empty_table(), *parts]
    for number, part in enumerate(shown):
        connection.register(f"{name}_{number}", part)
    union = " UNION ALL BY NAME ".join(f"SELECT * FROM {name}_{number}" for number in range(len(shown)))
    connection.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS {union}")
