"""The clinical files of each patient together, whatever the number of patients and files: sorted on disk."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from operator import attrgetter
from typing import Any

import duckdb
import pyarrow as pa

from warehouse.domain.centres import Candidates, ClinicalFile, in_turn
from warehouse.domain.records import ObjectInfo
from warehouse.storage.catalog_errors import translated
from warehouse.storage.catalog_schema import TIME
from warehouse.storage.catalog_work import moment, pages, workspace

BATCH_ROWS = 16_384

_LISTED = pa.schema(
    {
        "patient": pa.string(),
        "raw": pa.bool_(),
        "status": pa.string(),
        "date": pa.string(),
        "key": pa.string(),
        "size": pa.int64(),
        "etag": pa.string(),
        "modified": TIME,
        "archived": pa.bool_(),
    }
)

_BY_PATIENT = """
    SELECT patient, raw, status, date, key, size, etag, epoch_us(modified), archived FROM listed
    ORDER BY patient"""


def by_patient(files: Iterable[ClinicalFile]) -> Iterator[Candidates]:
    """The files of each patient, by canonical identifier, once all were listed.

    What the listing raises is passed on, and then no patient is given.
    """
    with workspace() as connection:
        _fill(connection, files)
        listed = map(_file, pages(connection, _BY_PATIENT))
        for _, of_patient in itertools.groupby(listed, key=attrgetter("patient")):
            yield Candidates(tuple(in_turn(of_patient)))


def _fill(connection: duckdb.DuckDBPyConnection, files: Iterable[ClinicalFile]) -> None:
    with translated():
        connection.register("batch", _LISTED.empty_table())
        connection.execute("CREATE TABLE listed AS SELECT * FROM batch")
    entries = iter(files)
    while batch := list(itertools.islice(entries, BATCH_ROWS)):
        columns = zip(*map(_row, batch), strict=True)
        arrays = [pa.array(values, field.type) for values, field in zip(columns, _LISTED, strict=True)]
        with translated():
            connection.register("batch", pa.table(arrays, schema=_LISTED))
            connection.execute("INSERT INTO listed SELECT * FROM batch")


def _row(file: ClinicalFile) -> tuple[Any, ...]:
    info = file.info
    return (
        *(file.patient, file.raw, file.status, file.date),
        *(info.key, info.size, info.etag, info.last_modified, info.archived),
    )


def _file(row: tuple[Any, ...]) -> ClinicalFile:
    patient, raw, status, date, key, size, etag, modified, archived = row
    info = ObjectInfo(key, size, etag, moment(modified), archived=archived)
    return ClinicalFile(patient, raw, status, date, info)
