"""No cell is a formula, no value is lost on its way to text."""

import csv
import io
import json
import re
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warehouse.domain.cells import cell, neutral, original_cell, original_text, storable

SIGNS = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (None, ""),
        ("", ""),
        ("plain", "plain"),
        ("=1+1", "'=1+1"),
        ("+44", "'+44"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t1", "'\t1"),
        ("\r1", "'\r1"),
        ("\n1", "'\n1"),
        ("\uff1d1+1", "'\uff1d1+1"),
        ("Clinic;=cmd|' /C calc'!A0", "Clinic;'=cmd|' /C calc'!A0"),
        ('Clinic;"=1"', 'Clinic;\'"=1"'),
        ("Clinic\n@SUM(A1)", "Clinic\n'@SUM(A1)"),
        ("Clinic\t+1", "Clinic\t'+1"),
        ("one; two", "one; two"),
        ("1-2", "1-2"),
        (" =1", " =1"),
        (-1, "-1"),
        (-1.5, "-1.5"),
        (0, "0"),
        (True, "True"),
        (False, "False"),
        (date(2020, 4, 1), "2020-04-01"),
        ("half \ud800 a pair", "half ? a pair"),
    ],
)
def test_typed_values(value, told):
    assert cell(value) == told


@pytest.mark.parametrize(
    ("value", "text", "shown"),
    [
        (None, None, ""),
        ("=1", "=1", "'=1"),
        (-1, "-1", "-1"),
        (True, "true", "true"),
        (5.0, "5.0", "5.0"),
        ([{"a": "ä"}], '[{"a": "ä"}]', '[{"a": "ä"}]'),
        ({}, "{}", "{}"),
        (["\udfff"], '["?"]', '["?"]'),
        (["a;=1"], '["a;=1"]', '["a;\'=1"]'),
    ],
)
def test_original_values(value, text, shown):
    assert original_text(value) == text
    assert original_cell(value) == shown


@given(st.text() | st.text(st.sampled_from("=+-@\uff1d;\t\r\n\"' ,a")))
def test_neutral_text_is_no_formula_and_can_be_read_back(text):
    told = neutral(text)
    assert not told.startswith(("\t", "\r", "\n"))
    assert not [part for part in re.split(r"[;\t\r\n]", told) if part.lstrip('"').startswith(SIGNS)]
    assert told.replace("'", "") == storable(text).replace("'", "")


@given(JSON)
def test_whatever_json_holds_becomes_text_that_says_the_same(value):
    text = original_text(value)
    assert (text is None) == (value is None)
    if text is not None and not isinstance(value, str):
        assert json.loads(text) == json.loads(storable(json.dumps(value, ensure_ascii=False)))
    row = io.StringIO(newline="")
    csv.writer(row).writerow([original_cell(value), "end"])
    assert next(csv.reader(io.StringIO(row.getvalue(), newline=""))) == [original_cell(value), "end"]
