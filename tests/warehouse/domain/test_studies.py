"""A metadata document says of a study what the catalog says of its image, from as little as need be."""

import json
from datetime import UTC, datetime
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warehouse.domain import dicom
from warehouse.domain.keys import standing_metadata
from warehouse.domain.records import Header, ObjectInfo
from warehouse.domain.studies import (
    HEADER_COLUMNS,
    STUDY_COLUMNS,
    Study,
    StudyFound,
    read_header,
    study_values,
)
from warehouse.pipeline.reading import read_header as read_dicom

SAMPLES = ("CT_small.dcm", "MR_small.dcm", "dicomdirtests/77654033/CR1/6154")


def sample(name):
    data = files("pydicom").joinpath("data", "test_files", *name.split("/")).read_bytes()
    header = read_dicom(len(data), None, lambda wanted: data[wanted.start : wanted.start + wanted.length])
    assert isinstance(header, Header)
    return header


@pytest.mark.parametrize("name", SAMPLES)
def test_a_document_and_the_catalog_say_the_same(name):
    header = sample(name)
    document, _ = dicom.metadata(header)
    read = read_header(document, whole=True)
    known = {**header.attributes, "Modality": header.modality or None}
    assert read == {column: known[column] for column in HEADER_COLUMNS}


@pytest.mark.parametrize("name", SAMPLES)
def test_a_beginning_says_all_or_that_it_is_too_short(name):
    document, _ = dicom.metadata(sample(name))
    full = read_header(document, whole=True)
    found = [read_header(document[:length], whole=False) for length in range(0, len(document), 7)]
    enough = [header for header in found if header is not None]
    assert all(header == full for header in enough)
    assert found[0] is None
    # What is wanted stands in the groups up to 0018; what follows is not read.
    assert len(enough) > len(found) // 10


@pytest.mark.parametrize(
    ("document", "column", "value"),
    [
        ({"00080060": {"vr": "CS", "Value": ["CT"]}}, "Modality", "CT"),
        ({"00080060": {"vr": "CS", "Value": [" CT "]}}, "Modality", "CT"),
        ({"00080060": {"vr": "CS", "Value": ["CT", None, "MR"]}}, "Modality", "CT\\\\MR"),
        ({"00080060": {"vr": "CS"}}, "Modality", None),
        ({"00080060": {"vr": "CS", "Value": []}}, "Modality", None),
        ({"00080060": None}, "Modality", None),
        ({"00080060": 7}, "Modality", None),
        ({"00080060": {"vr": "PN", "Value": [{"Alphabetic": "A"}]}}, "Modality", None),
        ({"00080060": {"vr": "IS", "Value": [5]}}, "Modality", "5"),
        ({"00101010": {"vr": "AS", "Value": ["\ud800"]}}, "PatientAge", "?"),
        ({"00283010": None, "00101010": {"vr": "AS", "Value": ["045Y"]}}, "PatientAge", None),
        ({}, "PatientAge", None),
    ],
)
def test_values_of_every_kind(document, column, value):
    assert read_header(json.dumps(document).encode(), whole=True)[column] == value


def test_layout_does_not_matter():
    text = ' {\n\t"0008006a" : null ,\r\n "00101010": {"vr": "AS", "Value": ["045Y"]} } '
    assert read_header(b"\xef\xbb\xbf" + text.encode(), whole=True)["PatientAge"] == "045Y"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"null",
        b"{",
        b'{"a": 1}',
        b'{"00080060": }',
        b'{"00080060": 1 2}',
        b"\xff\xfe{}",
        b'"',
        b'{"00080060": {"Value": [NaN]}}',
        b'{"00080060": {"Value": [1e400]}}',
        b'{"00080060": {"Value": [], "Value": []}}',
        b'{"00080060": {}, "00080060": {}}',
    ],
)
def test_what_is_no_such_document(data):
    with pytest.raises(ValueError, match=r"."):
        read_header(data, whole=True)


def test_endless_depth_is_refused():
    with pytest.raises(ValueError, match="no metadata document"):
        read_header(b'{"00080060": ' + b"[" * 200_000, whole=True)


@given(st.binary(max_size=60) | st.text(alphabet='{}[]",:0123456789abcF ', max_size=60).map(str.encode))
def test_no_bytes_end_in_another_way(data):
    assert read_header(data, whole=False) is None or isinstance(read_header(data, whole=False), dict)
    try:
        header = read_header(data, whole=True)
    except ValueError:
        return
    assert set(header) == set(HEADER_COLUMNS)


def test_the_row_takes_identity_from_the_key():
    key = "training/ct-metadata/P1/1.2/1.3/x.json"
    found = StudyFound(
        standing_metadata(key), ObjectInfo(key, 7, "e", datetime(2020, 6, 1, 23, 59, tzinfo=UTC))
    )
    row = study_values(Study(found, {"PatientAge": "045Y"}))
    assert {name: row[name] for name in ("Pseudonym", "group", "StudyInstanceUID", "SeriesInstanceUID")} == {
        "Pseudonym": "P1",
        "group": "training",
        "StudyInstanceUID": "1.2",
        "SeriesInstanceUID": "1.3",
    }
    assert row["last_modified"].isoformat() == "2020-06-01"
    assert set(row) <= set(STUDY_COLUMNS)
