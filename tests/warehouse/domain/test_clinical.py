"""A clinical file is strict UTF-8 JSON, or it is quarantined."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warehouse.domain import clinical
from warehouse.domain.clinical import ClinicalRecord


def test_the_deciding_fields():
    data = json.dumps({"Pseudonym": "P", "SubmittingCentre": "S", "x": [1]}).encode()
    assert clinical.parse(data) == ClinicalRecord("P", "S")
    assert clinical.parse(b"\xef\xbb\xbf" + data) == ClinicalRecord("P", "S")


@pytest.mark.parametrize("site", [None, "", 5, ["S"], True, "S" * 1001])
def test_a_site_that_is_no_name_is_no_site(site):
    assert clinical.parse(json.dumps({"SubmittingCentre": site}).encode()) == ClinicalRecord(None, None)


def test_the_longest_site():
    data = json.dumps({"SubmittingCentre": "é" * 1000}).encode()
    assert clinical.parse(data) == ClinicalRecord(None, "é" * 1000)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b"5",
        b'"text"',
        b'{"a": NaN}',
        b'{"a": -Infinity}',
        b'{"a": 1e999}',
        b'{"a": 1, "a": 2}',
        b'{"b": {"a": 1, "a": 2}}',
        '{"a": "é"}'.encode("latin-1"),
        '{"a": 1}'.encode("utf-16"),
        b'{"a": ' + b"9" * 5000 + b"}",
        b'{"a": ' + b"[" * 70 + b"]" * 70 + b"}",
        b"[" * 1_000_000,
        b'{"a": "' + b"x" * 5_000_000 + b'"}',
        b'{"a": 1} trailing',
    ],
    ids=repr,
)
def test_what_is_refused(data):
    assert clinical.parse(data) == "invalid-json"


def test_a_string_without_an_end_is_read_once():
    assert clinical.parse(b'"' + b'\\"' * 2_400_000) == "invalid-json"
    assert clinical.parse(b'{"a": "' + b"\\" * 999_999) == "invalid-json"


def test_brackets_inside_text_are_no_nesting():
    assert clinical.parse(json.dumps({"a": "[" * 500 + '\\"' + "{" * 500}).encode()) == ClinicalRecord(
        None, None
    )


@pytest.mark.parametrize(
    ("pseudonym", "name", "same"),
    [("P1", "p1", True), (" P1 ", "P1", True), (None, "P1", True), ("P2", "P1", False), ("", "P1", False)],
)
def test_content_and_name_agree_in_canonical_form(pseudonym, name, same):
    assert clinical.agrees(ClinicalRecord(pseudonym, None), name) is same


def test_a_pseudonym_of_another_type():
    assert clinical.parse(b'{"Pseudonym": 12}') == ClinicalRecord("12", None)
    assert not clinical.agrees(clinical.parse(b'{"Pseudonym": ["P1"]}'), "P1")


@given(st.binary())
def test_never_an_exception(data):
    assert clinical.parse(data) == "invalid-json" or isinstance(clinical.parse(data), ClinicalRecord)


@given(
    st.recursive(st.none() | st.integers() | st.text(), lambda c: st.lists(c) | st.dictionaries(st.text(), c))
)
def test_every_object_that_json_can_hold_is_read(value):
    assert isinstance(clinical.parse(json.dumps({"v": value}).encode()), ClinicalRecord)
