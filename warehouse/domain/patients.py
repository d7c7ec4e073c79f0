"""Which clinical file speaks for a patient, and what the patient's row in the tables begins with.

A patient's record is the newest `data_` file, and where there is none the newest `status_` file.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from warehouse.domain.cells import neutral
from warehouse.domain.keys import ClinicalKey, canonical
from warehouse.domain.records import Group, ObjectInfo

# Names that nobody agreed on come from the files themselves: a table has room for so many, so long.
MAXIMUM_FIELDS = 1_000
MAXIMUM_NAME = 200
SUBMITTED = " (submitted)"


@dataclass(frozen=True, slots=True)
class PatientFiles:
    """The clinical files of one patient in one set; `record` is the one that speaks for the patient.

    `patient` is canonical, `folder` the byte-smallest spelling that the keys use. `earliest` and `latest`
    are the dates of all files' names; `positive` where any of them is a `data_` file.
    """

    group: Group
    patient: str
    folder: str
    earliest: date
    latest: date
    positive: bool
    record: ObjectInfo


@dataclass(frozen=True, slots=True)
class Patient:
    """A patient's merged record, and the columns that cleaning adds.

    Where the record could not be read it is empty, and `unread` is the reason.
    """

    files: PatientFiles
    record: Mapping[str, Any] = field(repr=False)
    cleaned: Mapping[str, Any] = field(default_factory=dict, repr=False)
    unread: str | None = None


# What the names of the files say; the fields of the record follow.
FILE_COLUMNS: Mapping[str, type] = {
    "filename_earliest_date": date,
    "filename_covid_status": bool,
    "filename_latest_date": date,
    "last_modified": date,
    "group": str,
}


def of_files(files: Sequence[tuple[ClinicalKey, ObjectInfo]]) -> PatientFiles:
    """What the clinical files of one patient in one set say together; there is at least one."""
    days = [date.fromisoformat(key.date) for key, _ in files]
    _, record = max(files, key=lambda file: (file[0].status == "data", file[0].date, file[1].key))
    folder = min((key.folder for key, _ in files), key=str.encode)
    return PatientFiles(
        group=files[0][0].group,
        patient=canonical(folder),
        folder=folder,
        earliest=min(days),
        latest=max(days),
        positive=any(key.status == "data" for key, _ in files),
        record=record,
    )


def merged(document: Mapping[str, Any]) -> dict[str, Any]:
    """A clinical document with the fields of `OtherDataSources.SegmentationData` at its top.

    Where both have a field, the one of SegmentationData counts. What has another type is left as it is.

    >>> merged({"Age": 1, "OtherDataSources": {"SegmentationData": {"PMH CKD": 0}}})["PMH CKD"]
    0
    """
    other = document.get("OtherDataSources")
    segmentation = other.get("SegmentationData") if isinstance(other, Mapping) else None
    return {**document, **segmentation} if isinstance(segmentation, Mapping) else dict(document)


def file_values(files: PatientFiles) -> tuple[date, bool, date, date, str]:
    """The values of FILE_COLUMNS, in their order."""
    return files.earliest, files.positive, files.latest, files.record.last_modified.date(), files.group


class Fields:
    """The names of the original fields: the known ones, then the others that records hold, sorted.

    At most `limit` others are kept, the first by their order; `too_many` tells whether there were more, and
    `too_long` whether names of more than MAXIMUM_NAME characters were left out.
    """

    def __init__(self, known: Iterable[str], limit: int = MAXIMUM_FIELDS) -> None:
        self.too_many = self.too_long = False
        self._known = tuple(known)
        self._is_known = frozenset(self._known)
        self._others: list[str] = []
        self._limit = limit

    def add(self, record: Mapping[str, Any]) -> None:
        """Take the names of one more record."""
        for name in record.keys() - self._is_known:
            place = bisect_left(self._others, name)
            if place < len(self._others) and self._others[place] == name:
                continue
            if len(name) > MAXIMUM_NAME:
                self.too_long = True
                continue
            self._others.insert(place, name)
            if len(self._others) > self._limit:
                self.too_many = True
                self._others.pop()

    def columns(self, taken: Collection[str]) -> dict[str, str]:
        """Column -> field, in the order of the columns; a name that is `taken` gets a suffix.

        So does one of two that would be written alike, as two lone surrogates are.
        """
        columns = dict(zip(self._known, self._known, strict=True))
        used = set(map(neutral, (*taken, *self._known)))
        names = set(map(neutral, self._others))
        for name in self._others:
            column = name
            while neutral(column) in used or (column != name and neutral(column) in names):
                column += SUBMITTED
            used.add(neutral(column))
            columns[column] = name
        return columns
