"""One row for each kind of record, with every column where it belongs."""

from __future__ import annotations

import pytest

from catalog_rows import START, at, info
from warehouse import config
from warehouse.domain.records import (
    ATTRIBUTE_COLUMNS,
    Assignment,
    Decided,
    ImageFacts,
    Outcome,
    RawClinical,
    RawImage,
    RawOther,
)
from warehouse.storage.catalog_schema import OBJECTS, RUNS, decision_row, to_arrow

CONFIG = config.parse(b'{"raw_prefixes": ["raw-a/"]}')
PLACE = {"config": CONFIG, "sequence": 7, "uploader": "raw-a", "date": "2020-01-02"}
ASSIGNMENT = Assignment("P1", "validation", "split", "Here", "p1", "c0", "run-0", START)
FACTS = ImageFacts(
    study_uid="1.1",
    series_uid="1.2",
    sop_uid="1.3",
    sop_class="1.4",
    transfer_syntax="1.5",
    modality="CT",
    type="ct",
    attributes={"Rows": 512, "SliceThickness": 2, "PatientSex": "F", "Manufacturer": None},
    dropped=3,
)


def row_of(outcome):
    row = decision_row(outcome, run="run-1", time=at(5), configuration="c1")
    (found,) = to_arrow("objects", [row]).to_pylist()
    return {name: value for name, value in found.items() if value is not None}


COMMON = {
    "etag": "e1",
    "size": 7,
    "last_modified": START,
    "sequence": 7,
    "configuration": "c1",
    "run": "run-1",
    "time": at(5),
}


def test_a_loaded_image():
    raw = RawImage(info=info("raw-a/i.dcm"), file_name="i.dcm", **PLACE)
    outcome = Outcome(
        raw,
        Decided.LOADED,
        flags=("metadata-kept",),
        target=info("validation/i.dcm", "t1", size=8),
        assignment=ASSIGNMENT,
        image=FACTS,
    )
    assert row_of(outcome) == COMMON | {
        "key": "raw-a/i.dcm",
        "kind": "image",
        "uploader": "raw-a",
        "upload_date": "2020-01-02",
        "outcome": "loaded",
        "flags": ["metadata-kept"],
        "dropped": 3,
        "target_key": "validation/i.dcm",
        "target_etag": "t1",
        "target_size": 8,
        "group": "validation",
        "rule": "split",
        "patient": "P1",
        "folder": "p1",
        "StudyInstanceUID": "1.1",
        "SeriesInstanceUID": "1.2",
        "SOPInstanceUID": "1.3",
        "SOPClassUID": "1.4",
        "TransferSyntaxUID": "1.5",
        "Modality": "CT",
        "type": "ct",
        "Rows": 512,
        "SliceThickness": 2.0,
        "PatientSex": "F",
    }


def test_a_deferred_clinical_file():
    raw = RawClinical(info=info("raw-a/P2_data.json"), pseudonym="P2", status="data", **PLACE)
    outcome = Outcome(raw, Decided.DEFERRED, "unlisted-site", patient="P2", site="There")
    assert row_of(outcome) == COMMON | {
        "key": "raw-a/P2_data.json",
        "kind": "clinical",
        "uploader": "raw-a",
        "upload_date": "2020-01-02",
        "outcome": "deferred",
        "reason": "unlisted-site",
        "flags": [],
        "site": "There",
        "patient": "P2",
    }


def test_the_site_is_that_of_the_file_and_not_of_the_claim():
    raw = RawClinical(info=info("raw-a/P1_data.json"), pseudonym="P1", status="data", **PLACE)
    row = row_of(Outcome(raw, Decided.LOADED, assignment=ASSIGNMENT, site="There"))
    assert (row["site"], row["patient"], row["folder"]) == ("There", "P1", "p1")
    assert "site" not in row_of(Outcome(raw, Decided.LOADED, assignment=ASSIGNMENT))


def test_an_ignored_object_outside_every_upload():
    raw = RawOther(info=info("raw-a/x"), config=CONFIG, sequence=7, decided=Decided.IGNORED, reason="nested")
    assert row_of(Outcome(raw, raw.decided, raw.reason)) == COMMON | {
        "key": "raw-a/x",
        "kind": "other",
        "outcome": "ignored",
        "reason": "nested",
        "flags": [],
    }


ODD = {
    "Rows": [("512", None), (2**63, None), (-(2**63), -(2**63)), (1.5, None), (True, None), (0, 0)],
    "SliceThickness": [("1", None), (2**63, None), (3, 3.0), (0.5, 0.5), (True, None)],
    "PatientSex": [(1, None), ("a\ud800b", "a?b"), ("", ""), ("日\x00", "日\x00")],
}


@pytest.mark.parametrize(("keyword", "value", "kept"), [(k, *pair) for k in ODD for pair in ODD[k]])
def test_a_value_that_its_column_cannot_hold_is_left_out_alone(keyword, value, kept):
    raw = RawImage(info=info("raw-a/i.dcm"), file_name="i.dcm", **PLACE)
    facts = ImageFacts("1", "2", "3", "4", "5", "CT", "ct", {keyword: value, "StudyDate": "20200101"})
    row = row_of(Outcome(raw, Decided.LOADED, image=facts))
    assert row.get(keyword) == kept
    assert row["StudyDate"] == "20200101"


def test_columns_differ_by_more_than_case():
    for schema in (OBJECTS, RUNS):
        assert len({name.lower() for name in schema.names}) == len(schema.names)
    assert set(ATTRIBUTE_COLUMNS) < set(OBJECTS.names)
