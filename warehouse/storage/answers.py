"""An answer as a person or a program wants it: a table, CSV, JSON or Parquet, written as its rows are found.

No cell of CSV can be taken for a formula, and no cell of a table can steer a terminal.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from itertools import islice, zip_longest
from typing import Any, BinaryIO

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
from rich.cells import cell_len

from warehouse.domain.cells import cell
from warehouse.domain.csv_lines import line
from warehouse.errors import QueryError
from warehouse.storage.sandbox import Answer

TABLE_ROWS = 1_000

Writer = Callable[[Answer, BinaryIO], None]


def write_table(answer: Answer, stream: BinaryIO) -> None:
    """The first rows as columns of text, and a last line that says so where there are more."""
    names = answer.schema.names
    rows = list(islice(_rows(answer), TABLE_ROWS + 1))
    shown = [names, *([_shown(value) for value in row] for row in rows[:TABLE_ROWS])]
    numeric = [_is_number(field.type) for field in answer.schema]
    lines = [[text.split("\n") for text in row] for row in shown]
    widths = [max(cell_len(part) for row in lines for part in row[place]) for place in range(len(names))]
    lines.insert(1, [["-" * width] for width in widths])
    for row in lines:
        for parts in zip_longest(*row, fillvalue=""):
            aligned = map(_aligned, parts, widths, numeric)
            stream.write(("  ".join(aligned).rstrip() + "\n").encode())
    if len(rows) > TABLE_ROWS:
        stream.write(f"... only the first {TABLE_ROWS:,} rows; --format csv or --out gives all\n".encode())


def write_csv(answer: Answer, stream: BinaryIO) -> None:
    """CSV with a header (RFC 4180, UTF-8); lists and structures are JSON."""
    stream.write(line(map(cell, answer.schema.names)).encode())
    for rows in _pages(answer):
        stream.write("".join(line(map(_cell, row)) for row in rows).encode())


def write_json(answer: Answer, stream: BinaryIO) -> None:
    """A list of objects, one a line. Raises QueryError where two columns have one name."""
    names = answer.schema.names
    if len(set(names)) < len(names):
        raise QueryError("two columns have the same name, which JSON cannot hold: rename one with AS")
    before = b"[\n"
    for row in _rows(answer):
        stream.write(before + orjson.dumps(dict(zip(names, map(_json, row), strict=True))))
        before = b",\n"
    stream.write(b"[]\n" if before.startswith(b"[") else b"\n]\n")


def write_parquet(answer: Answer, stream: BinaryIO) -> None:
    """Parquet with the columns' own types. Raises QueryError for a type that Parquet has not."""
    try:
        with pq.ParquetWriter(stream, answer.schema) as writer:
            for batch in answer:
                writer.write_batch(batch)
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):
        raise QueryError("a column is of a type that Parquet cannot hold: CAST it to VARCHAR") from None


WRITERS: Mapping[str, Writer] = {
    "table": write_table,
    "csv": write_csv,
    "json": write_json,
    "parquet": write_parquet,
}


def _pages(answer: Answer) -> Iterator[Sequence[tuple[Any, ...]]]:
    for batch in answer:
        try:
            columns = [column.to_pylist() for column in batch.columns]
        except (OverflowError, ValueError):
            # Python's calendar ends where those of the query engine and of Arrow go on.
            said = "a date is beyond the years 1 to 9999, or finer than a microsecond: CAST it to VARCHAR"
            raise QueryError(said) from None
        yield list(zip(*columns, strict=True))


def _rows(answer: Answer) -> Iterator[tuple[Any, ...]]:
    for page in _pages(answer):
        yield from page


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _aligned(text: str, width: int, numeric: bool) -> str:
    blank = " " * (width - cell_len(text))
    return blank + text if numeric else text + blank


def _text(value: Any) -> str:
    """A value as text; truth as SQL writes it, what is no scalar as JSON."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | dict):
        return orjson.dumps(_json(value)).decode()
    if isinstance(value, bytes):
        return value.hex()
    return value.isoformat() if isinstance(value, date | time) else str(value)


def _cell(value: Any) -> str:
    return cell(_text(value)) if isinstance(value, str | list | dict) else _text(value)


def _shown(value: Any) -> str:
    """A value as text of which nothing but its line ends can move a cursor."""
    text = _text(value)
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() or one == "\n" else ascii(one)[1:-1] for one in text)


def _json(value: Any) -> Any:
    match value:
        case dict():
            return {str(name): _json(one) for name, one in value.items()}
        case list() | tuple():
            return [_json(one) for one in value]
        case float():
            return value if math.isfinite(value) else None
        case Decimal():
            return _number(value)
        case bool() | int() | str() | None:
            return value
        case datetime() | date() | time() | bytes() | _:
            return _text(value)


def _number(value: Decimal) -> int | float | str:
    """A number that JSON's readers hold exactly, else its digits: a sum of BIGINTs is a HUGEINT in DuckDB."""
    if value == value.to_integral_value():
        return int(value) if abs(value) < 2**63 else str(int(value))
    return float(value)
