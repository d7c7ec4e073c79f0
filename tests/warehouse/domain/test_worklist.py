"""Lines of work lists: fit for people, spreadsheets and programs; no two centres have files of one name."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog_rows import START
from warehouse.domain import worklist
from warehouse.domain.reasons import REASONS
from warehouse.domain.records import Decided
from warehouse.domain.worklist import Item, Tally

ITEM = Item("Clinic", "truncated", "raw-a/2020-01-01/images/x.dcm", START, "run-1")
WAITS = Item("Clinic", "no-clinical-data", "raw-a/2020-01-01/images/x.dcm", START, "run-1", "P1")
NOW = START + timedelta(days=3, hours=2)


def test_the_codes_are_those_of_the_table():
    found = [code for decided in Decided for code in worklist.codes(decided)]
    assert sorted(found) == sorted(REASONS)
    assert "truncated" in worklist.codes(Decided.QUARANTINED)
    assert "retry" in worklist.codes(Decided.DEFERRED)


@pytest.mark.parametrize(("item", "decided"), [(ITEM, Decided.QUARANTINED), (WAITS, Decided.DEFERRED)])
def test_csv_and_json_hold_the_same_columns(item, decided):
    values = worklist.record(item, decided, NOW)
    (row,) = csv.DictReader(io.StringIO(worklist.csv_head(decided) + worklist.csv_line(values)))
    as_json = json.loads(json.dumps(worklist.json_values(values)))
    assert list(row) == list(as_json)
    assert {name: str(value) for name, value in as_json.items()} == row
    assert row["remedy"] == REASONS[item.reason].remedy


def test_what_waits_says_for_what_for_whom_and_how_long():
    values = worklist.record(WAITS, Decided.DEFERRED, NOW)
    assert (values["patient"], values["since"], values["days"]) == ("P1", START, 3)
    assert "since 2024-02-29T23:59:59Z (3 days)" in worklist.shown(WAITS, Decided.DEFERRED, NOW)
    assert "(1 day)" in worklist.shown(WAITS, Decided.DEFERRED, START + timedelta(days=1))
    assert "(0 days)" in worklist.shown(WAITS, Decided.DEFERRED, START - timedelta(days=9))


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t", "\r"])
def test_no_cell_of_csv_is_a_formula(sign):
    item = Item(f"{sign}cmd", "truncated", f"{sign}key", START, f"{sign}run")
    (row,) = csv.reader(
        io.StringIO(worklist.csv_line(worklist.record(item, Decided.QUARANTINED, NOW)), newline="")
    )
    assert [cell for cell in row if cell.startswith(sign)] == []
    assert f"'{sign}cmd" in row


@given(st.text(), st.text())
def test_a_file_name_is_one_segment_and_tells_centres_apart(first, second):
    names = [worklist.file_name("quarantine", centre, ".csv") for centre in (first, second)]
    for name in names:
        assert name.replace("-", "").replace(".csv", "").isalnum()
        assert len(name) < 100
    assert (names[0] == names[1]) == (first.encode("utf-8", "replace") == second.encode("utf-8", "replace"))


def test_what_a_person_reads_cannot_steer_a_terminal():
    item = Item("Cli\x1b[2Jnic", "truncated", "raw-a/x\ny", START, "run-1")
    shown = worklist.shown(item, Decided.QUARANTINED, NOW)
    assert shown.isprintable()
    assert "\\x1b" in shown


def test_the_frame_counts_what_is_shown_and_what_is_left_out():
    tally = Tally({"truncated": 2, "not-dicom": 1000}, gone=3, replaced=1)
    assert worklist.opening(tally, Decided.QUARANTINED, asked=False) == "quarantined now 1,002"
    assert worklist.opening(tally, Decided.QUARANTINED, asked=True).endswith(", of what was asked for")
    assert list(worklist.closing(tally, Decided.QUARANTINED)) == [
        "left out 3: quarantined, but removed from raw since",
        "left out 1: quarantined, but replaced in raw by another upload since",
    ]
    assert list(worklist.closing(Tally({}), Decided.QUARANTINED)) == []


def test_a_reason_of_another_version_does_not_end_the_list():
    assert worklist.heading("invented-later", 1)[1].startswith("invented-later 1: another version")
