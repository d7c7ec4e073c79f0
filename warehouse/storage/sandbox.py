"""One question, answered where it can reach nothing but tables: no file, no network, no setting.

One statement that only reads is let through, if its parse names no table but those that are shown and calls
nothing that tells of more. Before it is carried out, access to everything else is off, the configuration
locked.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa

from warehouse.domain.repeatable import why_not
from warehouse.domain.sql_tree import Tree, asks_for_the_tables, is_out_of_reach, tables
from warehouse.errors import QueryError
from warehouse.storage.catalog_errors import translated
from warehouse.storage.catalog_views import ASKED, Ready, is_a_view, make, nothing_is_ready
from warehouse.storage.catalog_work import MEMORY, Source, sealed_workspace, show, workspace
from warehouse.storage.parsing import forms, parse, with_definitions
from warehouse.storage.plain_types import in_plain_types

ANSWER_ROWS = 16_384

ONE_STATEMENT = (
    "one statement that reads can be asked, such as SELECT, FROM, WITH, VALUES, DESCRIBE, SHOW, SUMMARIZE or "
    "EXPLAIN, and nothing else"
)
OUT_OF_REACH = "files, networks, extensions and settings are out of a query's reach: ask the tables"

_LIST = "SELECT name FROM (VALUES {}) AS tables(name)"

_READS = duckdb.StatementType.SELECT
_EXPLAINS = duckdb.StatementType.EXPLAIN
_EXPLAINED = re.compile(r"\s*EXPLAIN\s+(?:ANALYZE\s+)?(?:\([^()]*\)\s*)?", re.IGNORECASE)

# The query engine takes a table of Arrow for one of a row, whatever its length, and would hold the longer
# side of a join; so it holds the right side, as it is written.
AS_WRITTEN = "SET disabled_optimizers = 'join_order,build_side_probe_side'"

# What Arrow could not read reaches us as if the SQL were wrong.
_SOURCE_FAILED = re.compile(r"(?:reading|exporting) (?:the|a) stream|(?:IO|OS|FileNotFound|Permission)Error")

# By the words that an error begins with, since some pass through Arrow, which keeps nothing else. The first
# speak of the SQL; the others may quote values, and are told in our own words.
_ABOUT_THE_SQL = re.compile(r"(?:Parser|Binder|Catalog|Syntax) Error: ")
_ABOUT_VALUES: Mapping[str, str] = {
    "Conversion Error": "a value cannot be converted as the query asks: TRY_CAST gives null for it",
    "Out of Range Error": "a number is too large or too small for what the query does with it",
    "Invalid Input Error": "a function of the query was given what it does not take",
    "Invalid type Error": "the query puts values of different types together",
    "Mismatch Type Error": "the query puts values of different types together",
    "Not implemented Error": "the query asks for what the query engine cannot do",
    "Permission Error": OUT_OF_REACH,
}
_LOCKED = re.compile(r"configuration has been locked|disabled by configuration")


@dataclass(frozen=True, slots=True)
class Limits:
    """What a question may use: seconds up to its last row (None: any), and memory, as DuckDB says it."""

    seconds: float | None = None
    memory: str = MEMORY


UNLIMITED = Limits()


class Answer:
    """The rows of an answer, a batch at a time as they are found; `schema` names and types the columns.

    Raises QueryError and StoreError as it is read. It ends with the `ask` that gave it.
    """

    def __init__(self, reader: pa.RecordBatchReader, clock: _Alarm) -> None:
        self.schema: pa.Schema = reader.schema
        self._reader = reader
        self._clock = clock

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        while True:
            with _told(self._clock):
                batch = next(self._reader, None)
            if batch is None:
                return
            yield batch

    def table(self) -> pa.Table:
        """All that is left of the answer, in memory."""
        return pa.Table.from_batches(list(self), schema=self.schema)


@contextmanager
def ask(
    sources: Mapping[str, Sequence[Source]],
    sql: str,
    parameters: Sequence[Any] = (),
    limits: Limits = UNLIMITED,
    ready: Ready = nothing_is_ready,
    *,
    repeatable: bool = False,
    ours: bool = False,
) -> Generator[Answer]:
    """Put a question to tables: those of the catalog, with the views over them, or those of one set.

    Of the views, those that `ready` has the tables of are not worked out. If `repeatable`, a question is
    refused whose answer may be another one the next time. A question that is `ours`, no part of which a
    person wrote, is put where others of ours were put before.

    Raises QueryError for what cannot be answered, and StoreError.
    """
    room = workspace if ours else sealed_workspace
    with room(limits.memory) as connection, _Alarm(connection, limits) as clock:
        with _told(clock):
            tree = parse(connection, _one_that_reads(connection, sql))
        if asks_for_the_tables(tree):
            sql = _LIST.format(", ".join(f"('{name}')" for name in _shown(sources)))
        else:
            with _told(clock, by_reader=False):
                _require_in_reach(connection, tree, sources, repeatable=repeatable)
        with _told(clock, by_reader=False):
            connection.execute(AS_WRITTEN)
            show(connection, sources)
            if "objects" in sources:
                make(connection, sql, ready=ready)
            if not ours:
                connection.execute("SET lock_configuration = true")
        with _told(clock):
            relation = connection.sql(sql, params=list(parameters) or None)
            reader = in_plain_types(relation).to_arrow_reader(ANSWER_ROWS)
        yield Answer(reader, clock)


class _Alarm:
    """Interrupts a question whose time is up, and remembers that it did."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, limits: Limits) -> None:
        self.limits = limits
        self.rang = False
        self._connection = connection
        self._timer = threading.Timer(limits.seconds or 0, self._ring)
        self._timer.daemon = True

    def __enter__(self) -> _Alarm:
        if self.limits.seconds is not None:
            self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        if self._timer.is_alive():
            self._timer.join()

    def _ring(self) -> None:
        self.rang = True
        self._connection.interrupt()


@contextmanager
def _told(clock: _Alarm, *, by_reader: bool = True) -> Generator[None]:
    """Raise what a question is to blame for as QueryError, in one line, and all else as StoreError.

    `by_reader` where the reader's own SQL is at work.
    """
    with translated():
        try:
            yield
        except (duckdb.Error, pa.ArrowException, OSError) as error:
            text = str(error)
            said = _too_much(text, clock)
            if said is None and by_reader and not _SOURCE_FAILED.search(text):
                said = _wrong(text)
            if said is None:
                raise
            raise QueryError(said) from None


def _too_much(text: str, clock: _Alarm) -> str | None:
    if clock.rang and "INTERRUPT" in text:
        return f"it took longer than {clock.limits.seconds:g} s: ask for less, or give it more time"
    if text.startswith("Out of Memory Error"):
        return f"it needs more memory than {clock.limits.memory}: ask for less, or give it more"
    return None


def _wrong(text: str) -> str | None:
    if _LOCKED.search(text):
        return OUT_OF_REACH
    if _ABOUT_THE_SQL.match(text):
        return " ".join(text.partition("\n\nLINE")[0].split())
    return next((sentence for begins, sentence in _ABOUT_VALUES.items() if text.startswith(begins)), None)


def _one_that_reads(connection: duckdb.DuckDBPyConnection, sql: str) -> str:
    """A question without its EXPLAIN, which may carry out what it explains."""
    kinds = [statement.type for statement in connection.extract_statements(sql)]
    if kinds == [_EXPLAINS]:
        sql, found = _EXPLAINED.subn("", sql, count=1)
        kinds = [statement.type for statement in connection.extract_statements(sql)] if found else []
    if kinds != [_READS]:
        raise QueryError(ONE_STATEMENT)
    return sql


def _require_in_reach(
    connection: duckdb.DuckDBPyConnection,
    tree: Tree,
    sources: Mapping[str, Sequence[Source]],
    *,
    repeatable: bool,
) -> None:
    if is_out_of_reach(tree):
        raise QueryError(OUT_OF_REACH)
    for name in tables(tree):
        if name.lower() not in sources and not ("objects" in sources and is_a_view(name.lower())):
            said = " ".join(name.split())[:80]
            raise QueryError(f"there is no table {said}: the tables are {', '.join(_shown(sources))}")
    varies = why_not(with_definitions(connection, tree), forms(connection)) if repeatable else None
    if varies is not None:
        raise QueryError(varies)


def _shown(sources: Mapping[str, Sequence[Source]]) -> list[str]:
    """The tables that can be asked, in the order of their page."""
    return [name for name in ASKED if name in sources or "objects" in sources]
