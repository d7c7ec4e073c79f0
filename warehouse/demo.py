"""A raw drop to try the warehouse on: pydicom's own CT, MR and CR files under invented identities.

The drop is the same at every call, so that two people who try it see the same counts. It holds what a real
one holds: sites that are split, fixed and unlisted, a patient without clinical file, and bad uploads.
"""

from __future__ import annotations

import io
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import orjson
import pydicom
from pydicom.uid import UID

from warehouse.errors import SettingsError

_NAMESPACE = uuid.UUID("7c0f5ca3-5e0e-4f0b-9d3e-3b7f1c6f2a10")
_MARK = "demo.txt"

CONFIGURATION = {
    "raw_prefixes": ["raw-northfield/", "raw-southmoor/", "raw-eastgate/"],
    "training_percentage": 50,
    "sites": {
        "split": ["Northfield General Hospital"],
        "training": ["Southmoor Royal Infirmary"],
        "validation": ["Eastgate University Hospital"],
    },
}


@dataclass(frozen=True, slots=True)
class _Patient:
    number: int
    uploader: str
    site: str | None
    day: str
    scan: str

    @property
    def pseudonym(self) -> str:
        return f"Demo{self.number:03}"


_TEMPLATES = {
    "ct": [("CT_small.dcm", 8)],
    "chest-ct": [("dicomdirtests/77654033/CT2/17106", 5), ("dicomdirtests/98892001/CT5N/2062", 5)],
    "mr": [("MR_small.dcm", 3), ("MR_small_implicit.dcm", 2), ("MR_small_RLE.dcm", 2)],
    "brain-mr": [("dicomdirtests/98892003/MR2/4950", 6), ("MR_small_bigendian.dcm", 2)],
    "cr": [("dicomdirtests/77654033/CR1/6154", 1), ("dicomdirtests/77654033/CR2/6247", 1)],
    "report": [("test-SR.dcm", 1)],
}

_COHORTS: tuple[tuple[str, str | None, int, tuple[str, ...]], ...] = (
    ("northfield", "Northfield General Hospital", 12, ("ct", "mr", "cr", "chest-ct")),
    ("southmoor", "Southmoor Royal Infirmary", 6, ("chest-ct", "brain-mr", "cr")),
    ("eastgate", "Eastgate University Hospital", 6, ("ct", "brain-mr", "report")),
    ("eastgate", "Westhaven Clinic", 2, ("ct",)),
    ("southmoor", None, 1, ("mr",)),
)


def write_drop(folder: Path) -> tuple[int, bool]:
    """Write the demo's raw drop into a new or empty folder; leave one that stands there alone.

    Gives the number of raw files, and whether they were written now. Raises SettingsError where the
    folder holds something else, or cannot be written.
    """
    try:
        return _write_drop(folder)
    except OSError as error:
        raise SettingsError(f"the folder cannot be written: {error.strerror}; name another one") from None


def _write_drop(folder: Path) -> tuple[int, bool]:
    if (folder / _MARK).is_file():
        return sum(path.is_file() for path in folder.glob("raw-*/**/*")), False
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise SettingsError("that folder holds something else: name an empty or a new one")
    count = 0
    for key, data in raw_drop():
        path = folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        count += 1
    (folder / "config.json").write_bytes(orjson.dumps(CONFIGURATION, option=orjson.OPT_INDENT_2))
    (folder / _MARK).write_text("A demonstration: every identity in this folder is invented.\n")
    return count, True


def example_image() -> str:
    """The raw key of a CT image that the loader loads."""
    patient = next(patient for patient in _patients() if patient.scan == "ct" and patient.site)
    return min(key for key, _ in _images(patient))


def raw_drop() -> Iterator[tuple[str, bytes]]:
    """The raw keys and bytes of the drop; the same at every call."""
    for patient in _patients():
        yield from _clinical_files(patient)
        yield from _images(patient)
    yield from _bad_uploads()


def _patients() -> Iterator[_Patient]:
    number = 0
    for uploader, site, patients, scans in _COHORTS:
        for index in range(patients):
            number += 1
            day = f"2020-{4 + number % 6:02}-{1 + number % 28:02}"
            yield _Patient(number, uploader, site, day, scans[index % len(scans)])


def _clinical_files(patient: _Patient) -> Iterator[tuple[str, bytes]]:
    if patient.site is None:
        return
    record: dict[str, Any] = {
        "Pseudonym": patient.pseudonym,
        "SubmittingCentre": patient.site,
        "SwabStatus": "Positive" if patient.number % 3 else "Negative",
        "Age": 30 + patient.number * 2,
        "Sex": "M" if patient.number % 2 else "F",
    }
    kind = "data" if patient.number % 3 else "status"
    yield _clinical_key(patient, kind, patient.day), orjson.dumps(record)
    if patient.number % 5 == 0:
        later = {**record, "Death": 0, "ITU admission": 1}
        yield _clinical_key(patient, kind, "2020-12-01"), orjson.dumps(later)


def _clinical_key(patient: _Patient, kind: str, day: str) -> str:
    return f"raw-{patient.uploader}/{day}/data/{patient.pseudonym}_{kind}.json"


def _images(patient: _Patient) -> Iterator[tuple[str, bytes]]:
    for series, (template, instances) in enumerate(_TEMPLATES[patient.scan]):
        for instance in range(instances):
            name = _unique(patient.pseudonym, series, instance)
            yield _image_key(patient, f"{name}.dcm"), _image(patient, template, series, instance)


def _image_key(patient: _Patient, name: str) -> str:
    return f"raw-{patient.uploader}/{patient.day}/images/{name}"


def _image(patient: _Patient, template: str, series: int, instance: int, **changes: Any) -> bytes:
    dataset = pydicom.dcmread(io.BytesIO(_template(template)))
    dataset.PatientID = patient.pseudonym
    dataset.PatientName = patient.pseudonym
    dataset.PatientSex = "M" if patient.number % 2 else "F"
    dataset.PatientAge = f"{30 + patient.number * 2:03}Y"
    dataset.StudyDate = patient.day.replace("-", "")
    dataset.StudyInstanceUID = _uid(patient.pseudonym, "study")
    dataset.SeriesInstanceUID = _uid(patient.pseudonym, "series", series)
    dataset.SOPInstanceUID = _uid(patient.pseudonym, series, instance)
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.InstanceNumber = instance + 1
    for keyword, value in changes.items():
        setattr(dataset, keyword, value)
    written = io.BytesIO()
    dataset.save_as(written)
    return written.getvalue()


def _bad_uploads() -> Iterator[tuple[str, bytes]]:
    """A handful of what real uploads hold, each with the verdict that the summary will give."""
    patient = _Patient(1, "northfield", "Northfield General Hospital", "2020-11-05", "ct")
    whole = _image(patient, "CT_small.dcm", 0, 90)
    first_image = next(_images(next(_patients())))[1]
    conflicting = bytearray(first_image)
    conflicting[-1] ^= 1
    uploads = {
        "cut-short.dcm": whole[:-1000],
        "cut-in-header.dcm": whole[:1500],
        "photograph.dcm": b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + bytes(2000),
        "empty.dcm": b"",
        "polyglot.dcm": b"MZ" + whole[2:],
        "escaping.dcm": _image(patient, "CT_small.dcm", 0, 91, PatientID="../../escape"),
        "nobody.dcm": _image(patient, "CT_small.dcm", 0, 92, PatientID="ANONYMOUS"),
        "same-instance-other-bytes.dcm": bytes(conflicting),
        "uploaded-twice.dcm": first_image,
        "study-of-demo001.dcm": _image(
            _Patient(2, "northfield", None, "2020-11-05", "ct"),
            "CT_small.dcm",
            0,
            93,
            StudyInstanceUID=_uid("Demo001", "study"),
        ),
        "README.txt": b"Scans of November, second batch.\n",
    }
    for name, data in uploads.items():
        yield _image_key(patient, name), data
    yield "raw-northfield/2020-11-05/data/Demo003_data.json", b'{"Pseudonym": "Demo003", '
    yield "raw-northfield/2020-11-05/data/Demo004_data.json", b'{"Pseudonym": "Demo005"}'
    yield "raw-northfield/2020-02-30/images/no-such-day.dcm", whole


@lru_cache
def _template(name: str) -> bytes:
    return files("pydicom").joinpath("data", "test_files", *name.split("/")).read_bytes()


def _unique(*parts: object) -> uuid.UUID:
    return uuid.uuid5(_NAMESPACE, "/".join(map(str, parts)))


def _uid(*parts: object) -> UID:
    """A UID derived from a UUID (PS3.5 B.2)."""
    return UID(f"2.25.{_unique(*parts).int}")
