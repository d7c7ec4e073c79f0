"""Another look that is asked for is taken by the next load, and ends as if nothing had been wrong."""

from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from uploads import Warehouse

import bonobo
from support import decisions, state
from warehouse.commands.retry import retry_graph
from warehouse.domain.again import COPY, DOCUMENT, Retries
from warehouse.pipeline.retry import Heard
from warehouse.storage import retry_ledger
from warehouse.storage.catalog_again import SecondLooks
from warehouse.storage.raw_listing import LiveListing
from warehouse.storage.retry_ledger import RetryLedger

RUN = "20990101T000000Z-abcdef"


class AgainWarehouse(Warehouse):
    """Its objects are looked at again."""

    def retry(self, *, clock=lambda: datetime.now(UTC), **asked):
        retries = Retries(**asked)

        @contextmanager
        def services():
            with SecondLooks(self.catalog) as second_looks:
                yield {
                    "store": self.store,
                    "raw_listing": LiveListing(self.store),
                    "second_looks": second_looks,
                    "heard": Heard(),
                    "retry_ledger": RetryLedger(self.catalog, retries, run=RUN, clock=clock),
                    "retries": retries,
                }

        report = bonobo.run(retry_graph(), services=services(), console=bonobo.QUIET)
        assert report.exit_code == 0
        assert retries.finished
        return dict(retries.counts), retries.lost


@pytest.fixture
def warehouse():
    return AgainWarehouse()


def documents(warehouse):
    return [info.key for info in warehouse.store.list("training/ct-metadata/")]


def test_what_is_quarantined_waits_for_the_next_load_and_is_asked_for_once(warehouse, image):
    warehouse.clinical("P1")
    bad, good = warehouse.image(b"no image", "bad.dcm"), warehouse.image(image("P1"))
    named = warehouse.image(b"anything", ".dcm")
    warehouse.load()
    before = state(warehouse.store, warehouse.catalog)
    assert warehouse.retry() == ({"not-dicom": 1, "invalid-key": 1}, 0)
    assert warehouse.verdict(bad) == warehouse.verdict(named) == ("deferred", "retry")
    assert warehouse.verdict(good) == ("loaded", None)
    rows, version = warehouse.catalog.query("SELECT * FROM objects").num_rows, warehouse.catalog.version()
    assert warehouse.retry() == ({}, 0)
    assert warehouse.catalog.query("SELECT * FROM objects").num_rows == rows
    assert warehouse.catalog.version() == version
    assert warehouse.load().code == 3
    assert state(warehouse.store, warehouse.catalog) == before


def test_no_run_is_told_of(warehouse):
    warehouse.image(b"no image")
    warehouse.load()
    last = warehouse.catalog.last_run()
    warehouse.retry()
    assert warehouse.catalog.last_run() == last


def test_a_row_says_whose_the_object_is_and_nothing_that_was_found_in_it(warehouse, image):
    warehouse.clinical("P1")
    warehouse.clinical("P2")
    warehouse.image(image("P1"), "a.dcm")
    other = warehouse.image(image("P2", SOPInstanceUID="1.9"), "b.dcm")
    warehouse.load()
    assert warehouse.verdict(other) == ("quarantined", "study-of-another-patient")
    was = decisions(warehouse.catalog)[other]
    warehouse.retry()
    row = decisions(warehouse.catalog)[other]
    known = {name: value for name, value in row.items() if value not in (None, [])}
    for name in ("key", "etag", "size", "last_modified", "kind", "uploader", "upload_date", "patient"):
        assert known.pop(name) == was[name]
    assert known.pop("time") > was["time"]
    assert known.pop("configuration") == was["configuration"]
    assert known == {"outcome": "deferred", "reason": "retry", "run": RUN, "sequence": 1}


def test_one_reason_is_asked_for_alone(warehouse, image):
    warehouse.clinical("P1")
    bad, cut = warehouse.image(b"no image", "bad.dcm"), warehouse.image(image("P1")[:-9], "cut.dcm")
    warehouse.load()
    assert warehouse.retry(reason="truncated") == ({"truncated": 1}, 0)
    assert warehouse.verdict(cut) == ("deferred", "retry")
    assert warehouse.verdict(bad) == ("quarantined", "not-dicom")


def test_what_stands_in_raw_no_more_or_as_another_version_is_left_alone(warehouse):
    gone, replaced = warehouse.image(b"no image", "gone.dcm"), warehouse.image(b"no image", "replaced.dcm")
    warehouse.load()
    warehouse.remove(gone)
    warehouse.image(b"still no image", "replaced.dcm")
    assert warehouse.retry() == ({}, 0)
    assert warehouse.verdict(gone) == warehouse.verdict(replaced) == ("quarantined", "not-dicom")


def test_what_the_configuration_was_the_cause_of_loads_once_it_is_gone(warehouse, image):
    warehouse.configure(placeholder_ids=["P1"])
    warehouse.clinical("P1")
    key = warehouse.image(image("P1"))
    warehouse.load()
    warehouse.configure()
    warehouse.load()
    assert warehouse.verdict(key) == ("quarantined", "placeholder-identity")
    assert warehouse.retry()[0] == {"placeholder-identity": 2}
    warehouse.load()
    assert warehouse.retry()[0] == {}
    undisturbed = AgainWarehouse()
    undisturbed.clinical("P1")
    undisturbed.image(image("P1"))
    undisturbed.load()
    assert state(warehouse.store, warehouse.catalog) == state(undisturbed.store, undisturbed.catalog)
    assert warehouse.verdict(key) == ("loaded", None)


def test_a_clock_that_went_back_makes_no_row_that_is_superseded(warehouse):
    key = warehouse.image(b"no image")
    warehouse.load()
    warehouse.retry(clock=lambda: datetime.now(UTC) - timedelta(days=1))
    assert warehouse.verdict(key) == ("deferred", "retry")


def test_rows_are_committed_in_batches(warehouse, monkeypatch):
    monkeypatch.setattr(retry_ledger, "COMMIT_ROWS", 2)
    for number in range(5):
        warehouse.image(b"no image", f"{number}.dcm")
    warehouse.load()
    version = warehouse.catalog.version()
    assert warehouse.retry() == ({"not-dicom": 5}, 0)
    assert warehouse.catalog.version() == version + 3


@pytest.mark.parametrize("what", ["copy", "document", "clinical", "all"])
def test_what_is_missing_is_put_back_to_where_it_was(warehouse, image, what):
    clinical = warehouse.clinical("P1")
    key = warehouse.image(image("P1"))
    warehouse.clinical("P2")
    warehouse.image(image("P2", StudyInstanceUID="1.9", SOPInstanceUID="1.9.1"), "y.dcm")
    warehouse.load()
    before = state(warehouse.store, warehouse.catalog)
    copy, document = warehouse.copy_of(key), documents(warehouse)[0]
    wanted = {
        "copy": ([copy], {COPY: 1}),
        "document": ([document], {DOCUMENT: 1}),
        "clinical": ([warehouse.copy_of(clinical)], {COPY: 1}),
        "all": ([copy, document, warehouse.copy_of(clinical)], {COPY: 2}),
    }
    assert warehouse.retry(missing=True) == ({}, 0)
    for gone in wanted[what][0]:
        warehouse.remove(gone)
    # A centre that went to the other set moves nobody.
    warehouse.configure(sites={"split": [], "training": [], "validation": ["Train"]})
    assert warehouse.retry(missing=True) == (wanted[what][1], 0)
    assert warehouse.retry(missing=True) == ({}, 0)
    assert warehouse.load().code == 0
    tree, assignments, rows = state(warehouse.store, warehouse.catalog)
    if what in ("clinical", "all"):
        assert rows[clinical][-1].pop("flags") == ["site-differs"]
        assert before[2][clinical][-1].pop("flags") == []
    assert (tree, assignments, rows) == before


def test_what_is_quarantined_is_no_matter_of_what_is_missing(warehouse):
    key = warehouse.image(b"no image")
    warehouse.load()
    assert warehouse.retry(missing=True) == ({}, 0)
    assert warehouse.verdict(key) == ("quarantined", "not-dicom")


def test_what_no_raw_object_can_restore_is_counted(warehouse, image):
    warehouse.clinical("P1")
    key = warehouse.image(image("P1"))
    warehouse.load()
    warehouse.remove(warehouse.copy_of(key))
    warehouse.remove(key)
    assert warehouse.retry(missing=True) == ({}, 1)


def test_a_copy_is_restored_from_the_object_that_it_was_made_of(warehouse, image):
    """Another object with its instance would get a place of its own, beside the one that is restored."""
    warehouse.clinical("P1")
    first = warehouse.image(image("P1"), "z.dcm")
    warehouse.load()
    second = warehouse.image(image("P1"), "a.dcm")
    warehouse.load()
    assert warehouse.verdict(second) == ("present", "same-instance")
    before = state(warehouse.store, warehouse.catalog)
    warehouse.remove(warehouse.copy_of(first))
    assert warehouse.retry(missing=True) == ({COPY: 1}, 0)
    assert warehouse.verdict(second) == ("present", "same-instance")
    warehouse.load()
    assert state(warehouse.store, warehouse.catalog) == before


def images(warehouse):
    return [info.key.rpartition("/")[2] for info in warehouse.store.list("training/ct/")]


def test_where_that_object_is_gone_one_other_takes_its_place_and_stays_the_only_one(warehouse, image):
    warehouse.clinical("P1")
    first = warehouse.image(image("P1"), "z.dcm")
    warehouse.load()
    others = [warehouse.image(image("P1"), name) for name in ("a.dcm", "b.dcm")]
    warehouse.load()
    warehouse.remove(warehouse.copy_of(first))
    warehouse.remove(first)
    assert warehouse.retry(missing=True) == ({COPY: 2}, 0)
    warehouse.load()
    assert [warehouse.verdict(key) for key in others] == [("loaded", None), ("present", "same-instance")]
    later = warehouse.image(image("P1"), "c.dcm")
    warehouse.load()
    assert warehouse.verdict(later) == ("present", "same-instance")
    assert images(warehouse) == ["a.dcm"]


def test_an_upload_that_came_before_the_restored_one_keeps_the_instance(warehouse, image):
    warehouse.clinical("P1")
    first = warehouse.image(image("P1"), "z.dcm")
    warehouse.load()
    warehouse.remove(warehouse.copy_of(first))
    warehouse.retry(missing=True)
    warehouse.image(image("P1"), "a.dcm")
    warehouse.load()
    assert warehouse.verdict(first) == ("present", "same-instance")
    assert images(warehouse) == ["a.dcm"]
