"""What the catalog tells of one object: all of it, in order, and of other objects no more than a few."""

from __future__ import annotations

import pytest

from catalog_rows import at, clinical, decision, image
from warehouse.domain.decisions import MOST
from warehouse.domain.keys import SafeName
from warehouse.storage.catalog import MemoryCatalog
from warehouse.storage.histories import Histories

KEY = "raw-a/2020-01-01/images/1.4.dcm"
PLACE = "training/ct/P1/1.2/1.3/1.4.dcm"


@pytest.fixture
def asked():
    """asked(row, ...) -> the histories of a catalog of these rows."""

    def make(*rows):
        catalog = MemoryCatalog()
        catalog.append(rows)
        catalog.append_run({"run": "run-1", "started": at(0), "version": "0.1.0", "exit_code": 3})
        return Histories(catalog.snapshot())

    return make


def first(**columns):
    return image("training", "P1", "1.2", "1.3", "1.4", uploader="a", upload_date="2020-01-01", **columns)


def test_every_decision_on_a_key_comes_in_order(asked):
    rows = [first(second=second, sequence=sequence) for second, sequence in ((5, 1), (0, 2), (5, 0), (0, 1))]
    found = asked(*rows, decision("raw-b/other")).of_key(KEY)
    assert [(one.time, one.sequence) for one in found] == [(at(0), 1), (at(0), 2), (at(5), 0), (at(5), 1)]
    assert (found[0].study, found[0].series, found[0].sop, found[0].target_key) == (
        "1.2",
        "1.3",
        "1.4",
        PLACE,
    )
    assert asked().of_key(KEY) == []


def test_a_name_is_that_of_one_decision(asked):
    histories = asked(first(sequence=7), decision("raw-b/other", sequence=8, uploader="b", kind="other"))
    assert histories.named(SafeName("a", "2020-01-01", "images", "run-1", 7)) == KEY
    assert histories.named(SafeName("b", "undated", "other", "run-1", 8)) == "raw-b/other"
    for wrong in (("b", "2020-01-01", "images"), ("a", "undated", "images"), ("a", "2020-01-01", "data")):
        assert histories.named(SafeName(*wrong, "run-1", 7)) is None


def test_those_whose_bytes_stand_at_a_place_come_first(asked):
    refused = decision("raw-a/a", "quarantined", "conflicting-copy", target_key=PLACE)
    again = decision("raw-a/z", "present", "same-instance", target_key=PLACE, second=9)
    assert [one.key for one in asked(refused, again, first(second=5)).at_place(PLACE)] == [
        KEY,
        "raw-a/z",
        "raw-a/a",
    ]


def test_an_object_stands_at_its_place_whatever_became_of_a_later_upload(asked):
    later = decision(KEY, "quarantined", "conflicting-copy", second=9, target_key=PLACE, etag="e2")
    again = decision("raw-a/z", "quarantined", "conflicting-copy", second=1, target_key=PLACE)
    latest = {**again, "time": at(2), "run": "run-2"}
    found = asked(first(), later, again, latest).at_place(PLACE)
    assert [(one.key, one.outcome, one.run) for one in found] == [
        (KEY, "loaded", "run-1"),
        ("raw-a/z", "quarantined", "run-2"),
    ]


def test_other_objects_are_a_few_whatever_their_number(asked):
    many = [decision(f"raw-a/{n}", "present", "same-instance", target_key=PLACE) for n in range(3 * MOST)]
    files = [{**clinical("training", "P1"), "key": f"raw-a/{n}.json"} for n in range(3 * MOST)]
    histories = asked(*many, *files)
    assert len(histories.at_place(PLACE)) == len(histories.clinical_of("P1")) == MOST + 1


def test_an_image_is_found_by_its_name_without_suffix(asked):
    capitals = first(target_key="training/ct/P1/1.2/1.3/X.DCM")
    histories = asked(first(), capitals)
    assert histories.image_of(PLACE.removesuffix(".dcm")) == PLACE
    assert histories.image_of("training/ct/P1/1.2/1.3/X") == "training/ct/P1/1.2/1.3/X.DCM"
    for other in ("training/ct/P1/1.2/1.3/1", "training/ct/P1/1.2/1.3/x", "training/ct/P1/1.2/1.3/%"):
        assert histories.image_of(other) is None


def test_the_first_that_was_kept_holds_a_place_and_a_study(asked):
    refused = decision("raw-a/a", "quarantined", "conflicting-copy", target_key=PLACE, second=1)
    later = {**first(second=9), "key": "raw-a/later"}
    theirs = {"outcome": "quarantined", "reason": "study-of-another-patient", "patient": "P2"}
    stranger = {**first(second=2), **theirs, "key": "raw-a/b"}
    histories = asked(later, stranger, refused, first(second=5))
    assert histories.holder_of_place(PLACE).key == histories.holder_of_study("1.2").key == KEY
    assert histories.holder_of_place(PLACE.upper()).key == KEY
    assert histories.holder_of_place("training/ct/none") is histories.holder_of_study("9") is None


def test_runs_are_told_by_name(asked):
    runs = asked(first()).runs(["run-1", "killed"])
    assert {name: (run.version, run.exit_code) for name, run in runs.items()} == {"run-1": ("0.1.0", 3)}
    assert asked().runs([]) == {}
