"""A raw object and its copy have one place; what came of it is told in words, with a code."""

from datetime import UTC, datetime

import pytest

from warehouse.domain.keys import clinical_target, image_target, raw_object
from warehouse.domain.rebuilding import Rebuilding, copy_place, raw_place
from warehouse.domain.records import ObjectInfo


def place(key):
    return raw_place(raw_object(ObjectInfo(key, 1, "e", datetime(2020, 1, 1, tzinfo=UTC)), None))


@pytest.mark.parametrize("name", ["x.dcm", "X.DCM", "a b.Dcm"])
def test_an_image_is_found_by_its_name(name):
    target = image_target("training", "ct", "P 1", "1.2", "1.3", name)
    assert place(f"raw-a/2020-01-02/images/{name}") == copy_place(target) is not None


@pytest.mark.parametrize("spelling", ["p1", "P1"])
@pytest.mark.parametrize("status", ["data", "status"])
def test_a_clinical_file_is_found_by_its_patient_kind_and_date(spelling, status):
    target = clinical_target("validation", "P1", status, "2020-01-02")
    assert place(f"raw-a/2020-01-02/data/{spelling}_{status}.json") == copy_place(target) is not None
    assert place(f"raw-a/2020-01-03/data/{spelling}_{status}.json") != copy_place(target)


@pytest.mark.parametrize(
    "key",
    [
        "training/ct-metadata/P/1.2/1.3/x.json",
        "training/catalog/images/x.dcm",
        "training/data/P/note.json",
        "training/ct/P/1.2/x.dcm",
        "raw-a/2020-01-02/images/x.dcm",
    ],
)
def test_other_keys_are_no_copies(key):
    assert copy_place(key) is None


def test_what_is_never_copied_has_no_place():
    assert place("raw-a/2020-02-30/images/x.dcm") is None
    assert place("raw-a/2020-01-02/images/x.txt") is None


def test_what_was_written_and_what_was_left_out_is_told():
    rebuilding = Rebuilding(written=True, published=True, undocumented=2)
    rebuilding.found.update({"raw": 1000, "copy": 2, "claim": 1})
    rebuilding.unknown.update({"unclaimed": 3, "truncated": 1})
    lines = [" ".join(line.split()) for line in rebuilding.summary().splitlines()]
    assert lines == [
        "the catalog was made anew, with 1,003 rows",
        "raw objects that stand in the sets 1,000",
        "copies whose raw object is gone 2",
        "patients of whom only the assignment stands 1",
        "left out: 4 objects of the sets and of assignments/",
        "truncated 1",
        "of a patient without an assignment 3",
        "2 images lack their metadata document: `warehouse retry --missing` has it written again",
        "run `warehouse load` now: it decides again what does not stand in the sets",
    ]
    assert rebuilding.exit_code == 0


def test_what_could_not_be_read_or_published_is_incomplete():
    assert Rebuilding().summary() == ""
    unread = Rebuilding()
    unread.unknown.update({"forbidden": 2, "unclaimed": 7})
    assert unread.exit_code == 4
    first, *reasons = unread.summary().splitlines()
    assert first.startswith("NOTHING WAS CHANGED: 2 objects could not be read")
    assert [" ".join(line.split()) for line in reasons] == ["forbidden 2"]
    assert Rebuilding(written=True).exit_code == 4
