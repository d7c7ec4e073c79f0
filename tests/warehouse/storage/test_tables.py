"""The tables under way: a disk that takes no more is told as such, wherever it is met."""

from __future__ import annotations

import errno
from datetime import date

import pytest

from catalog_rows import info
from warehouse.domain.patients import Patient, PatientFiles
from warehouse.errors import StoreFault
from warehouse.storage.tables import Tables


class Full:
    """A file on a disk without room."""

    def write(self, text):
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_is_no_internal_error(tmp_path):
    with Tables(tmp_path) as tables:
        tables._storage = {"training/": 1}
        (tmp_path / "storage.csv").mkdir()
        with pytest.raises(StoreFault, match=r"^write the tables: failed \(EISDIR; make room where TMPDIR"):
            list(tables.finish())


def test_a_patient_that_cannot_be_kept_is_told_too(tmp_path, monkeypatch):
    day = date(2020, 5, 1)
    files = PatientFiles("training", "P1", "P1", day, day, True, info("k"))
    with Tables(tmp_path) as tables:
        monkeypatch.setattr(tables, "_patients", Full())
        with pytest.raises(StoreFault, match="ENOSPC"):
            tables.add_patient(Patient(files, {}))
