"""Pending = listed minus known, by key and ETag, whatever the number of objects: on disk, never in memory.

An object is known when its latest decision is not `deferred`; a deferred one is pending again, with what
was known of it. A listing that only suggests is first brought up to the store (`catalog_suggested`).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Any, NamedTuple, Self

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds

from warehouse.domain.records import Deferral, ObjectInfo
from warehouse.storage import catalog_suggested
from warehouse.storage.catalog_errors import translated
from warehouse.storage.catalog_schema import TIME
from warehouse.storage.catalog_suggested import Look
from warehouse.storage.catalog_work import NEWEST, Source, moment, pages, stream, workspace

BATCH_ROWS = 122_880  # a whole row group, which goes to disk at once

_LISTED = pa.schema(
    {
        "key": pa.string(),
        "etag": pa.string(),
        "size": pa.int64(),
        "modified": TIME,
        "defect": pa.string(),
        "archived": pa.bool_(),
        "phase": pa.int64(),
        "position": pa.string(),
        "gone": pa.bool_(),
    }
)

_DEFERRED = ds.field("outcome") == "deferred"
_KEY = ("key", "etag")
_MOMENT = ("time", "run", "sequence")
_EARLIER = ("reason", "patient", "site", "configuration")

# The query engine takes a stream, whose length it cannot know, for a short one; so the hash table of a join
# is made of its right side, as it is written, and not of the side that is guessed to be the smaller.
_AS_WRITTEN = "SET disabled_optimizers = 'join_order,build_side_probe_side'"

# Few rows are deferrals, and only those are sorted out by time: of the rest it is enough that they exist.
# Each step reads `objects` once, and is a join or a partition of narrow rows, which can go to disk.
_STEPS: tuple[tuple[tuple[str, ...], ds.Expression, str], ...] = (
    (
        (*_KEY, *_MOMENT, *_EARLIER),
        _DEFERRED,
        f"""CREATE OR REPLACE TABLE deferral AS
            SELECT key, etag, reason, patient, site, configuration, time, run, sequence FROM objects
            QUALIFY row_number() OVER (PARTITION BY key, etag ORDER BY {NEWEST}) = 1""",
    ),
    (
        (*_KEY, *_MOMENT),
        ~_DEFERRED,
        """CREATE OR REPLACE TABLE waiting AS
            SELECT * FROM deferral ANTI JOIN (
                SELECT earlier.key, earlier.etag FROM objects AS later JOIN deferral AS earlier
                ON earlier.key = later.key AND earlier.etag = later.etag AND
                    (later.time, later.run, later.sequence) > (earlier.time, earlier.run, earlier.sequence)
            ) AS superseded USING (key, etag)""",
    ),
    (
        _KEY,
        ~_DEFERRED,
        """CREATE OR REPLACE TABLE fresh AS
            SELECT * FROM listed ANTI JOIN objects USING (key, etag) ANTI JOIN waiting USING (key, etag)""",
    ),
)

_PENDING = """
    SELECT key, etag, size, epoch_us(modified), defect, archived, phase,
        gone, again, reason, patient, site, configuration
    FROM (
        SELECT *, false AS again,
            NULL AS reason, NULL AS patient, NULL AS site, NULL AS configuration FROM fresh
        UNION ALL BY NAME
        SELECT listed.*, true AS again, waiting.reason, waiting.patient, waiting.site, waiting.configuration
        FROM listed JOIN waiting USING (key, etag)
    )
    ORDER BY phase, position, key, etag"""


class Listed(NamedTuple):
    """A listed object with its place in the order of work: `phase`, then `order`, then the key's bytes."""

    info: ObjectInfo
    phase: int
    order: str = ""


class PendingObject(NamedTuple):
    """An object to decide; `earlier` is what the run knew that deferred it.

    `gone` where a listing only suggested it, and it was looked for in vain.
    """

    info: ObjectInfo
    phase: int
    earlier: Deferral | None
    gone: bool = False


class Pending:
    """What of a listing is to be decided, in order. A context manager, since it stands on temporary files.

    `listed` and `known` are counts. Iterate it from one thread at a time, as often as need be.
    """

    def __init__(
        self,
        listing: Iterable[tuple[ObjectInfo, int, str]],
        objects: Sequence[Source],
        look: Look | None = None,
    ) -> None:
        """Read the whole listing, against the parts of `objects`; with `look`, it only suggests.

        What the listing or `look` raises is passed on, and then nothing is pending.
        """
        with ExitStack() as stack:
            self._connection = stack.enter_context(workspace())
            self.listed = _read_listing(self._connection, listing)
            with translated():
                self._connection.execute(_AS_WRITTEN)
                if look is not None:
                    self.listed = catalog_suggested.name_versions(self._connection, objects)
                _compare(self._connection, objects)
            if look is not None and catalog_suggested.look_up(self._connection, objects, look):
                with translated():
                    _compare(self._connection, objects)
            with translated():
                self.known = self.listed - _count_pending(self._connection)
            self._stack = stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __iter__(self) -> Iterator[PendingObject]:
        return map(_pending_object, pages(self._connection, _PENDING))

    def close(self) -> None:
        """Remove the temporary files; idempotent."""
        self._stack.close()


def _read_listing(
    connection: duckdb.DuckDBPyConnection, listing: Iterable[tuple[ObjectInfo, int, str]]
) -> int:
    with translated():
        connection.register("listed_0", _LISTED.empty_table())
        connection.execute("CREATE TABLE listed AS SELECT * FROM listed_0")
    listed = 0
    entries = iter(listing)
    while batch := list(itertools.islice(entries, BATCH_ROWS)):
        with translated():
            connection.register("listed_0", _batch(batch))
            connection.execute("INSERT INTO listed SELECT * FROM listed_0")
        listed += len(batch)
    return listed


def _compare(connection: duckdb.DuckDBPyConnection, objects: Sequence[Source]) -> None:
    """Find out what of `listed` is `fresh`, and what is `waiting`."""
    for columns, where, step in _STEPS:
        stream(connection, objects, columns, where)
        connection.execute(step)


def _batch(entries: Sequence[tuple[ObjectInfo, int, str]]) -> pa.Table:
    columns: list[list[Any]] = [
        [info.key for info, _, _ in entries],
        [info.etag for info, _, _ in entries],
        [info.size for info, _, _ in entries],
        [info.last_modified for info, _, _ in entries],
        [info.defect for info, _, _ in entries],
        [info.archived for info, _, _ in entries],
        [phase for _, phase, _ in entries],
        [order for _, _, order in entries],
        [False] * len(entries),
    ]
    return pa.table(
        [pa.array(column, field.type) for column, field in zip(columns, _LISTED, strict=True)],
        schema=_LISTED,
    )


def _count_pending(connection: duckdb.DuckDBPyConnection) -> int:
    ((count,),) = connection.execute(
        "SELECT (SELECT count(*) FROM fresh)"
        " + (SELECT count(*) FROM listed SEMI JOIN waiting USING (key, etag))"
    ).fetchall()
    return int(count)


def _pending_object(row: tuple[Any, ...]) -> PendingObject:
    key, etag, size, modified, defect, archived, phase, gone, again, *earlier = row
    info = ObjectInfo(
        key=key,
        size=size,
        etag=etag,
        last_modified=moment(modified),
        defect=defect,
        archived=archived,
    )
    return PendingObject(info, phase, Deferral(*earlier) if again else None, gone)
