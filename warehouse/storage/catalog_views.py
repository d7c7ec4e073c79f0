"""The tables that researchers ask, each defined once: for the catalog, its like in memory, and each set.

They tell of what stands in the two sets, by its place there: no raw key, no uploader. What a question does
not name is not made for it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import NamedTuple

import duckdb
import pyarrow as pa

from warehouse.domain.split import fold
from warehouse.storage.catalog_schema import IMAGES, OF_A_SERIES, OF_A_STUDY, PATIENTS, SERIES, STUDIES
from warehouse.storage.catalog_work import EARLIEST, NEWEST, PAGE_ROWS, pages

_MOMENT = f"({EARLIEST})"


class _Part(NamedTuple):
    """A table or view of the workspace: what it is made of, and how."""

    of: tuple[str, ...]
    steps: tuple[str | Callable[[duckdb.DuckDBPyConnection], None], ...]


def make(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    """Make what of the views a question names, in a workspace that shows `objects`."""
    named = {name for name in _PARTS if re.search(rf"\b{name}\b", sql, re.IGNORECASE)}
    for name, part in reversed(_PARTS.items()):
        named.update(part.of if name in named else ())
    for name, part in _PARTS.items():
        for step in part.steps if name in named else ():
            if isinstance(step, str):
                connection.execute(step)
            else:
                step(connection)


def _first_of_each(name: str, source: str, key: str, order: str) -> tuple[str, ...]:
    """Steps to a view of the first row of `source`, by `order`, for each `key`.

    Most keys have one row. Only the others are sorted out, and whole rows of the first are never held; they
    are told apart by a number that stands for the key, and if two keys share one, that only costs time.
    """
    return (
        f"CREATE TABLE {name}_again AS SELECT hash({key}) AS place FROM {source} "
        "GROUP BY place HAVING count(*) > 1",
        f"CREATE TABLE {name}_first AS SELECT * FROM {source} SEMI JOIN {name}_again ON hash({key}) = place "
        f"QUALIFY row_number() OVER (PARTITION BY {key} ORDER BY {order}) = 1",
        f"CREATE TEMP VIEW {name} AS "
        f"SELECT * FROM {source} ANTI JOIN {name}_again ON hash({key}) = place "
        f"UNION ALL SELECT * FROM {name}_first",
    )


def _columns(schema: pa.Schema, expressions: Mapping[str, str]) -> str:
    """The columns of a view in its order: by an expression where one is given, else as they are."""
    return ", ".join(f'{expressions.get(name, quoted(name))} AS "{name}"' for name in schema.names)


def quoted(name: str) -> str:
    """A name as SQL takes it whatever it is."""
    return f'"{name}"'


def _lowest(keywords: Sequence[str]) -> dict[str, str]:
    """What the parts of a whole should agree on: where they do not, the lowest value, every time."""
    return {keyword: f'min("{keyword}")' for keyword in keywords}


def _all(column: str) -> str:
    """The distinct values of a column, sorted, as a list that is never null."""
    return f'coalesce(list(DISTINCT "{column}" ORDER BY "{column}") FILTER ("{column}" IS NOT NULL), [])'


def _fold_patients(connection: duckdb.DuckDBPyConnection) -> None:
    """Make `folds`: DuckDB has no SHA-512."""
    connection.execute("CREATE TABLE folds (patient VARCHAR, fold BIGINT)")
    patients = (patient for (patient,) in pages(connection, "SELECT DISTINCT patient FROM people"))
    while some := list(islice(patients, PAGE_ROWS)):
        connection.register("folded", pa.table({"patient": some, "fold": [fold(one) for one in some]}))
        connection.execute("INSERT INTO folds SELECT patient, fold FROM folded")
        connection.unregister("folded")


# What does not stand in its patient's set is told by neither set.
_STANDING = """
    CREATE TEMP VIEW standing AS SELECT * FROM objects_now
    WHERE outcome IN ('loaded', 'present') AND patient IS NOT NULL AND kind IN ('clinical', 'image')
        AND starts_with(target_key, "group" || '/')"""

_PEOPLE = f"""
    CREATE TABLE people AS
    SELECT "group", patient, min(folder) AS folder, arg_min(rule, {_MOMENT}) AS rule,
        arg_min(site, {_MOMENT}) AS site, min(upload_date) AS first_upload, max(upload_date) AS last_upload,
        count(*) FILTER (kind = 'clinical' AND parse_filename(target_key) LIKE 'data%') AS data_files,
        count(*) FILTER (kind = 'clinical' AND parse_filename(target_key) LIKE 'status%') AS status_files
    FROM copies GROUP BY "group", patient"""

_IMAGES_OF = {"key": "target_key", "site": "people.site", "size": "target_size", "etag": "target_etag"}
_IMAGES = f"""
    CREATE TEMP VIEW images AS SELECT {_columns(IMAGES, _IMAGES_OF)}
    FROM copies JOIN people USING ("group", patient) JOIN folds USING (patient) WHERE kind = 'image'"""

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

_PATIENTS_OF = {
    "site": "people.site",
    "types": "coalesce(types, [])",
    **{name: f"coalesce({name}, 0)" for name in ("studies", "series", "images", "bytes")},
}
_PATIENTS = f"""
    CREATE TEMP VIEW patients AS
    WITH imaged AS (
        SELECT "group", patient, min(PatientSex) AS PatientSex,
            list_sort(list_distinct(flatten(list(types)))) AS types,
            min(StudyDate) AS first_study, max(StudyDate) AS last_study, count(*) AS studies,
            sum(series)::BIGINT AS series, sum(images)::BIGINT AS images, sum(bytes)::BIGINT AS bytes
        FROM studies GROUP BY "group", patient
    )
    SELECT {_columns(PATIENTS, _PATIENTS_OF)}
    FROM people JOIN folds USING (patient) LEFT JOIN imaged USING ("group", patient)"""

# In the order of their making.
_PARTS: dict[str, _Part] = {
    "objects_now": _Part((), _first_of_each("objects_now", "objects", "key, etag", NEWEST)),
    "standing": _Part(("objects_now",), (_STANDING,)),
    "copies": _Part(("standing",), _first_of_each("copies", "standing", "target_key", EARLIEST)),
    "people": _Part(("copies",), (_PEOPLE,)),
    "folds": _Part(("people",), (_fold_patients,)),
    "images": _Part(("copies", "people", "folds"), (_IMAGES,)),
    "series": _Part(("images",), (_SERIES,)),
    "studies": _Part(("series",), (_STUDIES,)),
    "patients": _Part(("people", "folds", "studies"), (_PATIENTS,)),
}
