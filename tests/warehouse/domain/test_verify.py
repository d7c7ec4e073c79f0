"""The judgement of one place, case by case: its tables are those of the docstrings."""

from datetime import timedelta

import pytest

from catalog_rows import START, info
from warehouse.domain.audit import Overlap
from warehouse.domain.verify import (
    Copied,
    Finding,
    Recorded,
    Unrecorded,
    absent,
    as_figures,
    contradiction,
    damage,
    is_older,
    misplaced,
    to_compare,
    unrecorded,
)

TARGET = "training/ct/P/1.2/1.3/x.dcm"
RAW = info("raw-a/2020-01-01/images/x.dcm")
COPY = info(TARGET)
IDENTITY = {"patient": "P", "study": "1.2", "series": "1.3", "instance": "1.4"}


def place(copy=COPY, raw=RAW, *, doubtful=False, same_version=True, **row):
    told = Copied(
        "a/2020-01-01/images#r-1", 7, TARGET, 7, "e1", IDENTITY, image=True, doubtful=doubtful, **row
    )
    return Recorded(told, copy, None, raw, same_version)


@pytest.mark.parametrize(
    ("raw", "doubtful", "obstructed", "verdict"),
    [
        (None, False, False, "row-invented"),
        (RAW, True, False, "row-invented"),
        (RAW, True, True, "row-invented"),
        (RAW, False, False, "copy-missing"),
        (RAW, False, True, "copy-obstructed"),
        (None, False, True, "copy-obstructed"),
    ],
)
def test_where_no_copy_stands(raw, doubtful, obstructed, verdict):
    assert absent(place(None, raw, doubtful=doubtful), obstructed=obstructed) == verdict


@pytest.mark.parametrize(
    ("found", "shallow", "deep"),
    [
        (place(), False, True),
        (place(raw=None, same_version=False), False, False),
        (place(same_version=False), False, False),
        (place(info(TARGET, "e2")), True, True),
        (place(info(TARGET, size=6)), True, True),
        (place(None), False, False),
    ],
)
def test_when_bytes_are_compared(found, shallow, deep):
    assert (to_compare(found, deep=False), to_compare(found, deep=True)) == (shallow, deep)


@pytest.mark.parametrize(
    ("copy", "same", "same_version", "verdict"),
    [
        (COPY, True, True, None),
        (info(TARGET, size=6), True, False, None),
        (info(TARGET, size=6), False, True, "copy-shortened"),
        (info(TARGET, size=6), None, False, "copy-shortened"),
        (COPY, False, True, "copy-changed"),
        (COPY, False, False, "no-source"),
        (COPY, None, False, "no-source"),
    ],
)
def test_what_compared_bytes_mean(copy, same, same_version, verdict):
    assert damage(place(copy, same_version=same_version), same) == verdict


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({}, None),
        ({"patient": " p "}, None),
        ({"patient": None}, None),
        ({"patient": "Q"}, "metadata-of-another"),
        ({"study": "1.9"}, "metadata-of-another"),
        ({"series": None}, "metadata-of-another"),
        ({"instance": "1.9"}, "metadata-of-another"),
        ({"instance": None}, "metadata-damaged"),
    ],
)
def test_whose_document_it_is(changes, verdict):
    assert misplaced({**IDENTITY, **changes}, IDENTITY) == verdict


def test_an_image_of_which_only_the_key_is_known_is_compared_by_that():
    assert misplaced(IDENTITY, {"patient": "P", "study": "1.2", "series": "1.3"}) is None
    assert misplaced(IDENTITY, {"patient": "P", "study": "1.9", "series": None}) == "metadata-of-another"


@pytest.mark.parametrize(
    ("raw", "lost", "older", "verdict"),
    [
        ("undecided", True, False, "row-missing"),
        ("undecided", False, False, "unrecorded"),
        ("deferred", False, True, "unrecorded"),
        ("quarantined", False, False, "left-over"),
        (None, False, True, "left-over"),
        (None, False, False, "row-missing"),
    ],
)
def test_what_no_row_tells_of(raw, lost, older, verdict):
    assert unrecorded(Unrecorded("training/ct#1", COPY, None, True, IDENTITY, raw, lost, older)) == verdict


def test_a_patient_is_in_both_sets_by_its_folders_only():
    folders = ("claims: training", "keys: training", "keys: validation")
    assert contradiction(Overlap("patient", "P", folders)) == "patient-in-both-sets"
    told = ("catalog: validation", "claims: training", "keys: training")
    assert contradiction(Overlap("patient", "P", told)) == "assignment-contradicts"


def test_what_stood_there_before_the_first_decision_is_older():
    assert is_older(START, None)
    assert is_older(START, START + timedelta(seconds=1))
    assert not is_older(START, START)


def test_keys_are_shown_where_they_are_asked_for():
    finding = Finding("copy-missing", "a/2020-01-01/images#r-1", TARGET)
    assert TARGET not in repr(finding)
    assert as_figures(finding, keys=False) == {"kind": "copy-missing", "object": "a/2020-01-01/images#r-1"}
    assert as_figures(finding, keys=True)["key"] == TARGET
