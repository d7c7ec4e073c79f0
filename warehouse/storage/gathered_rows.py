"""Rows of `objects` that wait in a temporary file until all are there, to be committed at once."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from warehouse.errors import StoreFault
from warehouse.storage.catalog_errors import OPERATION, translated
from warehouse.storage.catalog_schema import OBJECTS, to_arrow
from warehouse.storage.catalog_work import stream, workspace

BATCH_ROWS = 5_000

_TWICE = "SELECT key FROM objects GROUP BY key, etag HAVING count(*) > 1 LIMIT 1"


class GatheredRows:
    """A context manager, since it stands on a temporary file. Use it from one thread at a time."""

    def __init__(self) -> None:
        self._count = 0
        self._waiting: list[Mapping[str, Any]] = []
        with ExitStack() as stack:
            area = stack.enter_context(
                tempfile.TemporaryDirectory(prefix="warehouse-", ignore_cleanup_errors=True)
            )
            self._path = os.path.join(area, "objects.parquet")
            with translated():
                self._writer = stack.enter_context(pq.ParquetWriter(self._path, OBJECTS, compression="zstd"))
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

    def __len__(self) -> int:
        return self._count

    def add(self, row: Mapping[str, Any]) -> None:
        """Take one row. Raises ValueError for one that does not fit, StoreError where no room is left."""
        self._count += 1
        self._waiting.append(row)
        if len(self._waiting) >= BATCH_ROWS:
            self._keep()

    def checked(self) -> pa.RecordBatchReader:
        """All rows, once; no more can be added then.

        Raises StoreError where they cannot be read back as they were taken, or tell of a version twice.
        """
        self._keep()
        with translated():
            self._writer.close()
            rows = ds.dataset(self._path, schema=OBJECTS)
            found = rows.count_rows()
        with workspace() as connection, translated():
            stream(connection, [rows], ("etag",))
            twice = connection.execute(_TWICE).fetchall()
        if found != self._count or twice:
            raise StoreFault(
                OPERATION, cause="the rows that were gathered are not whole: nothing was changed"
            )
        return pa.RecordBatchReader.from_batches(OBJECTS, pq.ParquetFile(self._path).iter_batches(BATCH_ROWS))

    def _keep(self) -> None:
        if self._waiting:
            rows = to_arrow("objects", self._waiting)
            with translated():
                self._writer.write_table(rows)
            self._waiting.clear()
