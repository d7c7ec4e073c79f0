"""Rows are gathered on disk: they wait until a batch is full, and are written into tables of a workspace."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from types import MappingProxyType, TracebackType
from typing import Any, Self

import duckdb
import pyarrow as pa

from warehouse.domain.records import ObjectInfo
from warehouse.storage.catalog_errors import translated
from warehouse.storage.catalog_schema import TIME
from warehouse.storage.catalog_work import moment, workspace

BATCH_ROWS = 16_384

_AS_THEY_ARE = "FROM batch"
_NOTHING: Mapping[str, Any] = MappingProxyType({})

Row = tuple[Any, ...]

# An object of a listing.
OBJECT: Mapping[str, pa.DataType] = {
    "key": pa.string(),
    "size": pa.int64(),
    "etag": pa.string(),
    "modified": TIME,
    "archived": pa.bool_(),
}


def described(info: ObjectInfo) -> Row:
    """The columns `OBJECT` of an object."""
    return info.key, info.size, info.etag, info.last_modified, info.archived


def object_of(key: str, size: int, etag: str, modified: int, archived: bool) -> ObjectInfo:
    """The object that has these columns; `modified` is in microseconds, as `epoch_us` tells it."""
    return ObjectInfo(key, size, etag, moment(modified), archived=archived)


class Gathering:
    """Tables of one connection, empty at first. Use it from one thread at a time.

    `made` gives, for some tables, the SELECT over `batch` that makes their rows of those that come. Every
    method may raise StoreError.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        tables: Mapping[str, pa.Schema] = _NOTHING,
        made: Mapping[str, str] = _NOTHING,
    ) -> None:
        self._connection = connection
        self._schemas: dict[str, pa.Schema] = {}
        self._made: dict[str, str] = {}
        self._waiting: dict[str, list[Row]] = {}
        for table, schema in tables.items():
            self.begin(table, schema, made.get(table, _AS_THEY_ARE))

    def begin(self, table: str, schema: pa.Schema, made: str = _AS_THEY_ARE) -> None:
        """Make a table more."""
        self._schemas[table], self._made[table], self._waiting[table] = schema, made, []
        self._run(f"CREATE TABLE {table} AS {made}", schema.empty_table())

    def add(self, table: str, row: Row) -> None:
        """Take one row, as the schema of the table orders it; it is there after `keep`."""
        waiting = self._waiting[table]
        waiting.append(row)
        if len(waiting) >= BATCH_ROWS:
            self._keep(table)

    def fill(self, table: str, rows: Iterable[Row]) -> None:
        """Write rows into a table as they come, a batch in memory at a time."""
        entries = iter(rows)
        while batch := list(itertools.islice(entries, BATCH_ROWS)):
            self._write(table, batch)

    def insert(self, table: str, rows: pa.Table, made: str | None = None) -> None:
        """Write Arrow rows into a table, `made` as is said here."""
        self._run(f"INSERT INTO {table} {made or self._made[table]}", rows)

    def keep(self) -> None:
        """Write what waits into all tables."""
        for table in self._waiting:
            self._keep(table)

    def _keep(self, table: str) -> None:
        if waiting := self._waiting[table]:
            self._write(table, waiting)
            self._waiting[table] = []

    def _write(self, table: str, rows: Sequence[Row]) -> None:
        schema = self._schemas[table]
        columns = [
            pa.array(values, field.type)
            for values, field in zip(zip(*rows, strict=True), schema, strict=True)
        ]
        self.insert(table, pa.table(columns, schema=schema))

    def _run(self, statement: str, batch: pa.Table) -> None:
        with translated():
            self._connection.register("batch", batch)
            self._connection.execute(statement)


class OnDisk:
    """What stands in a workspace of its own: a context manager, since those are temporary files."""

    def __init__(
        self, tables: Mapping[str, pa.Schema] = _NOTHING, made: Mapping[str, str] = _NOTHING
    ) -> None:
        with ExitStack() as stack:
            self._connection = stack.enter_context(workspace())
            self._rows = Gathering(self._connection, tables, made)
            self._stack = stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.close()
