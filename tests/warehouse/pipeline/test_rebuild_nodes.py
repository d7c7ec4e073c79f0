"""A catalog that is made anew knows what it knew of the copies; what a load should decide is left to it."""

from contextlib import contextmanager
from datetime import UTC, datetime
from threading import Semaphore

import pytest
from uploads import Warehouse

import bonobo
from support import decisions, state
from warehouse.commands.catalog import rebuild_graph
from warehouse.domain.rebuilding import Rebuilding
from warehouse.errors import Archived, Forbidden, StoreFault
from warehouse.pipeline.rebuild import Heard
from warehouse.storage.assignments import Assignments, from_document
from warehouse.storage.catalog_files import FolderCatalogFiles
from warehouse.storage.catalog_matching import Matching
from warehouse.storage.counting import CountingStore
from warehouse.storage.delta import DeltaCatalog
from warehouse.storage.gathered_rows import GatheredRows
from warehouse.storage.memory import MemoryStore
from warehouse.storage.raw_listing import LiveListing
from warehouse.storage.rebuilding import NewCatalog

RUN = "20200101T000000Z-abcdef"


class Faulty(MemoryStore):
    """A store on which reading and comparing some keys fails."""

    def __init__(self):
        super().__init__()
        self.faults = {}

    def read(self, key, **how):
        if key in self.faults:
            raise self.faults[key]
        return super().read(key, **how)

    def same_bytes(self, first, second):
        for info in (first, second):
            if info.key in self.faults:
                raise self.faults[info.key]
        return super().same_bytes(first, second)


class RebuiltWarehouse(Warehouse):
    """Its catalog is in a folder, lost and made anew."""

    RAW_PREFIXES = ("raw-a", "raw-b")

    def __init__(self, folder):
        self.folder = folder
        super().__init__(Faulty(), DeltaCatalog(str(folder / "a")))
        (folder / "a").mkdir()

    def lose(self):
        """The catalog is gone: what is made anew stands elsewhere."""
        root = self.folder / f"anew-{len(list(self.folder.iterdir()))}"
        root.mkdir()
        self.catalog = DeltaCatalog(str(root))
        self.root = root

    def rebuild(self, *, code=0):
        self.lose()
        rebuilding, heard, store = Rebuilding(), Heard(), CountingStore(self.store)

        def clock():
            return datetime.now(UTC)

        @contextmanager
        def services():
            with Matching() as matching, GatheredRows() as rows:
                files = FolderCatalogFiles(self.root)
                yield {
                    "store": store,
                    "raw_listing": LiveListing(store),
                    "claim_of": from_document,
                    "matching": matching,
                    "heard": heard,
                    "assignments": Assignments(store, heard.assignments, run=RUN, clock=clock),
                    "large_headers": Semaphore(2),
                    "new_catalog": NewCatalog(self.catalog, files, rows, replace=False, run=RUN, clock=clock),
                    "rebuilding": rebuilding,
                }

        before = sorted(self.store._objects)
        report = bonobo.run(rebuild_graph(4), services=services(), console=bonobo.QUIET)
        assert (report.exit_code, sorted(self.store._objects)) == (code, before)
        self.requests = store.counts()
        return dict(rebuilding.found), dict(rebuilding.unknown), rebuilding

    def rows(self):
        return {key: (row["outcome"], row["reason"]) for key, row in decisions(self.catalog).items()}


@pytest.fixture
def warehouse(tmp_path):
    return RebuiltWarehouse(tmp_path)


def a_history(warehouse, image):
    """Loads of much that can happen to objects, in an order that their keys do not tell."""
    warehouse.clinical("P1", day="2020-02-01")
    warehouse.clinical("p2 ", uploader="b", site="Valid")
    warehouse.image(image("P1", SOPInstanceUID="1.1"), "x.dcm", day="2020-03-01")
    warehouse.image(image(" P2", StudyInstanceUID="1.9", SOPInstanceUID="1.9.1"), "Y.DCM")
    warehouse.image(image("P3", StudyInstanceUID="1.8", SOPInstanceUID="1.8.1"), "waits.dcm")
    warehouse.load()
    warehouse.image(image("P1", SOPInstanceUID="1.1"), "x.dcm", day="2020-02-01")
    warehouse.image(image("P1", SOPInstanceUID="1.1"), "a.dcm", day="2020-02-01")
    warehouse.image(image("P1", SOPInstanceUID="1.1", KVP=7), "x.dcm", day="2020-02-02")
    warehouse.image(image("P2", SOPInstanceUID="1.7"), "other.dcm")
    warehouse.image(b"no image", "bad.dcm")
    warehouse.image(b"note", "note.txt")
    warehouse.clinical("P1", day="2020-02-01", uploader="b")
    warehouse.clinical("P1", day="2020-02-02", site="Valid")
    warehouse.load()


def test_all_that_stands_in_the_sets_is_known_and_the_rest_is_decided_as_before(warehouse, image):
    a_history(warehouse, image)
    before = state(warehouse.store, warehouse.catalog)
    found, unknown, _ = warehouse.rebuild()
    assert (found, unknown) == ({"raw": 7}, {})
    known = decisions(warehouse.catalog)
    assert {row["run"] for row in known.values()} == {RUN}
    ended = warehouse.load()
    assert ended.figures["outcomes"]["loaded"] == 0
    assert state(warehouse.store, warehouse.catalog) == before


def test_what_an_older_loader_left_is_known_by_the_spelling_that_it_left(warehouse, image):
    warehouse.clinical("p1")
    warehouse.clinical("P1", day="2020-02-01")
    key = warehouse.image(image("p1"))
    for raw, target in (
        ("raw-a/2020-01-01/data/p1_data.json", "training/data/p1/data_2020-01-01.json"),
        ("raw-a/2020-02-01/data/P1_data.json", "training/data/P1/data_2020-02-01.json"),
    ):
        warehouse.store.put(target, warehouse.store.read(raw).data)
    warehouse.load()
    before = state(warehouse.store, warehouse.catalog)
    assert {row["rule"] for rows in before[2].values() for row in rows} == {"existing"}
    assert warehouse.rows()[key] == ("loaded", None)
    assert warehouse.rebuild()[:2] == ({"raw": 3}, {})
    assert state(warehouse.store, warehouse.catalog) == before
    warehouse.load()
    assert state(warehouse.store, warehouse.catalog) == before


def test_a_patient_whom_others_put_into_both_sets_is_known_where_the_assignment_says(warehouse, image):
    clinical = warehouse.clinical("P1")
    key = warehouse.image(image("P1"))
    warehouse.load()
    data = warehouse.store.read(clinical).data
    warehouse.store.put("validation/data/P1/data_2020-01-01.json", data)
    before = state(warehouse.store, warehouse.catalog)
    found, unknown, _ = warehouse.rebuild()
    assert (found, unknown) == ({"raw": 2}, {"misplaced": 1})
    assert warehouse.rows()[key] == ("loaded", None)
    assert warehouse.load().code == 5
    assert state(warehouse.store, warehouse.catalog) == before


def test_nothing_is_read_of_what_has_no_copy(warehouse, image):
    warehouse.clinical("P1")
    warehouse.image(image("P1"))
    warehouse.load()
    warehouse.image(b"no image", "bad.dcm")
    warehouse.rebuild()
    # The configuration and the claim; of the image's copy the header and the document; the clinical copy.
    assert warehouse.requests["read"] <= 5 + 2 * 2


def test_the_columns_come_back_as_they_were(warehouse, image):
    warehouse.clinical("P1")
    key = warehouse.image(image("P1"))
    warehouse.load()
    before = decisions(warehouse.catalog)[key]
    warehouse.rebuild()
    after = decisions(warehouse.catalog)[key]
    for name in ("run", "time", "sequence"):
        assert after.pop(name) != before.pop(name) or name == "sequence"
    assert after == before


def test_objects_of_one_name_and_size_are_told_apart_and_each_is_read_a_few_times(warehouse, image):
    for number in range(12):
        patient = f"P{number:02}"
        warehouse.clinical(patient)
        data = image(patient, StudyInstanceUID=f"1.9.{number}", SOPInstanceUID=f"1.8.{number}")
        warehouse.image(data, "same.dcm", day=f"2020-03-{number + 1:02}")
    warehouse.load()
    before = state(warehouse.store, warehouse.catalog)
    assert warehouse.rebuild()[0] == {"raw": 24}
    assert warehouse.requests["read"] < 12 * 12
    warehouse.load()
    assert state(warehouse.store, warehouse.catalog) == before


def test_a_copy_whose_raw_object_is_gone_is_told_of_and_keeps_its_instance(warehouse, image):
    clinical = warehouse.clinical("P1")
    key = warehouse.image(image("P1"), "z.dcm")
    warehouse.load()
    shown = warehouse.catalog.query("SELECT * EXCLUDE (upload_date) FROM images").to_pylist()
    copies = warehouse.copy_of(clinical), warehouse.copy_of(key)
    warehouse.remove(clinical)
    warehouse.remove(key)
    assert warehouse.rebuild()[0] == {"copy": 2}
    assert warehouse.rows() == dict.fromkeys(copies, ("present", "same-bytes"))
    assert warehouse.catalog.query("SELECT * EXCLUDE (upload_date) FROM images").to_pylist() == shown
    twin = warehouse.image(image("P1"), "a.dcm")
    ended = warehouse.load()
    assert (ended.figures["listed"], ended.figures["known"]) == (1, 0)
    assert warehouse.rows()[twin] == ("present", "same-instance")
    # What was gone comes back, and is found to stand.
    warehouse.image(image("P1"), "z.dcm")
    warehouse.load()
    assert warehouse.rows()[key] == ("present", "same-bytes")


def test_an_assignment_is_known_of_whose_patient_nothing_stands(warehouse, image):
    clinical = warehouse.clinical("P1")
    warehouse.load()
    warehouse.remove(warehouse.copy_of(clinical))
    warehouse.remove(clinical)
    assert warehouse.rebuild()[0] == {"claim": 1}
    (known,) = warehouse.catalog.assignments()
    assert (known.patient, known.group, known.rule, known.folder) == ("P1", "training", "site", "P1")
    assert warehouse.catalog.query("SELECT * FROM patients").num_rows == 0
    key = warehouse.image(image("P1"))
    warehouse.load()
    assert warehouse.rows()[key] == ("loaded", None)


def test_a_document_that_says_something_else_is_flagged_again_and_one_that_is_gone_told_of(warehouse, image):
    warehouse.clinical("P1")
    key = warehouse.image(image("P1"))
    other = warehouse.image(image("P1", SOPInstanceUID="1.7"), "y.dcm")
    warehouse.load()
    for name in ("x", "y"):
        (document,) = [one for one in warehouse.store._objects if one.endswith(f"/{name}.json")]
        warehouse.remove(document)
        if name == "x":
            warehouse.store.put(document, b"{}")
    _, _, rebuilding = warehouse.rebuild()
    rows = decisions(warehouse.catalog)
    assert (rows[key]["flags"], rows[other]["flags"]) == (["metadata-kept"], [])
    assert rebuilding.undocumented == 1
    assert "1 images lack their metadata document: `warehouse retry --missing`" in rebuilding.summary()


def test_what_the_loader_would_not_have_put_there_is_left_out(warehouse, image):
    warehouse.clinical("P1")
    warehouse.image(image("P1"))
    warehouse.load()
    data = image("P1", SOPInstanceUID="1.6")
    warehouse.store.put("training/ct/P1/1.2/1.3/moved.dcm", data)
    warehouse.store.put("training/ct/P9/1.2/1.3/nobody.dcm", image("P9"))
    warehouse.store.put("training/ct/P1/1.2/1.3/none.dcm", b"no image")
    warehouse.store.put("training/data/P1/data_2020-05-05.json", b"{")
    warehouse.store.put("training/data/P9/data_2020-05-05.json", b"{}")
    warehouse.store.put("training/data/P1/note.txt", b"")
    warehouse.store.put("assignments/patients/P8.json", b"{}")
    found, unknown, _ = warehouse.rebuild()
    assert found == {"raw": 2}
    assert unknown == {"misplaced": 1, "unclaimed": 2, "not-dicom": 1, "invalid-json": 1, "damaged": 1}


@pytest.mark.parametrize("error", [Forbidden("read"), StoreFault("read"), ZeroDivisionError()])
@pytest.mark.parametrize("place", ["training/ct/", "training/data/", "assignments/"])
def test_where_something_cannot_be_read_nothing_is_committed(warehouse, image, error, place):
    warehouse.clinical("P1")
    warehouse.image(image("P1"))
    warehouse.load()
    key = next(info.key for info in warehouse.store.list(place))
    warehouse.store.faults[key] = error
    _, _, rebuilding = warehouse.rebuild(code=4)
    assert warehouse.catalog.version() is None
    assert rebuilding.summary().startswith("NOTHING WAS CHANGED: 1 objects could not be read")


def test_a_raw_object_that_cannot_be_read_now_is_decided_by_the_next_load(warehouse, image):
    warehouse.clinical("P1")
    key = warehouse.image(image("P1"))
    warehouse.load()
    copy = warehouse.copy_of(key)
    warehouse.store.faults[key] = Archived("read", key)
    warehouse.rebuild()
    assert key not in warehouse.rows()
    assert warehouse.rows()[copy] == ("present", "same-bytes")
    warehouse.store.faults.clear()
    warehouse.load()
    assert warehouse.rows()[key] == ("present", "same-bytes")


def test_a_site_that_went_to_the_other_set_is_flagged(warehouse):
    key = warehouse.clinical("P1")
    warehouse.load()
    warehouse.configure(sites={"split": [], "training": [], "validation": ["Train"]})
    warehouse.rebuild()
    row = decisions(warehouse.catalog)[key]
    assert (row["group"], row["flags"]) == ("training", ["site-differs"])


def test_an_empty_bucket_gets_an_empty_catalog(warehouse):
    assert warehouse.rebuild()[:2] == ({}, {})
    assert warehouse.catalog.version() == 0
    assert warehouse.rows() == {}
