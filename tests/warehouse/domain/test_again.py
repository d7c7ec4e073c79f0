"""What is asked for is told in words, and only what is quarantined can be asked for by its reason."""

import pytest

from warehouse.domain.again import COPY, DOCUMENT, QUARANTINED, Retries
from warehouse.domain.reasons import REASONS
from warehouse.domain.records import Decided


def test_the_reasons_are_those_of_the_table():
    assert set(QUARANTINED) == {code for code, one in REASONS.items() if one.decided is Decided.QUARANTINED}


def test_nothing_is_told_before_the_end():
    assert Retries().summary() == ""


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({}, "nothing that stands in raw is quarantined"),
        ({"reasons": ("truncated",)}, "nothing that stands in raw is quarantined as truncated"),
        (
            {"reasons": ("truncated", "no-site")},
            "nothing that stands in raw is quarantined as truncated or no-site",
        ),
        ({"missing": True}, "nothing is missing from the sets that the catalog says was put there"),
    ],
)
def test_where_there_is_nothing_it_says_of_what(asked, told):
    assert Retries(**asked, finished=True).summary() == told


def test_counts_come_by_their_reason_with_the_command_that_goes_on():
    retries = Retries(finished=True)
    retries.counts.update({"truncated": 1234, "not-dicom": 1})
    lines = [" ".join(line.split()) for line in retries.summary().splitlines()]
    assert lines == [
        "the next load will look again at 1,235 objects",
        "not-dicom 1",
        "truncated 1,234",
        "nothing was loaded now: `warehouse load` does it",
    ]


def test_what_cannot_be_restored_is_a_warning():
    retries = Retries(missing=True, dry_run=True, finished=True, lost=1)
    retries.counts.update({COPY: 1})
    lines = retries.summary().splitlines()
    assert lines[0] == "the next load would look again at 1 object"
    assert lines[2].startswith("warning: at one place of the sets something is gone that cannot be restored")
    assert lines[3:] == ["dry run: nothing was written"]
    retries.counts.clear()
    retries.lost = 2
    assert retries.summary().startswith("warning: at 2 places of the sets")
    assert DOCUMENT != COPY


def test_what_no_load_replaces_is_a_warning():
    retries = Retries(missing=True, finished=True, obstacles=3)
    assert retries.summary().splitlines()[1].startswith("warning: 3 of what stands in the sets is no object")
