"""The newest file speaks for a patient; the columns hold every field that any record has."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warehouse.domain.cells import neutral
from warehouse.domain.keys import standing_clinical
from warehouse.domain.patients import FILE_COLUMNS, SUBMITTED, Fields, file_values, merged, of_files
from warehouse.domain.records import ObjectInfo


def files(*names, group="training", folder="P1"):
    found = []
    for name in names:
        key = f"{group}/data/{name}" if "/" in name else f"{group}/data/{folder}/{name}"
        info = ObjectInfo(key, 7, "e", datetime(2021, 5, 6, 23, 59, tzinfo=UTC))
        found.append((standing_clinical(key), info))
    return found


@pytest.mark.parametrize(
    ("names", "record"),
    [
        (["data_2020-04-01.json"], "data_2020-04-01.json"),
        (["status_2020-04-01.json"], "status_2020-04-01.json"),
        (["data_2020-04-01.json", "data_2020-05-01.json"], "data_2020-05-01.json"),
        (["data_2020-04-01.json", "status_2021-04-01.json"], "data_2020-04-01.json"),
        (["status_2020-04-01.json", "status_2020-12-01.json"], "status_2020-12-01.json"),
        (["DATA_2020-04-01.JSON", "status_2020-12-01.json"], "DATA_2020-04-01.JSON"),
    ],
)
@pytest.mark.parametrize("order", [1, -1])
def test_the_newest_data_file_else_the_newest_status(names, record, order):
    assert of_files(files(*names)[::order]).record.key == f"training/data/P1/{record}"


def test_what_the_names_of_all_files_say():
    found = of_files(files("status_2020-03-01.json", "data_2020-04-01.json", "status_2020-12-31.json"))
    assert file_values(found) == (
        date(2020, 3, 1),
        True,
        date(2020, 12, 31),
        date(2021, 5, 6),
        "training",
    )
    assert not of_files(files("status_2020-03-01.json")).positive


def test_spellings_of_one_patient_are_one_patient():
    found = of_files(files("p1/data_2020-04-01.json", "P1/data_2020-05-01.json", " P1/data_2020-01-01.json"))
    assert (found.patient, found.folder) == ("P1", " P1")
    assert found.record.key == "training/data/P1/data_2020-05-01.json"


@pytest.mark.parametrize(
    ("document", "record"),
    [
        ({}, {}),
        ({"Age": 1}, {"Age": 1}),
        ({"Age": 1, "OtherDataSources": None}, {"Age": 1, "OtherDataSources": None}),
        ({"OtherDataSources": [1]}, {"OtherDataSources": [1]}),
        ({"OtherDataSources": {"SegmentationData": 3}}, {"OtherDataSources": {"SegmentationData": 3}}),
        (
            {"Age": 1, "OtherDataSources": {"SegmentationData": {"Age": 2, "PaO2": 3}}},
            {"Age": 2, "PaO2": 3, "OtherDataSources": {"SegmentationData": {"Age": 2, "PaO2": 3}}},
        ),
    ],
)
def test_segmentation_data_is_merged_to_the_top(document, record):
    before = repr(document)
    assert merged(document) == record
    assert repr(document) == before


def test_known_fields_come_first_and_others_sorted():
    fields = Fields(["Zebra", "Age"])
    fields.add({"b": 1, "Age": 2})
    fields.add({"a": 1, "b": 1, "B": 0})
    assert list(fields.columns(FILE_COLUMNS)) == ["Zebra", "Age", "B", "a", "b"]
    assert not fields.too_many


def test_a_field_named_as_a_column_of_ours_keeps_its_value_under_another_name():
    fields = Fields(["Age"])
    fields.add({"group": 1, f"group{SUBMITTED}": 2, "last_modified": 3})
    columns = fields.columns(FILE_COLUMNS)
    assert columns == {
        "Age": "Age",
        f"group{SUBMITTED}{SUBMITTED}": "group",
        f"group{SUBMITTED}": f"group{SUBMITTED}",
        f"last_modified{SUBMITTED}": "last_modified",
    }


def test_unknown_fields_are_bounded_in_number_and_length():
    fields = Fields([], limit=2)
    fields.add({"c": 1, "b": 1})
    assert not fields.too_many
    fields.add({"a": 1})
    assert fields.too_many
    assert list(fields.columns(())) == ["a", "b"]
    long = Fields([])
    long.add({"x" * 10_000: 1})
    assert (long.too_long, long.too_many, long.columns(())) == (True, False, {})


@pytest.mark.parametrize(
    "names", [("?", "\ud800", "\udfff"), ("'=x", "=x"), ("?", f"?{SUBMITTED}", "\ud800")]
)
def test_fields_that_would_be_written_alike_have_columns_of_their_own(names):
    fields = Fields([])
    fields.add(dict.fromkeys(names))
    columns = fields.columns(())
    assert sorted(columns.values()) == sorted(names)
    assert len(set(map(neutral, columns))) == len(names)
    assert columns[names[0]] == names[0]


@given(st.lists(st.dictionaries(st.sampled_from("abcdef"), st.none()), max_size=6), st.integers(1, 6))
def test_the_columns_do_not_depend_on_the_order_of_the_records(records, limit):
    found = []
    for order in (records, records[::-1]):
        fields = Fields(["c"], limit=limit)
        for record in order:
            fields.add(record)
        found.append((fields.columns(()), fields.too_many))
    names = sorted({name for record in records for name in record} - {"c"})
    assert found[0] == found[1]
    assert list(found[0][0]) == ["c", *names[:limit]]
    assert found[0][1] == (len(names) > limit)
