"""The summary tables over stores in memory: whatever stands there, every patient and study has its row."""

import csv
import json
import shutil
from contextlib import contextmanager
from threading import Semaphore

import pyarrow.parquet as pq
import pytest

import bonobo
from support import load, raw_drop
from warehouse import dataprocess
from warehouse.demo import CONFIGURATION
from warehouse.domain.cleaning import ADDED
from warehouse.domain.clinical_fields import ORIGINAL_FIELDS
from warehouse.domain.patients import FILE_COLUMNS
from warehouse.domain.shortfall import Shortfall
from warehouse.domain.studies import STUDY_COLUMNS
from warehouse.storage.catalog import MemoryCatalog
from warehouse.storage.counting import CountingStore
from warehouse.storage.listings import Listings
from warehouse.storage.memory import MemoryStore
from warehouse.storage.processed import Archive, LocalTables
from warehouse.storage.tables import Tables
from warehouse.testing import Fault, Faults, FaultyStore, Kind, When

IMAGE_TABLES = ("ct", "xray", "mri", "unknown")
NAMES = (*IMAGE_TABLES, "patient", "patient_clean", "storage")


class Made:
    """The tables of one run in a folder, and what the run told."""

    def __init__(self, folder, report, requests):
        self.folder, self.report, self.requests = folder, report, requests

    def rows(self, name):
        with (self.folder / f"{name}.csv").open(encoding="utf-8", newline="") as stream:
            return list(csv.DictReader(stream))

    def header(self, name):
        with (self.folder / f"{name}.csv").open(encoding="utf-8", newline="") as stream:
            return next(csv.reader(stream))

    def parquet(self, name):
        return pq.read_table(self.folder / f"{name}.parquet").to_pylist()

    def texts(self):
        return {name: (self.folder / f"{name}.csv").read_bytes() for name in NAMES}


@pytest.fixture
def process(tmp_path):
    """process(store, catalog=None, concurrency=8) -> Made"""

    def run(store, catalog=None, concurrency=8):
        out, work = tmp_path / "out", tmp_path / "work"
        for folder in (out, work):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
        counted = CountingStore(store)

        @contextmanager
        def services():
            with Tables(work) as tables:
                yield {
                    "store": counted,
                    "listings": Listings(counted, catalog),
                    "large_documents": Semaphore(2),
                    "tables": tables,
                    "archive": Archive(LocalTables(out)),
                    "shortfall": Shortfall(),
                }

        graph = dataprocess.get_graph(concurrency)
        report = bonobo.run(graph, services=services(), console=bonobo.QUIET)
        return Made(out, report, counted.counts())

    return run


@pytest.fixture(scope="module")
def demo():
    store, catalog = MemoryStore(), MemoryCatalog()
    for key, data in [*raw_drop(), ("config.json", json.dumps(CONFIGURATION).encode())]:
        store.put(key, data)
    assert load(store, catalog).code == 0
    return store, catalog


def clinical(store, patient, record, name="data_2020-04-01", group="training"):
    data = record if isinstance(record, bytes) else json.dumps(record).encode()
    store.put(f"{group}/data/{patient}/{name}.json", data)


def metadata(store, patient, study="1.1", type="ct", group="training", **values):
    tags = {"PatientSex": "00100040", "PatientAge": "00101010", "Modality": "00080060"}
    document = {tags[name]: {"vr": "CS", "Value": [value]} for name, value in values.items()}
    data = json.dumps(dict(sorted(document.items()))).encode()
    store.put(f"{group}/{type}-metadata/{patient}/{study}/{study}.1/x.json", data)


def test_every_patient_and_every_study_of_the_demo_has_its_row(process, demo):
    store, catalog = demo
    made = process(store, catalog)
    assert made.report.exit_code == 0
    keys = [info.key for info in store.list() if info.key.split("/")[0] in ("training", "validation")]
    patients = {(key.split("/")[0], key.split("/")[2]) for key in keys if "/data/" in key}
    for name in ("patient", "patient_clean"):
        assert sorted((row["group"], row["Pseudonym"]) for row in made.rows(name)) == sorted(patients)
    for type_ in IMAGE_TABLES:
        studies = sorted(
            {tuple(key.split("/")[i] for i in (0, 2, 3)) for key in keys if key.split("/")[1] == type_}
        )
        rows = [
            (row["group"], row["Pseudonym"], row["StudyInstanceUID"], row["Modality"])
            for row in made.rows(type_)
        ]
        assert [row[:3] for row in rows] == studies
        assert type_ != "ct" or {row[3] for row in rows} == {"CT"}
    for row in made.rows("storage"):
        listed = sum(info.size for info in store.list(row["prefix"]))
        assert int(row["storage"]) == listed


def test_the_tables_are_the_same_without_the_catalog_and_at_any_concurrency(process, demo):
    store, catalog = demo
    with_catalog = process(store, catalog)
    texts = with_catalog.texts()
    without = process(store, concurrency=1)
    assert without.texts() == texts
    patients, studies = len(without.rows("patient")), sum(len(without.rows(name)) for name in IMAGE_TABLES)
    assert with_catalog.requests["read"] == patients
    assert without.requests["read"] == patients + studies


def test_nothing_at_all_still_gives_every_table(process):
    made = process(MemoryStore())
    assert made.report.exit_code == 0
    for name in IMAGE_TABLES:
        assert (made.header(name), made.rows(name)) == (list(STUDY_COLUMNS), [])
    plain = [*FILE_COLUMNS, *ORIGINAL_FIELDS]
    assert (made.header("patient"), made.rows("patient")) == (plain, [])
    assert (made.header("patient_clean"), made.rows("patient_clean")) == ([*plain, *ADDED], [])
    assert [row["storage"] for row in made.rows("storage")] == ["0"] * 8
    latest = (made.folder / "latest.csv").read_text().split()
    assert latest == ["archive,path", *(f"{name},{name}.csv" for name in NAMES)]
    assert all(made.parquet(name) == [] for name in NAMES[:-1])


ODD = [None, True, False, 0, -1, 1.5, 10**400, "", "=1", "x" * 5000, "١٢", "\ud800", [], [[]], {}, {"a": [1]}]


def test_values_of_every_wrong_type_in_every_field(process):
    store = MemoryStore()
    for number, value in enumerate(ODD):
        clinical(
            store,
            f"P{number:02}",
            {"Pseudonym": f"P{number:02}", **dict.fromkeys(ORIGINAL_FIELDS[1:], value)},
        )
    clinical(store, "Q", {"OtherDataSources": {"SegmentationData": dict.fromkeys(ORIGINAL_FIELDS, "1")}})
    made = process(store)
    assert made.report.exit_code == 0, made.report.fatal
    rows = made.rows("patient_clean")
    assert [row["Hospital"] for row in rows[:5]] == ["", "true", "false", "0", "-1"]
    assert rows[8]["Hospital"] == "'=1"
    assert len(rows) == len(made.parquet("patient_clean")) == len(ODD) + 1
    assert rows[-1]["Pseudonym"] == "1"
    assert all(isinstance(row["age"], int | None) for row in made.parquet("patient_clean"))


def test_the_folder_names_a_patient_whom_the_file_does_not(process):
    store = MemoryStore()
    clinical(store, "p1", {"Age": 3})
    clinical(store, "p2", {"Pseudonym": "P2 ", "Age": 3})
    assert [row["Pseudonym"] for row in process(store).rows("patient")] == ["p1", "P2 "]


def test_unknown_fields_become_columns_and_keep_clear_of_ours(process):
    store = MemoryStore()
    clinical(store, "P1", {"Pseudonym": "P1", "Zoo": 1, "age": "old", "group": "mine", "Age": 50})
    clinical(store, "P2", {"Pseudonym": "P2", "=x": [1]})
    made = process(store)
    assert made.header("patient")[-4:] == ["'=x", "Zoo", "age", "group (submitted)"]
    first, second = made.rows("patient_clean")
    assert (first["group"], first["group (submitted)"]) == ("training", "mine")
    assert (first["age"], first["age_clean"]) == ("old", "50")
    assert second["'=x"] == "[1]"


def test_age_and_sex_come_from_the_images_where_the_record_has_none(process):
    store = MemoryStore()
    clinical(store, "p1", {"Pseudonym": "P1"})
    clinical(store, "P2", {"Pseudonym": "P2", "Age": 30, "Sex": "F"})
    clinical(store, "P3", {"Pseudonym": "P3"})
    clinical(store, "P1", {"Pseudonym": "P1"}, group="validation")
    metadata(store, "P1", "1.1", PatientAge="045Y", PatientSex="M")
    metadata(store, "p1", "1.2", type="xray", PatientAge="600M", PatientSex="M")
    metadata(store, "P2", "1.3", PatientAge="099Y", PatientSex="M")
    metadata(store, "A0", "1.4", PatientAge="099Y")
    rows = process(store).parquet("patient_clean")
    assert [(row["Pseudonym"], row["age_update"], row["sex_update"]) for row in rows] == [
        ("P1", 50.0, "M"),
        ("P2", 30.0, "F"),
        ("P3", None, "Unknown"),
        ("P1", None, "Unknown"),
    ]


def refusing(store, word, kind):
    """The store, of which reads of keys that hold a word fail."""
    return FaultyStore(store, Faults(Fault("read", kind, f"*{word}*", times=None)))


def two_patients(store):
    for patient in ("P1", "P2"):
        clinical(store, patient, {"Pseudonym": patient, "Age": 3})
        metadata(store, patient, f"1.{patient[1]}", Modality="CT")
    return store


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (Kind.ARCHIVED, 1),
        (Kind.GONE, 4),
        (Kind.CHANGED, 4),
        (Kind.FORBIDDEN, 4),
        (Kind.SLOW_DOWN, 4),
        (Kind.BUG, 4),
    ],
)
@pytest.mark.parametrize("word", ["/data/P1", "-metadata/P1"])
def test_what_cannot_be_read_leaves_its_row(process, word, kind, code):
    made = process(refusing(two_patients(MemoryStore()), word, kind))
    assert made.report.exit_code == code
    assert [row["Pseudonym"] for row in made.rows("patient")] == ["P1", "P2"]
    assert [row["Pseudonym"] for row in made.rows("ct")] == ["P1", "P2"]
    if word.startswith("/data/"):
        assert [row["Age"] for row in made.rows("patient")] == ["", "3"]
    else:
        assert [row["Modality"] for row in made.rows("ct")] == ["", "CT"]
    # Whoever reads the newest tables keeps whole ones until a run has read what may be read.
    assert (made.folder / "latest.csv").exists() == (code != 4)
    assert "P1" not in "".join(made.report.service_lines)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b'{"a": NaN}',
        b'{"a": 1, "a": 2}',
        b"\xff",
        b"[" * 100,
        b'"' + b"x" * 5_000_001 + b'"',
    ],
)
def test_a_damaged_document_is_counted_and_leaves_its_row(process, data):
    store = two_patients(MemoryStore())
    clinical(store, "P1", data, name="data_2021-01-01")
    store.put("training/ct-metadata/P1/1.1/1.1.1/x.json", b"{" if data == b'{"a": NaN}' else data)
    made = process(store)
    assert made.report.exit_code == 1
    assert made.report.services["shortfall"]["clinical file: damaged"] == 1
    assert [row["Pseudonym"] for row in made.rows("patient")] == ["P1", "P2"]
    assert len(made.rows("ct")) == 2
    assert (made.folder / "latest.csv").exists()


def test_a_large_document_is_read_as_far_as_need_be(process):
    store = MemoryStore()
    before, after = ("0" * 100_000, "1" * 1_000_000)
    store.put(
        "training/ct-metadata/P/1.1/1.1.1/x.json",
        json.dumps(
            {
                "00080060": {"vr": "CS", "Value": ["CT"]},
                "00091010": {"vr": "UT", "Value": [before]},
                "00101010": {"vr": "AS", "Value": ["045Y"]},
                "00400000": {"vr": "UT", "Value": [after]},
            }
        ).encode(),
    )
    made = process(store)
    assert [row["PatientAge"] for row in made.rows("ct")] == ["045Y"]
    assert made.requests["read"] == 2
    assert made.requests["bytes_read"] < 400_000


def test_a_store_that_is_gone_ends_the_run(process):
    made = process(refusing(two_patients(MemoryStore()), "/data/P1", Kind.UNAVAILABLE))
    assert made.report.exit_code == 2
    assert not (made.folder / "latest.csv").exists()


@pytest.mark.parametrize(("kind", "code"), [(Kind.RESET, 4), (Kind.FORBIDDEN, 2)])
@pytest.mark.parametrize("prefix", ["training/data/", "training/ct-metadata/", "training/"])
def test_a_listing_that_fails_ends_the_run_without_tables(process, prefix, kind, code):
    faults = Faults(Fault("list", kind, prefix, when=When.AFTER))
    made = process(FaultyStore(two_patients(MemoryStore()), faults))
    assert made.report.exit_code == code
    assert ("needs s3:ListBucket" in str(made.report.fatal)) == (code == 2)
    assert list(made.folder.iterdir()) == []


def test_a_patient_of_both_sets_has_a_row_in_each(process):
    store = two_patients(MemoryStore())
    clinical(store, "p1", {"Pseudonym": "P1"}, group="validation")
    rows = process(store).rows("patient")
    assert [(row["group"], row["Pseudonym"]) for row in rows] == [
        ("training", "P1"),
        ("training", "P2"),
        ("validation", "P1"),
    ]


def test_a_study_without_any_document_has_no_row_and_is_counted(process):
    store = two_patients(MemoryStore())
    store.put("training/ct/P1/1.7/1.7.1/x.dcm", b"x")
    made = process(store)
    assert made.report.exit_code == 1
    assert made.report.services["shortfall"] == {"metadata document: missing": 1}
    assert len(made.rows("ct")) == 2
    assert (made.folder / "latest.csv").exists()
