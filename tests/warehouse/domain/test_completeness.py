"""Completeness counts patients with a value, field by field, and never the value."""

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warehouse.domain import completeness
from warehouse.domain.clinical_fields import ORIGINAL_FIELDS
from warehouse.domain.completeness import Completeness, has_value

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
RECORD = st.dictionaries(st.sampled_from(ORIGINAL_FIELDS) | st.text(), JSON, max_size=5)


def test_the_examples_hold():
    assert doctest.testmod(completeness) == (0, 1)


@pytest.mark.parametrize("value", [None, "", "  \n", [], {}, [None], ["", {}], {"SwabDate": None}])
def test_what_says_nothing(value):
    assert not has_value(value)


@pytest.mark.parametrize("value", [0, 0.0, False, "0", "unknown", [0], {"SwabDate": "01/02/2020"}])
def test_what_says_something(value):
    assert has_value(value)


def test_records_and_fields_are_counted_by_kind():
    kept = Completeness()
    kept.add("data", {"Age": 5, "Sex": "", "Pseudonym": "P1", "PMH CKD": 0})
    kept.add("data", {"Age": 7, "Sex": "M"})
    kept.add("status", {"Age": None, "SwabStatus": "Negative"})
    assert kept.records == {"data": 2, "status": 1}
    counted = {filled.field: (filled.data, filled.status) for filled in kept.fields()}
    assert counted["Age"] == (2, 0)
    assert counted["Sex"] == (1, 0)
    assert counted["PMH CKD"] == (1, 0)
    assert counted["SwabStatus"] == (0, 1)
    assert counted["Death"] == (0, 0)


def test_every_known_field_is_told_in_the_order_of_the_form_but_the_identifier():
    told = [filled.field for filled in Completeness().fields()]
    assert told == [name for name in ORIGINAL_FIELDS if name != "Pseudonym"]


def test_other_fields_are_counted_and_not_named():
    kept = Completeness()
    kept.add("data", {"CANARY": 1, "OtherDataSources": {"x": 1}, "Pseudonym": "P"})
    kept.add("data", {"CANARY": " ", "OtherDataSources": {"x": 1}, "Pseudonym": "P"})
    assert kept.with_others == 1
    assert "CANARY" not in repr(kept)


@given(st.lists(st.tuples(st.sampled_from(["data", "status"]), RECORD), max_size=10))
def test_any_record_is_counted_once(records):
    kept = Completeness()
    for kind, record in records:
        kept.add(kind, record)
    assert kept.records.total() == len(records)
    assert all(filled.data <= kept.records["data"] for filled in kept.fields())
    assert kept.with_others <= len(records)
