"""The clinical files of each patient together, whatever the number of patients and files: sorted on disk."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from operator import attrgetter
from typing import Any

import pyarrow as pa

from warehouse.domain.centres import Candidates, ClinicalFile, in_turn
from warehouse.storage.catalog_work import pages, workspace
from warehouse.storage.gathering import OBJECT, Gathering, described, object_of

_LISTED = pa.schema(
    {
        "patient": pa.string(),
        "raw": pa.bool_(),
        "status": pa.string(),
        "date": pa.string(),
        **OBJECT,
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
        Gathering(connection, {"listed": _LISTED}).fill("listed", map(_row, files))
        listed = map(_file, pages(connection, _BY_PATIENT))
        for _, of_patient in itertools.groupby(listed, key=attrgetter("patient")):
            yield Candidates(tuple(in_turn(of_patient)))


def _row(file: ClinicalFile) -> tuple[Any, ...]:
    return file.patient, file.raw, file.status, file.date, *described(file.info)


def _file(row: tuple[Any, ...]) -> ClinicalFile:
    patient, raw, status, date, *described_so = row
    return ClinicalFile(patient, raw, status, date, object_of(*described_so))
