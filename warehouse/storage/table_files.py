"""A table as two files beside each other, CSV and Parquet, written a batch at a time.

In CSV a cell is text (RFC 4180, in UTF-8); in Parquet each column has one type. A table without rows has its
header.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import pyarrow as pa
import pyarrow.parquet as pq

from warehouse.domain.cells import cell, original_cell, original_text, storable

BATCH_CHARACTERS = 4_000_000
# With a bare line feed, a bare carriage return in a cell would go unquoted, and end the line for readers.
LINE_END = "\r\n"
CELL = 8  # what an empty cell counts


def _text(value: Any) -> str | None:
    return None if value is None else storable(value)


class Kind(NamedTuple):
    """The type of a column: in Parquet, the way of a value there, and the way of a value into a CSV cell."""

    arrow: pa.DataType
    value: Callable[[Any], Any]
    cell: Callable[[Any], str]


class Original:
    """Marks a column whose values are as they came in JSON: of any type, kept as text."""


def _same(value: Any) -> Any:
    return value


KINDS: Mapping[type, Kind] = {
    str: Kind(pa.string(), _text, cell),
    bool: Kind(pa.bool_(), _same, cell),
    int: Kind(pa.int64(), _same, cell),
    float: Kind(pa.float64(), _same, cell),
    date: Kind(pa.date32(), _same, cell),
    Original: Kind(pa.string(), original_text, original_cell),
}


class TableFile:
    """One table under way: `<name>.csv` and `<name>.parquet` in a folder. A context manager.

    `rows` counts what was written. The files are whole once it is closed.
    """

    def __init__(self, folder: Path, name: str, columns: Mapping[str, type]) -> None:
        self.name = name
        self.rows = 0
        self.csv = folder / f"{name}.csv"
        self.parquet = folder / f"{name}.parquet"
        self._kinds = [KINDS[kind] for kind in columns.values()]
        self._schema = pa.schema(
            [(storable(column), kind.arrow) for column, kind in zip(columns, self._kinds, strict=True)]
        )
        self._batch: list[Sequence[Any]] = []
        self._characters = 0
        with ExitStack() as stack:
            stream = stack.enter_context(self.csv.open("w", encoding="utf-8", newline=""))
            self._csv = csv.writer(stream, lineterminator=LINE_END)
            self._csv.writerow([cell(column) for column in columns])
            self._parquet = stack.enter_context(pq.ParquetWriter(self.parquet, self._schema))
            self._stack = stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is None:
            self.close()
        self._stack.close()

    def close(self) -> None:
        """Write what is left: both files are whole then. Idempotent."""
        with self._stack:
            self._flush()

    def write(self, values: Sequence[Any]) -> None:
        """Add a row: a value or None for each column, in their order."""
        cells = [kind.cell(value) for kind, value in zip(self._kinds, values, strict=True)]
        self._csv.writerow(cells)
        self._batch.append(values)
        self.rows += 1
        self._characters += sum(map(len, cells)) + CELL * len(cells)
        if self._characters >= BATCH_CHARACTERS:
            self._flush()

    def _flush(self) -> None:
        if not self._batch:
            return
        columns = [
            pa.array([kind.value(value) for value in values], kind.arrow)
            for kind, values in zip(self._kinds, zip(*self._batch, strict=True), strict=True)
        ]
        self._parquet.write_table(pa.table(columns, schema=self._schema))
        self._batch.clear()
        self._characters = 0
