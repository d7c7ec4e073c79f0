"""A listing that only suggests becomes one that can be decided by: where it is in doubt, the store is asked.

Steps over the table `listed` of a workspace (`warehouse.storage.catalog_pending`), on disk like all of it:

1. a key that stands in it twice is one object: its newest row counts;
2. a row without an ETag gets that of the decision with its key, size and time of change, where there is one;
3. of what is pending then, these keys are looked at: what has no ETag; what is decided by its key alone, and
   so would never be read; and a key of which the catalog knows another version, which may be the present one.

The rest is new to the catalog, or waits: whoever reads it meets the version that stands there.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

import duckdb
import pyarrow as pa

from warehouse.domain.records import ObjectInfo
from warehouse.storage.catalog_errors import translated
from warehouse.storage.catalog_schema import TIME
from warehouse.storage.catalog_work import PAGE_ROWS, Source, pages, stream

# Given keys: each with the object that stands there now, None where there is none. A key may be left out.
Look: TypeAlias = Callable[[Iterable[str]], Iterable[tuple[str, ObjectInfo | None]]]

_LIVE = pa.schema(
    {
        "key": pa.string(),
        "etag": pa.string(),
        "size": pa.int64(),
        "modified": TIME,
        "archived": pa.bool_(),
        "gone": pa.bool_(),
    }
)

_ONE_ROW_A_KEY = (
    "CREATE TABLE repeated AS SELECT key FROM listed GROUP BY key HAVING count(*) > 1",
    """CREATE TABLE newest AS SELECT listed.* FROM listed SEMI JOIN repeated USING (key)
        QUALIFY row_number() OVER (PARTITION BY key ORDER BY modified DESC, etag DESC, size DESC) = 1""",
    "DELETE FROM listed WHERE key IN (SELECT key FROM repeated)",
    "INSERT INTO listed SELECT * FROM newest",
)

# Inventories tell times to the millisecond. Where two versions agree in everything, nobody knows which it is.
_AGREEING = """CREATE TABLE agreeing AS
    SELECT DISTINCT objects.key, objects.etag FROM objects JOIN listed ON objects.key = listed.key
        AND objects.size = listed.size
        AND date_trunc('milliseconds', objects.last_modified) = date_trunc('milliseconds', listed.modified)
    WHERE listed.etag = ''"""
_NAMED = """CREATE TABLE named AS
    SELECT listed.* REPLACE (coalesce(agreeing.etag, listed.etag) AS etag)
    FROM listed LEFT JOIN (
        SELECT * FROM agreeing ANTI JOIN (
            SELECT key FROM agreeing GROUP BY key HAVING count(*) > 1
        ) AS ambiguous USING (key)
    ) AS agreeing ON listed.key = agreeing.key AND listed.etag = ''"""

_AWAITED = """CREATE TABLE awaited AS
    SELECT key, etag, phase FROM fresh
    UNION ALL SELECT listed.key, listed.etag, listed.phase FROM listed SEMI JOIN waiting USING (key, etag)"""
_DOUBTFUL = """CREATE TABLE doubtful AS
    SELECT key FROM awaited WHERE etag = '' OR phase = 0
    UNION
    SELECT awaited.key FROM objects JOIN awaited
        ON objects.key = awaited.key AND objects.etag <> awaited.etag"""

_AS_IT_STANDS = """CREATE TABLE seen AS
    SELECT listed.* REPLACE (
        coalesce(live.etag, listed.etag) AS etag, coalesce(live.size, listed.size) AS size,
        coalesce(live.modified, listed.modified) AS modified,
        coalesce(live.archived, listed.archived) AS archived, coalesce(live.gone, false) AS gone
    )
    FROM listed LEFT JOIN live USING (key)"""


def name_versions(connection: duckdb.DuckDBPyConnection, objects: Sequence[Source]) -> int:
    """Steps 1 and 2; gives the number of rows that are left."""
    for step in _ONE_ROW_A_KEY:
        connection.execute(step)
    if _count(connection, "listed WHERE etag = ''"):
        stream(connection, objects, ("etag", "size", "last_modified"))
        connection.execute(_AGREEING)
        connection.execute(_NAMED)
        _replace_listed(connection, "named")
    return _count(connection, "listed")


def look_up(connection: duckdb.DuckDBPyConnection, objects: Sequence[Source], look: Look) -> bool:
    """Step 3, once it is known what is pending; tells whether anything was looked at.

    What `look` raises is passed on.
    """
    with translated():
        connection.execute(_AWAITED)
        stream(connection, objects, ("etag",))
        connection.execute(_DOUBTFUL)
        connection.register("live_0", _LIVE.empty_table())
        connection.execute("CREATE TABLE live AS SELECT * FROM live_0")
    entries = iter(look(key for (key,) in pages(connection, "SELECT key FROM doubtful ORDER BY key")))
    looked = False
    while batch := list(itertools.islice(entries, PAGE_ROWS)):
        looked = True
        with translated():
            connection.register("live_0", pa.Table.from_pylist(list(map(_row, batch)), _LIVE))
            connection.execute("INSERT INTO live SELECT * FROM live_0")
    if looked:
        with translated():
            connection.execute(_AS_IT_STANDS)
            _replace_listed(connection, "seen")
    return looked


def _row(entry: tuple[str, ObjectInfo | None]) -> dict[str, object]:
    key, found = entry
    if found is None:
        return {"key": key, "gone": True}
    return {
        "key": key,
        "etag": found.etag,
        "size": found.size,
        "modified": found.last_modified,
        "archived": found.archived,
        "gone": False,
    }


def _replace_listed(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    connection.execute("DROP TABLE listed")
    connection.execute(f"ALTER TABLE {name} RENAME TO listed")


def _count(connection: duckdb.DuckDBPyConnection, rows: str) -> int:
    ((count,),) = connection.execute(f"SELECT count(*) FROM {rows}").fetchall()
    return int(count)
