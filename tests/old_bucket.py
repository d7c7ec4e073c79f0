"""A bucket as the loader of the National COVID-19 Chest Imaging Database leaves it: no catalog, no claims.

Each patient stands for one thing that such a bucket can hold; the names say which.
"""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from typing import Any

import pydicom

DAY, LATER = "2020-04-01", "2021-02-03"

CONFIGURATION = {
    "raw_prefixes": ["raw-north", "raw-south/"],
    "training_percentage": 50,
    "sites": {"split": ["Split"], "training": ["Train"], "validation": ["Valid"]},
}

TEMPLATES = {"ct": "CT_small.dcm", "mri": "MR_small.dcm", "unknown": "test-SR.dcm"}


@dataclass(frozen=True)
class Image:
    """An image under an invented identity: its bytes, and the end of its keys in the data set."""

    data: bytes
    type: str
    place: str


def image(patient: str, name: str, *, type: str = "ct", study: str = "1", **changes: Any) -> Image:
    """The image `name` of a study of a patient; `changes` are header values by keyword."""
    dataset = pydicom.dcmread(io.BytesIO(_template(TEMPLATES[type])))
    number = int.from_bytes(patient.strip().upper().encode())
    dataset.PatientID = patient
    dataset.StudyInstanceUID = f"1.2.{number}.{study}"
    dataset.SeriesInstanceUID = f"1.2.{number}.{study}.1"
    dataset.SOPInstanceUID = f"1.2.{number}.{study}.1.{int.from_bytes(name.encode())}"
    for keyword, value in changes.items():
        setattr(dataset, keyword, value)
    written = io.BytesIO()
    dataset.save_as(written)
    place = f"{patient}/{dataset.StudyInstanceUID}/{dataset.SeriesInstanceUID}/{name}"
    return Image(written.getvalue(), type, place)


@lru_cache
def _template(name: str) -> bytes:
    return files("pydicom").joinpath("data", "test_files", name).read_bytes()


def old_metadata(data: bytes) -> bytes:
    """The metadata document of that loader: binary values and the VOI LUT null, as `json.dumps` spaces it."""
    dataset = pydicom.dcmread(io.BytesIO(data), stop_before_pixels=True, force=True)
    document = dataset.to_json_dict(bulk_data_threshold=10**20)
    _nullify(document)
    return json.dumps(document).encode()


def _nullify(value: Any) -> None:
    if isinstance(value, dict):
        value.update(dict.fromkeys(value.keys() & {"InlineBinary", "00283010"}))
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _nullify(inner)


@dataclass
class Bucket:
    """Keys and bytes of a bucket, and the raw keys by what is to become of them (`expected`)."""

    objects: dict[str, bytes] = field(default_factory=dict)
    expected: dict[str, tuple[str, str | None]] = field(default_factory=dict)

    def clinical(
        self,
        patient: str,
        verdict: tuple[str, str | None],
        *,
        copied: str | None = None,
        site: str = "Train",
        status: str = "data",
        day: str = DAY,
    ) -> None:
        """A raw clinical file; `copied` is the set into which the old loader has put it."""
        record = {"Pseudonym": patient, "SubmittingCentre": site, "PatientGroup": "training", "Age": 61}
        data = json.dumps(record).encode()
        self._raw(f"raw-north/{day}/data/{patient}_{status}.json", data, verdict)
        if copied:
            self.objects[f"{copied}/data/{patient}/{status}_{day}.json"] = data

    def image(
        self,
        image: Image,
        verdict: tuple[str, str | None],
        *,
        copied: str | None = None,
        without: str = "",
        uploader: str = "south",
        day: str = DAY,
    ) -> None:
        """A raw image; `without` its copy or its metadata where the old loader stopped between the two."""
        name = image.place.rpartition("/")[2]
        self._raw(f"raw-{uploader}/{day}/images/{name}", image.data, verdict)
        if copied and without != "copy":
            self.objects[f"{copied}/{image.type}/{image.place}"] = image.data
        if copied and without != "metadata":
            stem = image.place[: -len(".dcm")]
            self.objects[f"{copied}/{image.type}-metadata/{stem}.json"] = old_metadata(image.data)

    def _raw(self, key: str, data: bytes, verdict: tuple[str, str | None]) -> None:
        assert key not in self.objects, "one raw object a key"
        self.objects[key] = data
        self.expected[key] = verdict


LOADED = ("loaded", None)
PRESENT = ("present", "same-bytes")
IN_BOTH = ("quarantined", "patient-in-both-sets")


def build() -> Bucket:
    """The whole bucket: what the old loader did, what it left undone, and what came after its last run."""
    bucket = Bucket({"config.json": json.dumps(CONFIGURATION).encode()})
    _whole_patients(bucket)
    _left_undone(bucket)
    _interrupted(bucket)
    _in_both_sets(bucket)
    _spellings(bucket)
    _no_longer_accepted(bucket)
    _new_uploads(bucket)
    _leftovers(bucket)
    return bucket


def _whole_patients(bucket: Bucket) -> None:
    # Its site is one of validation today; a patient who stands in training stays there.
    bucket.clinical("Whole1", PRESENT, copied="training", site="Valid")
    bucket.image(image("Whole1", "w1a.dcm"), PRESENT, copied="training")
    bucket.image(image("Whole1", "w1b.dcm", type="mri", study="2"), PRESENT, copied="training")
    bucket.clinical("Whole2", PRESENT, copied="validation", status="status", site="Split")
    bucket.image(image("Whole2", "w2a.DCM"), PRESENT, copied="validation")
    bucket.image(image("Whole2", "w2b.dcm", type="unknown", study="2"), PRESENT, copied="validation")


def _left_undone(bucket: Bucket) -> None:
    """Images whose name another image has: that loader took them for done."""
    bucket.image(image("Whole2", "w1a.dcm", study="4"), LOADED, uploader="north")
    # Its first versions had a layout without studies, in which nothing is looked for.
    early = image("Whole1", "early.dcm", study="4")
    bucket.image(early, LOADED)
    bucket.objects["training/ct/Whole1/early.dcm"] = early.data


def _interrupted(bucket: Bucket) -> None:
    bucket.clinical("Crashed1", PRESENT, copied="training")
    bucket.image(image("Crashed1", "c1a.dcm"), PRESENT, copied="training", without="metadata")
    bucket.image(image("Crashed1", "c1b.dcm"), LOADED, copied="training", without="copy")
    bucket.image(image("Crashed1", "c1c.DCM"), LOADED, copied="training", without="copy")
    bucket.image(image("Crashed1", "c1d.dcm"), LOADED)


def _in_both_sets(bucket: Bucket) -> None:
    bucket.clinical("Both1", IN_BOTH, copied="training")
    bucket.clinical("Both1", IN_BOTH, copied="validation", day=LATER)
    bucket.image(image("Both1", "b1a.dcm"), IN_BOTH, copied="training")
    bucket.image(image("Both1", "b1b.dcm"), IN_BOTH, day=LATER)
    # One patient, who was two to a loader that compared spellings.
    bucket.clinical("Both2", IN_BOTH, copied="training")
    bucket.clinical("BOTH2", IN_BOTH, copied="validation", site="Valid")


def _spellings(bucket: Bucket) -> None:
    bucket.clinical("case1", PRESENT, copied="training")
    bucket.image(image("case1", "s1a.dcm"), PRESENT, copied="training")
    bucket.image(image("CASE1", "s1b.dcm", study="2"), LOADED)
    bucket.clinical("CASE1", LOADED, day=LATER, site="Valid")
    # Two folders of one patient in one set.
    bucket.clinical("Case2", PRESENT, copied="training")
    bucket.image(image("Case2", "s2a.dcm"), PRESENT, copied="training")
    bucket.clinical("CASE2", PRESENT, copied="training", day=LATER)
    bucket.image(image("CASE2", "s2b.dcm", study="2"), PRESENT, copied="training")
    bucket.image(image("Case2", "s2c.dcm", study="3"), LOADED)


def _no_longer_accepted(bucket: Bucket) -> None:
    bucket.clinical("Bad1", PRESENT, copied="training")
    cut = image("Bad1", "cut.dcm")
    cut = Image(cut.data[:-1000], cut.type, cut.place)
    bucket.image(cut, ("quarantined", "truncated"), copied="training")
    first = image("Bad1", "first.dcm")
    second = Image(first.data, first.type, first.place.replace("first", "second"))
    bucket.image(first, PRESENT, copied="training")
    bucket.image(second, ("present", "same-instance"), copied="training")
    replaced = image("Bad1", "replaced.dcm")
    bucket.image(replaced, ("quarantined", "conflicting-copy"), copied="training")
    bucket.objects[f"raw-south/{DAY}/images/replaced.dcm"] = image(
        "Bad1", "replaced.dcm", StudyDescription="other bytes"
    ).data


def _new_uploads(bucket: Bucket) -> None:
    bucket.clinical("Whole1", LOADED, day=LATER)
    bucket.image(image("Whole1", "n1.dcm", study="3"), LOADED, day=LATER)
    bucket.clinical("New1", LOADED, day=LATER, site="Valid")
    bucket.image(image("New1", "n2.dcm"), LOADED, day=LATER)
    bucket.image(image("New2", "n3.dcm"), ("deferred", "no-clinical-data"), day=LATER)
    bucket.clinical("New3", ("deferred", "unlisted-site"), day=LATER, site="Elsewhere")


def _leftovers(bucket: Bucket) -> None:
    """What stands in the data set and has no raw object any more, of that loader or of its first versions."""
    gone = image("Gone1", "g1.dcm")
    bucket.objects |= {
        "training/data/Gone1/data_2020-04-01.json": b'{"Pseudonym": "Gone1", "SubmittingCentre": "Train"}',
        f"training/ct/{gone.place}": gone.data,
        f"training/ct-metadata/{gone.place[:-4]}.json": old_metadata(gone.data),
        "training/data/summary.json": b"[]",
        "training/ct/summary.json": b"[]",
    }
