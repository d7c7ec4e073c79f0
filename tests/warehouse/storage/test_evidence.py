"""The facts of each place, joined; what the catalog has too many of, and too few, by each run's numbers."""

from datetime import timedelta

import pytest

from catalog_rows import START, decision, image, info
from warehouse.domain.verify import Finding
from warehouse.storage.catalog import MemoryCatalog
from warehouse.storage.compare import digest_of
from warehouse.storage.evidence import Evidence
from warehouse.storage.memory import MemoryStore

RUN = {
    "run": "run-1",
    "started": START,
    "ended": START + timedelta(seconds=9),
    "listed": 3,
    "known": 0,
    "loaded": 2,
    "present": 0,
    "quarantined": 1,
    "deferred": 0,
    "ignored": 0,
    "configuration_json": '{"raw_prefixes": ["raw-a/"]}',
    "dry_run": False,
}
ROWS = [
    image("training", "P1", "1", "1", "1.1", sequence=1),
    image("training", "P1", "1", "1", "1.2", sequence=2),
    decision("raw-a/2020-01-01/images/bad.dcm", "quarantined", "not-dicom", sequence=3),
]


@pytest.fixture
def joined():
    """Evidence of rows and raw keys: joined(rows, raw)."""
    opened = []

    def join(rows, raw=(), **run):
        catalog = MemoryCatalog()
        catalog.append(rows)
        catalog.append_run({**RUN, **run})
        evidence = Evidence(catalog)
        opened.append(evidence)
        for key in raw:
            evidence.add_raw(info(key), f"named {key}", key.rpartition("/")[2])
        evidence.join()
        return evidence

    yield join
    for evidence in opened:
        evidence.__exit__(None, None, None)


def keys(rows):
    return [row["key"] for row in rows]


def test_a_run_whose_rows_are_all_there_has_nothing_astray(joined):
    evidence = joined(ROWS, keys(ROWS))
    assert list(evidence.astray()) == []
    assert evidence.counts() == {"undecided": 0, "raw-removed": 0, "document-alone": 0}


def test_a_row_that_is_gone_is_lost_where_its_run_counted_it(joined):
    lost = keys(ROWS)[2]
    assert list(joined(ROWS[:2], keys(ROWS)).astray()) == [Finding("row-missing", f"named {lost}", lost)]
    assert list(joined(ROWS[:2], keys(ROWS), quarantined=0).astray()) == []
    elsewhere = joined(ROWS[:2], keys(ROWS), configuration_json='{"raw_prefixes": ["raw-b/"]}')
    assert list(elsewhere.astray()) == []
    assert elsewhere.counts()["undecided"] == 1


def test_a_deferral_that_was_not_written_again_is_no_lost_row(joined):
    assert list(joined(ROWS, [*keys(ROWS), "raw-a/x"], listed=4, deferred=1).astray()) == []


@pytest.mark.parametrize("sequence", [2, 4])
def test_a_row_more_than_its_run_numbered_is_invented(joined, sequence):
    ghost = image("training", "P1", "1", "1", "1.9", sequence=sequence)
    evidence = joined([*ROWS, ghost], keys(ROWS))
    assert [(one.kind, one.key) for one in evidence.astray()] == [("row-invented", ghost["key"])]
    assert [place.row.target for place in evidence.recorded()] == [row["target_key"] for row in ROWS[:2]]


def test_a_row_that_is_gone_and_one_too_many_do_not_hide_each_other(joined):
    ghost = image("training", "P1", "1", "1", "1.9", sequence=1)
    evidence = joined([*ROWS[:2], ghost], keys(ROWS))
    assert {(one.kind, one.key) for one in evidence.astray()} == {
        ("row-missing", keys(ROWS)[2]),
        ("row-invented", ghost["key"]),
    }


def test_a_commit_that_was_made_twice_is_no_row_too_many(joined):
    evidence = joined([*ROWS, *ROWS], keys(ROWS))
    assert list(evidence.astray()) == []
    assert len(list(evidence.recorded())) == 2


def test_a_digest_is_that_of_all_blocks():
    store = MemoryStore()
    whole, other = (store.put(name, data) for name, data in (("a", b"0123456789"), ("b", b"0123456780")))
    assert digest_of(store, whole, block=3) == digest_of(store, whole)
    assert digest_of(store, whole, block=3) != digest_of(store, other, block=3)
