"""Cleaning adds columns of declared types to any record, changes none of its fields, and never fails."""

import copy
import doctest
import json
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warehouse.domain import cleaning
from warehouse.domain.cleaning import (
    ADDED,
    COLUMN_GROUPS,
    COLUMNS,
    UPDATES,
    age_in_years,
    clean,
    column_name,
    names_beside,
    update,
)
from warehouse.domain.clinical_fields import FIELD_GROUPS, ORIGINAL_FIELDS

EMPTY = {**dict.fromkeys(column.name for column in COLUMNS), "sex": "Unknown", "ethnicity": "Unknown"}

ODD_TEXT = (
    st.sampled_from(["", " ", ".", "1es", "CVCX2", "10L", "blue", "RNA DETECTED (SARS-CoV-2)", "White"])
    | st.sampled_from(["1/2/20", "31/12/2020", "0000-00-00", "[1/2]", "[5] - 2020-01-01"])
    | st.sampled_from(["9" * 400, "1e999", "NaN", "-0", "٣", "²", "\ud800", "\x00"])
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([2**63, 10**18, 1 << 1_500, -1 << 1_500])
    | st.floats()
    | st.text(st.characters())
    | st.text("0123456789/-.[] Ll", max_size=30)
    | ODD_TEXT
)
JSON = SCALARS | st.lists(SCALARS, max_size=3) | st.dictionaries(st.text(), SCALARS, max_size=3)
SWABS = st.lists(st.fixed_dictionaries({"SwabDate": JSON}) | JSON, max_size=3)
RECORDS = st.dictionaries(
    st.sampled_from(ORIGINAL_FIELDS) | st.text(), JSON, max_size=40
) | st.fixed_dictionaries(dict.fromkeys(ORIGINAL_FIELDS, JSON) | {"SwabDates": SWABS})


@settings(deadline=None)
@given(RECORDS)
def test_any_record_is_cleaned(record):
    before = copy.deepcopy(record)
    cleaned = clean(record)
    assert repr(record) == repr(before)
    assert [*cleaned] == [column.name for column in COLUMNS]
    for column in COLUMNS:
        value = cleaned[column.name]
        assert value is None or type(value) is column.kind
    assert all(-(2**63) <= value < 2**63 for value in cleaned.values() if isinstance(value, int))
    assert all(0 <= value < float("inf") for value in cleaned.values() if isinstance(value, float))


@settings(deadline=None)
@given(RECORDS)
def test_text_columns_hold_only_what_is_allowed(record):
    for column in COLUMNS:
        if column.kind is str:
            assert clean(record)[column.name] in {None, *column.rule.allowed.split(", ")}


# A whole number of litres has become a percentage: that one means something else when it is read again.
READ_AGAIN = [column for column in COLUMNS if column.kind in (int, float) and column.name != "fio2"]
READ_AGAIN += [column for column in COLUMNS if column.name in ("sex", "ethnicity")]


@settings(deadline=None)
@given(RECORDS)
def test_what_is_clean_stays_as_it_is(record):
    cleaned = clean(record)
    again = clean({column.sources[0]: cleaned[column.name] for column in READ_AGAIN})
    assert {column.name: again[column.name] for column in READ_AGAIN} == {
        column.name: cleaned[column.name] for column in READ_AGAIN
    }


@given(st.dates(min_value=date(1000, 1, 1)))
def test_every_date_is_read_as_it_is_written(day):
    written = {
        "Date of death": f"{day.month}/{day.day}/{day.year}",
        "SwabDate": f"{day.day:02}/{day.month:02}/{day.year}",
        "Date of admission": f"[text] - {day.isoformat()}",
    }
    cleaned = clean(written)
    assert [cleaned[name] for name in ("date_of_death", "swabdate", "date_of_admission")] == [day] * 3


def test_the_examples_are_right():
    assert doctest.testmod(cleaning) == (0, 4)


def test_an_empty_record():
    assert clean({}) == EMPTY


def test_unknown_fields_and_values_of_other_types_give_nothing():
    for value in (None, "", [], {}, [[]], {"Age": 5}, "something else"):
        assert clean(dict.fromkeys([*ORIGINAL_FIELDS, "a field of somebody's own"], value)) == EMPTY


def test_a_whole_record():
    record = json.loads(
        '{"Pseudonym": "P1", "Age": "65.9", "Sex": 1, "Ethnicity": "J", "Date of admission": "3/31/20",'
        ' "If CKD, stage": "3a", "FiO2": "blue", "Systolic BP": "[137/91] - 2020-06-02", "Death": "0",'
        ' "CXR severity 3": 2, "age": "of another field"}'
    )
    assert {name: value for name, value in clean(record).items() if value is not None} == {
        "age": 65,
        "sex": "M",
        "ethnicity": "Asian",
        "date_of_admission": date(2020, 3, 31),
        "if_ckd_stage": 3,
        "fio2": 24,
        "systolic_bp": 137.0,
        "death": 0,
        "cxr_severity_2": 2,
    }


NAMED_OTHERWISE = {"latest_swab_date", "pmh_diabetes_mellitus_type_2", "cxr_severity_2"}


def test_columns_are_named_after_their_fields():
    odd = {column.name for column in COLUMNS if column.name != column_name(column.sources[0])}
    assert odd == NAMED_OTHERWISE
    assert column_name("Fibrinogen  if d-dimer not performed") == "fibrinogen__if_d-dimer_not_performed"
    assert column_name("If CKD, stage") == "if_ckd_stage"


def test_columns_and_fields_are_listed_once_and_belong_together():
    names = [column.name for column in COLUMNS]
    assert len(set(names)) == len(names)
    assert len(set(ORIGINAL_FIELDS)) == len(ORIGINAL_FIELDS)
    assert [*ADDED] == [*names, *UPDATES]
    for group, columns in COLUMN_GROUPS.items():
        assert {column.sources[0] for column in columns} <= set(FIELD_GROUPS[group])
    assert {source for column in COLUMNS for source in column.sources} <= set(ORIGINAL_FIELDS)


# Identity, and what no rule reads.
NOT_CLEANED = {"Pseudonym", "SubmittingCentre", "Hospital", "SwabStatus", "PMH diabetes mellitus TYPE I"}


def test_every_other_field_is_cleaned_into_a_column():
    assert set(ORIGINAL_FIELDS) - {source for column in COLUMNS for source in column.sources} == NOT_CLEANED


def test_rules_of_one_name_have_one_text():
    told = {(column.rule.name, column.rule.told) for column in COLUMNS}
    assert len(told) == len({name for name, _ in told})
    assert [column.name for column in COLUMNS if not column.meaning or not column.rule.told] == []


def test_an_original_column_keeps_its_name():
    assert names_beside([]) == {name: name for name in ADDED}
    names = names_beside(["Age", "age", "sex", "sex_clean", "age_update"])
    assert (names["age"], names["sex"], names["age_update"]) == (
        "age_clean",
        "sex_clean_clean",
        "age_update_clean",
    )
    assert names["ethnicity"] == "ethnicity"


@given(
    st.sets(
        st.sampled_from([*ADDED]).map(lambda name: f"{name}_clean") | st.sampled_from([*ADDED]) | st.text()
    )
)
def test_no_added_column_has_the_name_of_another(originals):
    names = names_beside(originals)
    assert [*names] == [*ADDED]
    assert not set(names.values()) & originals
    assert len(set(names.values())) == len(names)


@pytest.mark.parametrize(
    ("text", "years"),
    [
        ("045Y", 45.0),
        ("45Y", 45.0),
        ("000Y", 0.0),
        ("018M", 1.5),
        ("026W", 0.5),
        ("073D", 0.2),
        ("045Y ", 45.0),
        *[
            (text, None)
            for text in (None, "", "045", "Y", "045y", "-45Y", "4.5Y", "0045Y", "٠٤٥Y", "45 Y", "\ud800Y")
        ],
    ],
)
def test_age_strings(text, years):
    assert age_in_years(text) == years


@pytest.mark.parametrize(
    ("record", "ages", "age"),
    [
        ({"Age": 70}, ["080Y"], 70.0),
        ({"Age": 0}, ["080Y"], 0.0),
        ({}, ["060Y", "061Y", "nonsense", None, "700M"], 61.0),
        ({"Age": "unknown"}, ["018M"], 1.5),
        ({}, ["nonsense"], None),
        ({}, [], None),
    ],
)
def test_images_fill_in_the_age(record, ages, age):
    updated = update(clean(record), ages, [])
    assert updated["age_update"] == age
    assert type(updated["age_update"]) in (float, type(None))


@pytest.mark.parametrize(
    ("record", "sexes", "sex"),
    [
        ({"Sex": "F"}, ["M"], "F"),
        ({"Sex": 0}, [], "F"),
        ({}, ["M", "M ", None, ""], "M"),
        ({"Sex": "3"}, ["O"], "O"),
        ({}, ["M", "F"], "Unknown"),
        ({}, ["M", "male", "\ud800"], "M"),
        ({}, ["male"], "Unknown"),
        ({}, [], "Unknown"),
    ],
)
def test_images_fill_in_the_sex(record, sexes, sex):
    assert update(clean(record), [], sexes)["sex_update"] == sex


@given(
    RECORDS, st.lists(st.none() | st.text(st.characters())), st.lists(st.none() | st.text(st.characters()))
)
def test_updates_have_their_types_whatever_images_say(record, ages, sexes):
    cleaned = clean(record)
    updated = update(cleaned, ages, sexes)
    assert [*updated] == [*UPDATES]
    assert all(value is None or type(value) is UPDATES[name] for name, value in updated.items())
    assert updated == update(cleaned, reversed(ages), reversed(sexes))
