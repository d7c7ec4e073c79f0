"""Counts add up, and the exit code follows from them by one table."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warehouse import config
from warehouse.domain import summary
from warehouse.domain.accounting import Tally
from warehouse.domain.reasons import REASONS
from warehouse.domain.records import Assignment, Decided, ObjectInfo, Outcome, RawOther

CONFIG = config.parse(b'{"raw_prefixes": ["raw-a"]}')
NOW = datetime(2020, 1, 1, tzinfo=UTC)


def outcome(decided, reason=None, patient=None, day="2020-01-01", group=None):
    raw = RawOther(
        info=ObjectInfo("raw-a/x", 1, "e", NOW),
        config=CONFIG,
        sequence=1,
        uploader="a",
        date=day,
        decided=decided,
        reason=reason or "",
    )
    assignment = Assignment("P", group, "site", "S", "P", "c", "r", NOW) if group else None
    return Outcome(raw, decided, reason, patient=patient, assignment=assignment)


def tally(*outcomes, listed=None, known=0):
    found = Tally(listed=listed if listed is not None else len(outcomes) + known, known=known)
    for one in outcomes:
        found.add(one)
    return found


LOADED = outcome(Decided.LOADED, group="training")
PRESENT = outcome(Decided.PRESENT, "same-bytes", group="training")
QUARANTINED = outcome(Decided.QUARANTINED, "truncated")
WAITING = outcome(Decided.DEFERRED, "no-clinical-data", patient="P")
FAULT = outcome(Decided.DEFERRED, "store-fault")
BOTH = outcome(Decided.QUARANTINED, "patient-in-both-sets")


@pytest.mark.parametrize(
    ("outcomes", "strict", "code"),
    [
        ((), False, 0),
        ((LOADED, QUARANTINED, WAITING), False, 0),
        ((LOADED, QUARANTINED), True, 3),
        ((PRESENT, QUARANTINED), False, 0),
        ((QUARANTINED,), False, 3),
        ((QUARANTINED, WAITING), False, 3),
        ((WAITING,), True, 0),
        ((LOADED, FAULT), False, 4),
        ((QUARANTINED, FAULT), True, 4),
        ((LOADED, FAULT, BOTH), True, 5),
    ],
)
def test_the_table_of_exit_codes(outcomes, strict, code):
    assert tally(*outcomes).exit_code(strict=strict) == code


def test_who_stands_in_both_sets_breaks_a_run_that_decides_nothing():
    found = tally(known=3)
    found.in_both_sets = 2
    assert found.exit_code() == 5
    text = summary.text(found)
    assert "patients who stand in both sets 2" in text
    assert "split audit --patients" in text
    assert summary.figures(found, today=date(2020, 1, 1))["in_both_sets"] == 2
    assert "both sets" not in summary.text(tally(known=3))


def test_accounting():
    assert tally(LOADED, QUARANTINED, known=3).accounted
    assert not tally(LOADED, listed=2).accounted
    assert tally(LOADED, QUARANTINED, WAITING).decided == 3


def test_waiting_patients_are_counted_once_with_their_oldest_upload():
    found = tally(WAITING, outcome(Decided.DEFERRED, "no-clinical-data", patient="P", day="2019-12-22"))
    figures = summary.figures(found, today=date(2020, 1, 1))
    assert figures["waiting"] == {"a": {"patients": 1, "oldest_days": 10}}


def test_the_summary_says_what_a_person_needs():
    text = summary.text(tally(LOADED, QUARANTINED, WAITING, known=2), dry_run=True)
    for words in ("5 raw objects", "dry run", "training/data/", "truncated: ", "patients who wait 1"):
        assert words in text


def test_a_run_that_was_ended_never_says_that_there_is_nothing_to_do():
    assert "nothing to do" not in summary.text(tally(), whole=False)


def test_nothing_to_do_and_a_run_cut_short():
    assert "nothing to do" in summary.text(tally(known=2))
    assert "2 objects were not reached" in summary.text(tally(LOADED, listed=3))


@given(st.lists(st.sampled_from([LOADED, PRESENT, QUARANTINED, WAITING, FAULT, BOTH])))
def test_the_figures_add_up(outcomes):
    figures = summary.figures(tally(*outcomes), today=date(2020, 1, 1))
    assert sum(figures["outcomes"].values()) == figures["decided"] == len(outcomes)
    explained = sum(count for reason, count in figures["reasons"].items() if reason in REASONS)
    assert explained == len(outcomes) - figures["outcomes"]["loaded"]
