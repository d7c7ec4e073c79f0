"""Damage that a test plants in a loaded warehouse, and what `warehouse verify` is to say of it.

A bucket is loaded once in memory; each copy of it is damaged for itself, at patients that nothing else harms.
"""

from __future__ import annotations

import json
from contextlib import nullcontext
from dataclasses import dataclass, field

import bonobo
from old_bucket import DAY, image, old_metadata
from support import load
from warehouse.commands.verify import verify_graph, verify_services
from warehouse.domain.verdict import Verdict
from warehouse.storage.catalog import MemoryCatalog
from warehouse.storage.memory import MemoryStore, _Object

CONFIGURATION = {
    "raw_prefixes": ["raw-north"],
    "sites": {"split": [], "training": ["Train"], "validation": ["Valid"]},
}
PATIENTS = 24
IMAGES = 3


def loaded_drop():
    """A store and a catalog into which a small drop was loaded: patients of both sets, and bad uploads."""
    store, catalog = MemoryStore(), MemoryCatalog()
    store.put("config.json", json.dumps(CONFIGURATION).encode())
    for number in range(PATIENTS):
        patient = f"Case{number:02}"
        record = {"Pseudonym": patient, "SubmittingCentre": "Valid" if number % 3 == 0 else "Train"}
        store.put(f"raw-north/{DAY}/data/{patient}_data.json", json.dumps(record).encode())
        for index in range(IMAGES):
            type = "mri" if index == 2 else "ct"
            made = image(patient, f"{patient}-{index}.dcm", type=type, InstanceNumber=index + 1)
            store.put(f"raw-north/{DAY}/images/{patient}-{index}.dcm", made.data)
        store.put(f"raw-north/{DAY}/images/bad-{number}.dcm", b"no image")
    store.put(f"raw-north/{DAY}/images/waits.dcm", image("Nobody", "waits.dcm").data)
    assert load(store, catalog).code == 0
    return Bucket(store, catalog.query("SELECT * FROM objects"), catalog.query("SELECT * FROM runs"))


@dataclass
class Bucket:
    """A warehouse whose objects and rows can be changed behind the loader's back."""

    store: MemoryStore
    rows: object
    runs: object
    expected: set = field(default_factory=set)

    def copy(self):
        store = MemoryStore()
        store._objects = dict(self.store._objects)
        return Bucket(store, self.rows, self.runs)

    def catalog(self):
        catalog = MemoryCatalog()
        catalog.append(self.rows if isinstance(self.rows, list) else self.rows.to_pylist())
        for run in self.runs.to_pylist():
            catalog.append_run(run)
        return catalog

    def edit_rows(self):
        if not isinstance(self.rows, list):
            self.rows = self.rows.to_pylist()
        return self.rows

    def keys(self, patient, kind):
        """The keys of a patient's copies: `image`, `clinical`, or `document` beside images."""
        parts = {"image": ("/ct/", "/mri/"), "document": ("-metadata/",), "clinical": ("/data/",)}[kind]
        return [
            info.key
            for group in ("training", "validation")
            for info in self.store.list(f"{group}/")
            if f"/{patient}/" in info.key and any(part in info.key for part in parts)
        ]

    def remove(self, key):
        del self.store._objects[key]

    def rot(self, key, data):
        """Change bytes in a way that neither ETag nor time shows."""
        old = self.store._objects[key]
        self.store._objects[key] = _Object(data, old.info)

    def data(self, key):
        return self.store._objects[key].data

    def expect(self, kind, key):
        self.expected.add((kind, key))


def found_in(store, catalog, *, deep=False):
    """What a verification finds: its verdict, the engine's code, and the findings as (kind, key)."""
    verdict = Verdict(deep)
    with verify_services(store, catalog, verdict) as services:
        report = bonobo.run(verify_graph(4), services=nullcontext(services), console=bonobo.QUIET)
        assert verdict.complete, report
        findings = list(services["evidence"].findings())
    assert sum(verdict.violations.values()) == len(findings)
    return verdict, report.exit_code, findings


# Each kind of damage takes a bucket, a patient whom nothing else touches, and the source of chance.


def copy_missing(bucket, patient, chance):
    key = chance.choice([*bucket.keys(patient, "image"), *bucket.keys(patient, "clinical")])
    bucket.remove(key)
    bucket.expect("copy-missing", key)


def copy_shortened(bucket, patient, chance):
    key = chance.choice([*bucket.keys(patient, "image"), *bucket.keys(patient, "clinical")])
    data = bucket.data(key)
    bucket.store.put(key, data[: chance.randrange(len(data))])
    bucket.expect("copy-shortened", key)


def flipped(data, chance):
    changed = bytearray(data)
    changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def byte_flipped(bucket, patient, chance):
    key = chance.choice([*bucket.keys(patient, "image"), *bucket.keys(patient, "clinical")])
    bucket.store.put(key, flipped(bucket.data(key), chance))
    bucket.expect("copy-changed", key)


def byte_rotten(bucket, patient, chance):
    key = chance.choice([*bucket.keys(patient, "image"), *bucket.keys(patient, "clinical")])
    bucket.rot(key, flipped(bucket.data(key), chance))
    bucket.expect("copy-changed", key)


def copies_swapped(bucket, patient, chance):
    one, two = chance.sample(bucket.keys(patient, "image"), 2)
    first, second = bucket.data(one), bucket.data(two)
    bucket.store.put(one, second)
    bucket.store.put(two, first)
    bucket.expect("copies-swapped", one)
    bucket.expect("copies-swapped", two)


def metadata_missing(bucket, patient, chance):
    number = chance.randrange(IMAGES)
    bucket.remove(bucket.keys(patient, "document")[number])
    bucket.expect("metadata-missing", bucket.keys(patient, "image")[number])


def metadata_of_another(bucket, patient, chance):
    one, two = chance.sample(range(IMAGES), 2)
    documents = bucket.keys(patient, "document")
    bucket.store.put(documents[one], bucket.data(documents[two]))
    bucket.expect("metadata-of-another", bucket.keys(patient, "image")[one])


def _add(bucket, key, data):
    bucket.store.put(key, data)
    bucket.expect("row-missing", key)


def _add_image(bucket, key, data):
    _add(bucket, key, data)
    group, type, rest = key.split("/", 2)
    bucket.store.put(f"{group}/{type}-metadata/{rest.removesuffix('.dcm')}.json", old_metadata(data))


def _other(group):
    return "validation" if group == "training" else "training"


def patient_in_both(bucket, patient, chance):
    key = bucket.keys(patient, "clinical")[0]
    group, rest = key.split("/", 1)
    _add(bucket, f"{_other(group)}/{rest}", bucket.data(key))
    bucket.expect("patient-in-both-sets", patient.upper())


def study_of_two(bucket, patient, chance):
    """A second image of one of the patient's studies, under another patient of the same set."""
    key = chance.choice(bucket.keys(patient, "image"))
    group, _, _, study, _, _ = key.split("/")
    other = f"{patient}b"
    made = image(other, "stray.dcm", StudyInstanceUID=study)
    _add_image(bucket, f"{group}/ct/{made.place}", made.data)
    bucket.expect("study-of-two-patients", study)


def instance_twice(bucket, patient, chance):
    key = chance.choice(bucket.keys(patient, "image"))
    twin = key.removesuffix(".dcm") + "-twin.dcm"
    _add_image(bucket, twin, bucket.data(key))
    bucket.expect("instance-twice", " ".join(sorted((key, twin))))


def assignment_missing(bucket, patient, chance):
    bucket.remove(f"assignments/patients/{patient.upper()}.json")
    bucket.expect("assignment-missing", patient.upper())


def assignment_contradicting(bucket, patient, chance):
    key = f"assignments/patients/{patient.upper()}.json"
    claim = json.loads(bucket.data(key))
    claim["group"] = _other(claim["group"])
    bucket.store.put(key, json.dumps(claim).encode())
    bucket.expect("assignment-contradicts", patient.upper())


def row_missing(bucket, patient, chance):
    key = chance.choice([*bucket.keys(patient, "image"), *bucket.keys(patient, "clinical")])
    rows = bucket.edit_rows()
    rows[:] = [row for row in rows if row["target_key"] != key]
    bucket.expect("row-missing", key)


def row_invented(bucket, patient, chance):
    rows = bucket.edit_rows()
    key = chance.choice(bucket.keys(patient, "image"))
    (row,) = (row for row in rows if row["target_key"] == key)
    invented = {**row, "key": row["key"].replace(".dcm", "-ghost.dcm")}
    if chance.random() < 0.5:
        invented["target_key"] = key.replace(".dcm", "-ghost.dcm")
        invented["SOPInstanceUID"] = f"{row['SOPInstanceUID']}.9"
    if chance.random() < 0.5:
        invented["sequence"] = 10_000 + len(rows)
    rows.append(invented)
    bucket.expect("row-invented", invented["key"])


KINDS = (
    copy_missing,
    copy_shortened,
    byte_flipped,
    byte_rotten,
    copies_swapped,
    metadata_missing,
    metadata_of_another,
    patient_in_both,
    study_of_two,
    instance_twice,
    assignment_missing,
    assignment_contradicting,
    row_missing,
    row_invented,
)


def plant(bucket, chance, count):
    """Plant `count` damages of chosen kinds, each at another patient."""
    patients = chance.sample(range(PATIENTS), count)
    kinds = [chance.choice(KINDS) for _ in patients]
    for kind, number in zip(kinds, patients, strict=True):
        kind(bucket, f"Case{number:02}", chance)
    return kinds
