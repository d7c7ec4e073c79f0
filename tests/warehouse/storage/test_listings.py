"""Listings and the catalog together: each patient once, each study once, by its lowest document."""

import pytest

from catalog_rows import decision, image
from warehouse.domain.records import ObjectInfo
from warehouse.domain.studies import Study, StudyFound
from warehouse.errors import Forbidden, StoreFault
from warehouse.storage import gathering
from warehouse.storage.catalog import MemoryCatalog
from warehouse.storage.delta import DeltaCatalog
from warehouse.storage.listings import Listings
from warehouse.storage.memory import MemoryStore
from warehouse.testing import Fault, Faults, FaultyStore, Kind, When


def store_of(*keys, size=7):
    store = MemoryStore()
    for key in keys:
        store.put(key, b"x" * size)
    return store


def document(place):
    return f"{place}.json"


CT = "training/ct-metadata/P1/1.1/1.1.1"


def image_row(target, *, second=0, **columns):
    return decision(f"raw-a/{target}", target_key=target, second=second, sequence=second, **columns)


def test_each_patient_of_each_set_comes_once_in_order(monkeypatch):
    monkeypatch.setattr(gathering, "BATCH_ROWS", 2)
    store = store_of(
        "training/data/b/status_2020-01-01.json",
        "training/data/B/data_2020-03-01.json",
        "training/data/B/data_2020-02-01.json",
        "training/data/a/status_2020-01-01.json",
        "validation/data/B/status_2020-01-01.json",
    )
    found = list(Listings(store).clinical_files())
    assert [(one.group, one.patient, one.folder) for one in found] == [
        ("training", "A", "a"),
        ("training", "B", "B"),
        ("validation", "B", "B"),
    ]
    assert found[1].record.key == "training/data/B/data_2020-03-01.json"
    assert found[1].record == store.head("training/data/B/data_2020-03-01.json")


def test_strangers_are_counted_and_left_out(caplog):
    store = store_of("training/data/P/notes.txt", "training/data/P/", "training/ct-metadata/P/x.json")
    assert list(Listings(store).clinical_files()) == []
    assert list(Listings(store).studies()) == []
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 2
    assert all(text.startswith("1 objects") for text in told)


def test_each_study_comes_once_by_its_lowest_document():
    store = store_of(
        document(f"{CT}/b"),
        document(f"{CT}/a"),
        "training/ct-metadata/P1/1.1/1.1.0/z.json",
        "training/ct-metadata/P1/1.2/1.2.1/a.json",
        "training/xray-metadata/P1/1.1/1.1.9/a.json",
        "validation/unknown-metadata/P2/1.3/1.3.1/a.json",
        "training/ct/P1/1.1/1.1.1/a.dcm",
    )
    found = list(Listings(store).studies())
    assert all(isinstance(one, StudyFound) for one in found)
    assert [one.info.key for one in found] == [
        "training/ct-metadata/P1/1.1/1.1.0/z.json",
        "training/ct-metadata/P1/1.2/1.2.1/a.json",
        "training/xray-metadata/P1/1.1/1.1.9/a.json",
        "validation/unknown-metadata/P2/1.3/1.3.1/a.json",
    ]
    assert found[0].info == store.head(found[0].info.key)


def test_the_catalog_gives_headers_of_the_documents_that_it_knows():
    store = store_of(document(f"{CT}/a"), document(f"{CT}/b"), "training/ct-metadata/P1/1.2/1.2.1/a.json")
    catalog = MemoryCatalog()
    catalog.append(
        [
            image_row("training/ct/P1/1.1/1.1.1/b.dcm", PatientAge="001Y"),
            image_row("training/ct/P1/1.1/1.1.1/a.DCM", PatientAge="002Y", Modality="CT", PatientSex=""),
            image_row("training/ct/P1/1.1/1.1.1/a.DCM", second=5, outcome="present", PatientAge="002Y"),
            image_row("training/ct/P1/1.2/1.2.1/a.dcm", outcome="quarantined", PatientAge="003Y"),
        ]
    )
    known, unknown = Listings(store, catalog).studies()
    assert isinstance(known, Study)
    assert known.found.info.key == document(f"{CT}/a")
    assert {name: value for name, value in known.header.items() if value} == {
        "PatientAge": "002Y",
        "Modality": "CT",
    }
    assert known.header["PatientSex"] is None
    assert isinstance(unknown, StudyFound)


@pytest.mark.parametrize("error", [Forbidden("catalog"), StoreFault("catalog")])
def test_a_catalog_that_cannot_be_read_costs_requests_and_nothing_else(caplog, error):
    class Closed:
        def sources(self, name):
            raise error

    store = store_of(document(f"{CT}/a"))
    assert [type(one) for one in Listings(store, Closed()).studies()] == [StudyFound]
    assert "each study costs a request" in caplog.text


def test_a_damaged_catalog_costs_requests_and_nothing_else(caplog, tmp_path):
    catalog = DeltaCatalog(str(tmp_path))
    catalog.append([image("training", "P1", "1.2", "1.3", "a")])
    for file in tmp_path.glob("catalog/objects/*.parquet"):
        file.write_bytes(file.read_bytes()[:100])
    store = store_of(document(f"{CT}/a"))
    assert [type(one) for one in Listings(store, catalog).studies()] == [StudyFound]
    assert "each study costs a request" in caplog.text


def test_a_listing_that_fails_is_no_listing():
    faults = Faults(Fault("list", Kind.RESET, times=None, when=When.AFTER))
    store = FaultyStore(store_of("training/data/P/data_2020-01-01.json"), faults)
    for question in (Listings(store).clinical_files, Listings(store).studies):
        with pytest.raises(StoreFault):
            next(question())


def test_links_are_no_objects():
    class Linked(MemoryStore):
        def list(self, prefix=""):
            for info in super().list(prefix):
                yield ObjectInfo(info.key, info.size, info.etag, info.last_modified, defect="link")

    store = Linked()
    for key in ("training/data/P/data_2020-01-01.json", document(f"{CT}/a")):
        store.put(key, b"x")
    listings = Listings(store)
    assert (list(listings.clinical_files()), list(listings.studies())) == ([], [])
    assert set(listings.storage().sizes.values()) == {0}


def test_storage_by_prefix():
    store = store_of(
        "training/ct/P/1/2/a.dcm",
        "training/ct-metadata/P/1/2/a.json",
        "training/data/P/data_2020-01-01.json",
        "training/xray/P/1/2/b.dcm",
        "validation/mri/P/1/2/c.dcm",
        "validation/unknown/P/1/2/d.dcm",
        "training/catalog/patients/part.parquet",
        "validation/catalog/images/_delta_log/0.json",
        "raw-a/2020-01-01/images/a.dcm",
        size=10,
    )
    assert list(Listings(store).storage().sizes.items()) == [
        ("training/", 40),
        ("training/ct/", 10),
        ("training/xray/", 10),
        ("training/mri/", 0),
        ("validation/", 20),
        ("validation/ct/", 0),
        ("validation/xray/", 0),
        ("validation/mri/", 10),
    ]


def test_studies_with_images_and_no_document_are_counted():
    store = store_of(
        "training/ct/P1/1.1/1.1.1/a.dcm",
        "training/ct/P1/1.1/1.1.1/b.dcm",
        "training/ct/P1/1.2/1.2.1/note.txt",
        "training/ct/P1/1.2/1.2.1/x.dcm",
        "training/ct/P1/1.3/1.3.1/a.dcm",
        "training/xray/P1/1.3/1.3.1/a.dcm",
        "training/ct-metadata/P1/1.1/1.1.1/a.json",
        "training/xray-metadata/P1/1.2/1.2.1/a.json",
        "training/xray-metadata/P1/1.3/1.3.1/a.json",
        "validation/mri/P1/1.1/1.1.1/a.dcm",
        "validation/data/P1/data_2020-01-01.json",
    )
    assert Listings(store).storage().undocumented == 3


def test_a_document_that_is_written_meanwhile_is_not_missing():
    class Loading(MemoryStore):
        def list(self, prefix):
            yield from super().list(prefix)
            if prefix == "training/":
                self.put("training/ct-metadata/P1/1.1/1.1.1/a.json", b"{}")

    store = Loading()
    store.put("training/ct/P1/1.1/1.1.1/a.dcm", b"x")
    assert Listings(store).storage().undocumented == 0
