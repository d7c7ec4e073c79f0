"""The summary tables under way: studies are written as they come, patients when the last one is known.

Which columns the patients' tables have is known when every record was seen, and what images say of an age
when every study was: until then patients wait in a file, and ages in a database on disk.
"""

from __future__ import annotations

import itertools
import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import date
from operator import itemgetter
from pathlib import Path
from typing import Any, Self

import pyarrow as pa

from warehouse.domain.cleaning import ADDED, names_beside, update
from warehouse.domain.clinical_fields import ORIGINAL_FIELDS
from warehouse.domain.keys import canonical
from warehouse.domain.patients import FILE_COLUMNS, MAXIMUM_NAME, Fields, Patient, file_values
from warehouse.domain.records import ImageType
from warehouse.domain.studies import STUDY_COLUMNS, Study, study_values
from warehouse.domain.tables import BRANCHES, Branch
from warehouse.errors import StoreFault
from warehouse.storage.catalog_work import pages, workspace
from warehouse.storage.gathering import Gathering
from warehouse.storage.table_files import Original, TableFile
from warehouse.storage.translate import of_os

log = logging.getLogger("warehouse")

STUDY_TABLES: tuple[ImageType, ...] = ("ct", "xray", "mri", "unknown")
STORAGE_COLUMNS: Mapping[str, type] = {"prefix": str, "storage": int}

_SEEN = pa.schema({name: pa.string() for name in ("set", "patient", "age", "sex")})
_DISTINCT = 'SELECT DISTINCT "set", patient, age, sex FROM seen ORDER BY ALL'

# An age and a sex, as the images of one patient give them.
Seen = tuple[str | None, str | None]


class Tables:
    """The tables of one run, in a folder. A context manager; used by one thread at a time.

    Rows come in branches, each in an order of its own: studies by their keys, patients by set and canonical
    identifier.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._awaited = set(BRANCHES)
        self._fields = Fields(ORIGINAL_FIELDS)
        self._storage: Mapping[str, int] = {}
        with ExitStack() as stack:
            self._connection = stack.enter_context(workspace())
            self._images = Gathering(self._connection, {"seen": _SEEN})
            self._patients = stack.enter_context((folder / "patients.jsonl").open("w+", encoding="ascii"))
            self._studies = {
                type: stack.enter_context(TableFile(folder, type, STUDY_COLUMNS)) for type in STUDY_TABLES
            }
            self._stack = stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with _on_disk():
            self._stack.close()

    def add_study(self, study: Study) -> None:
        """Write a study's row into the table of its type. Raises StoreError."""
        with _on_disk():
            self._add_study(study)

    def _add_study(self, study: Study) -> None:
        values = study_values(study)
        self._studies[study.found.place.type].write([values.get(column) for column in STUDY_COLUMNS])
        place = study.found.place
        seen = values.get("PatientAge"), values.get("PatientSex")
        self._images.add("seen", (place.group, canonical(place.folder), *seen))

    def add_patient(self, patient: Patient) -> None:
        """Keep a patient until every patient was seen. Raises StoreError."""
        self._fields.add(patient.record)
        kept = [patient.files.patient, file_values(patient.files), patient.record, patient.cleaned]
        with _on_disk():
            self._patients.write(json.dumps(kept, default=date.isoformat) + "\n")

    def add_storage(self, sizes: Mapping[str, int]) -> None:
        """Keep the bytes by prefix."""
        self._storage = sizes

    def all_ended(self, branch: Branch) -> bool:
        """Note that a branch has ended; tell whether it was the last."""
        self._awaited.discard(branch)
        return not self._awaited

    def finish(self) -> Iterator[TableFile]:
        """Write what is left, and give each table when its files are whole. Raises StoreError."""
        for table in self._studies.values():
            with _on_disk():
                table.close()
            yield table
        with _on_disk():
            written = [*self._patient_tables(), self._storage_table()]
        yield from written

    def _storage_table(self) -> TableFile:
        with TableFile(self._folder, "storage", STORAGE_COLUMNS) as table:
            for row in self._storage.items():
                table.write(row)
        return table

    def _patient_tables(self) -> Iterator[TableFile]:
        fields = self._fields.columns(FILE_COLUMNS)
        if self._fields.too_many:
            log.warning("the clinical files have more unknown fields than patient.csv has columns for")
        if self._fields.too_long:
            log.warning("fields whose names have more than %d characters are left out", MAXIMUM_NAME)
        plain = {**FILE_COLUMNS, **dict.fromkeys(fields, Original)}
        names = names_beside(plain)
        added = {names[name]: kind for name, kind in ADDED.items()}
        with (
            TableFile(self._folder, "patient", plain) as patients,
            TableFile(self._folder, "patient_clean", {**plain, **added}) as cleaned,
        ):
            for files, record, values in self._with_updates():
                row = [*files, *(record.get(field) for field in fields.values())]
                patients.write(row)
                cleaned.write([*row, *(values.get(name) for name in ADDED)])
        yield patients
        yield cleaned

    def _with_updates(self) -> Iterator[tuple[Sequence[Any], Mapping[str, Any], Mapping[str, Any]]]:
        """Each patient's columns of its files, record, and added columns."""
        self._images.keep()
        images = _Merge(pages(self._connection, _DISTINCT))
        self._patients.seek(0)
        for line in self._patients:
            patient, files, record, cleaned = json.loads(line)
            given = images.of((files[-1], patient))
            values = {name: _revived(value, ADDED[name]) for name, value in cleaned.items()}
            ages, sexes = [age for age, _ in given], [sex for _, sex in given]
            kinds = FILE_COLUMNS.values()
            yield (
                [_revived(value, kind) for value, kind in zip(files, kinds, strict=True)],
                record,
                {**values, **update(values, ages, sexes)},
            )


@contextmanager
def _on_disk() -> Iterator[None]:
    """Say what the disk said: tables are made in the temporary directory, or in --out."""
    try:
        yield
    except OSError as error:
        cause = of_os("write the tables", "", error).cause
        raise StoreFault("write the tables", cause=f"{cause}; make room where TMPDIR or --out is") from None


class _Merge:
    """Sorted rows of (set, patient, age, sex), asked for patients in the same order."""

    def __init__(self, rows: Iterator[tuple[Any, ...]]) -> None:
        self._groups = itertools.groupby(rows, key=itemgetter(0, 1))
        self._at: tuple[str, str] | None = None
        self._rows: Iterator[tuple[Any, ...]] = iter(())
        self._next()

    def of(self, patient: tuple[str, str]) -> list[Seen]:
        """What the images of a patient give."""
        while self._at is not None and self._at < patient:
            self._next()
        return [(age, sex) for *_, age, sex in self._rows] if self._at == patient else []

    def _next(self) -> None:
        self._at, self._rows = next(self._groups, (None, iter(())))


def _revived(value: Any, kind: type) -> Any:
    return date.fromisoformat(value) if kind is date and value is not None else value
