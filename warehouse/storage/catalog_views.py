"""The tables that researchers ask, each defined once: for the catalog, its like in memory, and each set.

They tell of what stands in the two sets, by its place there: no raw key, no uploader. What a question does
not name is not made for it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import NamedTuple

import duckdb
import pyarrow as pa

from warehouse.domain.split import fold
from warehouse.storage.catalog_schema import IMAGES, OF_A_SERIES, OF_A_STUDY, PATIENTS, SERIES, STUDIES
from warehouse.storage.catalog_work import EARLIEST, NEWEST, PAGE_ROWS, Source, pages, show

# What a person may ask, in the order of docs/catalog.md.
ASKED = ("objects", "objects_now", "runs", "images", "series", "studies", "patients")

_DECISION = f"key, etag, {EARLIEST}"


class _Part(NamedTuple):
    """A table or view of the workspace: what it is made of, and the statement or function that makes it."""

    of: tuple[str, ...]
    step: str | Callable[[duckdb.DuckDBPyConnection], None]


Ready = Callable[[str], Sequence[Source]]
"""The parts of a table that holds what a view would show; none where it has to be worked out."""


def nothing_is_ready(name: str) -> Sequence[Source]:
    """Every view has to be worked out."""
    return ()


def is_a_view(name: str) -> bool:
    """Whether `make` makes it."""
    return name in _PARTS


def make(
    connection: duckdb.DuckDBPyConnection,
    sql: str,
    kept: Sequence[str] = (),
    ready: Ready = nothing_is_ready,
) -> None:
    """Make what of the views a question names, in a workspace that shows `objects`.

    Those of `kept` are worked out here and now, for who asks them more than once.
    """
    named = {name for name in _PARTS if re.search(rf"\b{name}\b", sql, re.IGNORECASE)}
    held = {}
    for name, part in reversed(_PARTS.items()):
        if name not in named:
            continue
        if parts := ready(name):
            held[name] = parts
        else:
            named.update(part.of)
    show(connection, held)
    for name, part in ((name, part) for name, part in _PARTS.items() if name in named - held.keys()):
        if isinstance(part.step, str):
            connection.execute(part.step.replace("TEMP VIEW", "TABLE", 1) if name in kept else part.step)
        else:
            part.step(connection)


def _columns(schema: pa.Schema, expressions: Mapping[str, str]) -> str:
    """The columns of a view in its order: by an expression where one is given, else as they are."""
    quoted = [(name, f'"{name}"') for name in schema.names]
    return ", ".join(f"{expressions.get(name, itself)} AS {itself}" for name, itself in quoted)


def _lowest(keywords: Sequence[str]) -> dict[str, str]:
    """What the parts of a whole should agree on: where they do not, the lowest value, every time."""
    return {keyword: f'min("{keyword}")' for keyword in keywords}


def _all(column: str) -> str:
    """The distinct values of a column, sorted, as a list that is never null."""
    return f'coalesce(list(DISTINCT "{column}" ORDER BY "{column}") FILTER ("{column}" IS NOT NULL), [])'


def _settle_objects(connection: duckdb.DuckDBPyConnection) -> None:
    """Make `objects_now`.

    Most objects are decided once. Only the others are sorted out, by few columns; they are found by a number
    that stands for their key, and if two keys share one, that only costs time.
    """
    older, doubles = "", ""
    connection.execute(_AGAIN)
    if _any(connection, "again"):
        for step in _DECIDED_AGAIN:
            connection.execute(step)
        if _any(connection, "superseded"):
            ((told_by_moment,),) = connection.execute(_TOLD_BY_MOMENT).fetchall()
            older = f"ANTI JOIN superseded USING ({EARLIEST if told_by_moment else _DECISION})"
        if _any(connection, "twice"):
            doubles = _ONE_OF_TWO
    connection.execute(f"CREATE TEMP VIEW objects_now AS SELECT * FROM objects {older} {doubles}")


def _settle_copies(connection: duckdb.DuckDBPyConnection) -> None:
    """Make `copies`: one row for each place in a set, the first that tells of it."""
    later = ""
    connection.execute(_PLACES)
    if _any(connection, "places"):
        connection.execute(_FOUND_AGAIN)
        later = "ANTI JOIN found_again USING (key, etag)"
    connection.execute(f"CREATE TEMP VIEW copies AS SELECT * FROM standing {later}")


def _fold_patients(connection: duckdb.DuckDBPyConnection) -> None:
    """Make `folds`: DuckDB has no SHA-512."""
    connection.execute("CREATE TABLE folds (patient VARCHAR, fold BIGINT)")
    patients = (patient for (patient,) in pages(connection, _EVERY_PATIENT))
    while some := list(islice(patients, PAGE_ROWS)):
        connection.register("folded", pa.table({"patient": some, "fold": [fold(one) for one in some]}))
        connection.execute("INSERT INTO folds SELECT patient, fold FROM folded")
        connection.unregister("folded")


def _any(connection: duckdb.DuckDBPyConnection, table: str) -> bool:
    return bool(connection.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchall())


_AGAIN = """
    CREATE TABLE again AS
    SELECT hash(key, etag) AS place FROM objects GROUP BY place HAVING count(*) > 1"""
_DECIDED_AGAIN = (
    f"""CREATE TABLE decided_again AS
        SELECT {_DECISION}, rank() OVER newest AS rank, row_number() OVER newest AS number
        FROM objects SEMI JOIN again ON hash(key, etag) = place
        WINDOW newest AS (PARTITION BY key, etag ORDER BY {NEWEST})""",
    f"CREATE TABLE superseded AS SELECT {_DECISION} FROM decided_again WHERE rank > 1",
    f"CREATE TABLE twice AS SELECT DISTINCT {_DECISION} FROM decided_again WHERE rank = 1 AND number > 1",
)
# A run decides one object at a time, so that the moment of a decision tells which one it was, and keys need
# not be read to find it. If ever it does not, they are.
_TOLD_BY_MOMENT = f"""
    SELECT (SELECT count(*) FROM objects SEMI JOIN superseded USING ({EARLIEST}))
        = (SELECT count(*) FROM superseded)"""
# A commit whose answer was lost may have been made twice.
_ONE_OF_TWO = f"""
    ANTI JOIN twice USING ({_DECISION})
    UNION ALL SELECT * FROM objects SEMI JOIN twice USING ({_DECISION})
    QUALIFY row_number() OVER (PARTITION BY {_DECISION}) = 1"""

# What does not stand in its patient's set is told by neither set.
_STANDING = """
    CREATE TEMP VIEW standing AS SELECT * FROM objects_now
    WHERE outcome IN ('loaded', 'present') AND patient IS NOT NULL AND kind IN ('clinical', 'image')
        AND starts_with(target_key, "group" || '/')"""
_PLACES = """
    CREATE TABLE places AS
    SELECT hash(target_key) AS place FROM standing GROUP BY place HAVING count(*) > 1"""
_FOUND_AGAIN = f"""
    CREATE TABLE found_again AS
    SELECT key, etag FROM standing SEMI JOIN places ON hash(target_key) = place
    QUALIFY row_number() OVER (PARTITION BY target_key ORDER BY {EARLIEST}) > 1"""

_EVERY_PATIENT = "SELECT DISTINCT patient FROM objects WHERE patient IS NOT NULL"
_CLINICAL = f"""
    CREATE TABLE clinical AS
    SELECT "group", patient, arg_min(site, ({EARLIEST})) AS site,
        count(*) FILTER (parse_filename(target_key) LIKE 'data%') AS data_files,
        count(*) FILTER (parse_filename(target_key) LIKE 'status%') AS status_files
    FROM copies WHERE kind = 'clinical' GROUP BY "group", patient"""

_IMAGES_OF = {"key": "target_key", "site": "clinical.site", "size": "target_size", "etag": "target_etag"}
_IMAGES = f"""
    CREATE TEMP VIEW images AS SELECT {_columns(IMAGES, _IMAGES_OF)}
    FROM copies LEFT JOIN clinical USING ("group", patient) LEFT JOIN folds USING (patient)
    WHERE kind = 'image'"""

_PERSON = {"fold": "any_value(fold)", "site": "any_value(site)"}

_SERIES_OF = {
    **_PERSON,
    **_lowest(("type", "Modality", *OF_A_SERIES)),
    "images": "count(*)",
    "bytes": "sum(size)::BIGINT",
}
_SERIES = f"""
    CREATE TEMP VIEW series AS SELECT {_columns(SERIES, _SERIES_OF)}
    FROM images GROUP BY "group", patient, StudyInstanceUID, SeriesInstanceUID"""

_STUDIES_OF = {
    **_PERSON,
    **_lowest(OF_A_STUDY),
    "types": _all("type"),
    "ModalitiesInStudy": _all("Modality"),
    "series": "count(*)",
    "images": "sum(images)::BIGINT",
    "bytes": "sum(bytes)::BIGINT",
}
_STUDIES = f"""
    CREATE TEMP VIEW studies AS SELECT {_columns(STUDIES, _STUDIES_OF)}
    FROM series GROUP BY "group", patient, StudyInstanceUID"""

_COUNTED = ("data_files", "status_files", "studies", "series", "images", "bytes")
_PATIENTS_OF = {
    "site": "clinical.site",
    "types": "coalesce(types, [])",
    **{name: f"coalesce({name}, 0)" for name in _COUNTED},
}
_PATIENTS = f"""
    CREATE TEMP VIEW patients AS
    WITH everyone AS (
        SELECT "group", patient, min(folder) AS folder, min(rule) AS rule,
            min(upload_date) AS first_upload, max(upload_date) AS last_upload
        FROM copies GROUP BY "group", patient
    ),
    imaged AS (
        SELECT "group", patient, min(PatientSex) AS PatientSex,
            list_sort(list_distinct(flatten(list(types)))) AS types,
            min(StudyDate) AS first_study, max(StudyDate) AS last_study, count(*) AS studies,
            sum(series)::BIGINT AS series, sum(images)::BIGINT AS images, sum(bytes)::BIGINT AS bytes
        FROM studies GROUP BY "group", patient
    )
    SELECT {_columns(PATIENTS, _PATIENTS_OF)}
    FROM everyone LEFT JOIN clinical USING ("group", patient) LEFT JOIN folds USING (patient)
        LEFT JOIN imaged USING ("group", patient)"""

# In the order of their making.
_PARTS: dict[str, _Part] = {
    "objects_now": _Part((), _settle_objects),
    "standing": _Part(("objects_now",), _STANDING),
    "copies": _Part(("standing",), _settle_copies),
    "clinical": _Part(("copies",), _CLINICAL),
    "folds": _Part((), _fold_patients),
    "images": _Part(("copies", "clinical", "folds"), _IMAGES),
    "series": _Part(("images",), _SERIES),
    "studies": _Part(("series",), _STUDIES),
    "patients": _Part(("copies", "clinical", "folds", "studies"), _PATIENTS),
}

# Tells definitions of the tables apart: where it changes, what was published by another one is behind.
DEFINITION = hashlib.sha256(
    "\n".join(
        (
            *(part.step for part in _PARTS.values() if isinstance(part.step, str)),
            *(_AGAIN, *_DECIDED_AGAIN, _ONE_OF_TWO, _PLACES, _FOUND_AGAIN, _EVERY_PATIENT),
            *(str(schema) for schema in (PATIENTS, STUDIES, SERIES, IMAGES)),
        )
    ).encode()
).hexdigest()[:16]
