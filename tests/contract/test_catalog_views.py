"""The four tables that researchers ask: what every catalog tells of patients, studies, series and images."""

from __future__ import annotations

import pytest

from catalog_rows import at, clinical, decision, image
from warehouse.domain.split import fold
from warehouse.storage.catalog import VIEWS


def rows(catalog, sql):
    return catalog.query(sql).to_pylist()


def one(catalog, sql):
    (row,) = rows(catalog, sql)
    return row


def test_the_columns_are_as_they_are_stated_also_where_there_is_nothing(catalog):
    for name, schema in VIEWS.items():
        assert catalog.query(f"SELECT * FROM {name}").schema == schema
    catalog.append([image("training", "P1", "1.1", "1.2", "1.3"), clinical("training", "P1")])
    for name, schema in VIEWS.items():
        found = catalog.query(f"SELECT * FROM {name}")
        assert (found.schema, found.num_rows) == (schema, 1)


def test_an_image_is_told_by_its_place_in_the_set(catalog):
    row = image("training", "P1", "1.1", "1.2", "1.3", Rows=512, KVP=120.5, upload_date="2020-04-01")
    catalog.append([row, clinical("training", "P1", site="Here")])
    found = one(catalog, "SELECT * FROM images")
    assert found["key"] == row["target_key"]
    told = {name: found[name] for name in ("group", "fold", "patient", "site", "size", "etag", "upload_date")}
    assert told == {
        "group": "training",
        "fold": fold("P1"),
        "patient": "P1",
        "site": "Here",
        "size": 9,
        "etag": "t1",
        "upload_date": "2020-04-01",
    }
    assert (found["Rows"], found["KVP"], found["StudyInstanceUID"], found["type"]) == (
        512,
        120.5,
        "1.1",
        "ct",
    )


def test_no_view_has_a_raw_key(catalog):
    catalog.append([image("training", "P1", "1.1", "1.2", "1.3"), clinical("training", "P1")])
    for name in VIEWS:
        assert "raw-" not in repr(rows(catalog, f"SELECT * FROM {name}"))


@pytest.mark.parametrize("outcome", ["quarantined", "deferred", "ignored"])
def test_only_what_stands_in_a_set_is_told(catalog, outcome):
    row = image("training", "P1", "1.1", "1.2", "1.3")
    catalog.append([{**row, "outcome": outcome, "reason": "store-fault"}])
    elsewhere = image("training", "P2", "1.4", "1.5", "1.6")
    catalog.append([{**elsewhere, "target_key": elsewhere["target_key"].replace("training", "validation")}])
    catalog.append([{**image("training", "P3", "1.7", "1.8", "1.9"), "target_key": None}])
    for name in VIEWS:
        assert rows(catalog, f"SELECT * FROM {name}") == []


def test_a_place_is_told_once_however_often_it_was_found_taken(catalog):
    first = image("training", "P1", "1.1", "1.2", "1.3", upload_date="2020-01-01")
    same = {**first, "key": "raw-b/x", "outcome": "present", "time": at(5), "upload_date": "2020-02-02"}
    again = {**first, "etag": "e2", "outcome": "present", "time": at(9), "upload_date": "2020-03-03"}
    catalog.append([same, first, again, image("training", "P1", "1.1", "1.2", "1.4")])
    catalog.append([first])
    found = rows(catalog, "SELECT SOPInstanceUID AS uid, upload_date AS day FROM images ORDER BY uid")
    assert [tuple(row.values()) for row in found] == [("1.3", "2020-01-01"), ("1.4", None)]
    assert one(catalog, "SELECT images, bytes FROM patients") == {"images": 2, "bytes": 18}


def test_what_waits_to_be_decided_again_is_not_told_meanwhile(catalog):
    row = image("training", "P1", "1.1", "1.2", "1.3")
    catalog.append([row, {**row, "outcome": "deferred", "reason": "retry", "time": at(1)}])
    assert rows(catalog, "SELECT key FROM images") == []
    catalog.append([{**row, "outcome": "present", "time": at(2)}])
    assert one(catalog, "SELECT key FROM images")["key"] == row["target_key"]


def test_counts_add_up_from_images_to_patients(catalog):
    catalog.append(
        [
            image("training", "P1", "1.1", "1.10", "9.1", Modality="CT", StudyDate="20200301"),
            image("training", "P1", "1.1", "1.10", "9.2", Modality="CT", StudyDate="20200301"),
            image("training", "P1", "1.1", "1.11", "9.3", type="unknown", Modality="SR"),
            image("training", "P1", "1.2", "1.12", "9.4", type="xray", Modality="DX", StudyDate="20200401"),
            image("validation", "P2", "1.3", "1.13", "9.5", type="mri", Modality="MR", PatientSex="F"),
            clinical("training", "P1", site="Here", upload_date="2020-04-01"),
            clinical("training", "P1", "status", site="There", upload_date="2020-05-01", second=1),
            clinical("validation", "P3"),
        ]
    )
    series = rows(
        catalog, "SELECT SeriesInstanceUID AS uid, Modality, images, bytes FROM series ORDER BY uid"
    )
    assert [tuple(row.values()) for row in series] == [
        ("1.10", "CT", 2, 18),
        ("1.11", "SR", 1, 9),
        ("1.12", "DX", 1, 9),
        ("1.13", "MR", 1, 9),
    ]
    columns = "patient, StudyDate, types, ModalitiesInStudy, series, images, bytes"
    studies = rows(catalog, f"SELECT {columns} FROM studies ORDER BY StudyInstanceUID")
    assert [tuple(row.values()) for row in studies] == [
        ("P1", "20200301", ["ct", "unknown"], ["CT", "SR"], 2, 3, 27),
        ("P1", "20200401", ["xray"], ["DX"], 1, 1, 9),
        ("P2", None, ["mri"], ["MR"], 1, 1, 9),
    ]
    counted = ("20200301", "20200401", 2, 3, 4, 36, None)
    columns = (
        '"group", patient, site, types, data_files, status_files, first_upload, last_upload, first_study, '
        "last_study, studies, series, images, bytes, PatientSex"
    )
    patients = rows(catalog, f"SELECT {columns} FROM patients ORDER BY patient")
    assert [tuple(row.values()) for row in patients] == [
        ("training", "P1", "Here", ["ct", "unknown", "xray"], 1, 1, "2020-04-01", "2020-05-01", *counted),
        ("validation", "P2", None, ["mri"], 0, 0, None, None, None, None, 1, 1, 1, 9, "F"),
        ("validation", "P3", None, [], 1, 0, None, None, None, None, 0, 0, 0, 0, None),
    ]


def test_where_the_parts_of_a_series_differ_the_lowest_stands_for_all(catalog):
    catalog.append(
        [
            image("training", "P1", "1.1", "1.2", f"1.3.{n}", Manufacturer=name, SliceThickness=thickness)
            for n, (name, thickness) in enumerate([("B", None), ("A", 2.0), (None, 1.5)])
        ]
    )
    columns = "Manufacturer, SliceThickness FROM series"
    assert one(catalog, f"SELECT {columns}") == {"Manufacturer": "A", "SliceThickness": 1.5}


def test_a_patient_that_stands_in_both_sets_is_told_in_both(catalog):
    catalog.append([image(group, "P1", "1.1", "1.2", f"1.3{group}") for group in ("training", "validation")])
    found = rows(catalog, 'SELECT "group" AS g, fold FROM patients ORDER BY g')
    assert [tuple(row.values()) for row in found] == [("training", fold("P1")), ("validation", fold("P1"))]


def test_views_may_be_joined_and_named_in_any_case(catalog):
    catalog.append([image("training", "P1", "1.1", "1.2", "1.3"), decision("raw-a/x", "ignored", "nested")])
    joined = """SELECT count(*) AS n FROM Images JOIN "series" USING (SeriesInstanceUID)
        JOIN STUDIES ON true JOIN patients ON true CROSS JOIN objects_now"""
    assert one(catalog, joined) == {"n": 2}


def test_an_answer_comes_in_batches(catalog):
    catalog.append([decision(f"{n:02}") for n in range(20)])
    with catalog.ask("SELECT o.key FROM objects o, range(2000) ORDER BY ALL") as answer:
        sizes = [batch.num_rows for batch in answer]
    assert sum(sizes) == 40_000
    assert len(sizes) > 1


def test_a_commit_that_was_made_twice_tells_of_nothing_twice(catalog):
    rows_ = [image("training", "P1", "1.1", "1.2", f"1.3.{n}") for n in range(3)]
    later = {**rows_[0], "outcome": "present", "time": at(1)}
    catalog.append(rows_)
    catalog.append(rows_)
    catalog.append([later, later])
    assert one(catalog, "SELECT count(*) AS n FROM objects_now") == {"n": 3}
    outcomes = rows(catalog, "SELECT outcome FROM objects_now ORDER BY key")
    assert [row["outcome"] for row in outcomes] == ["present", "loaded", "loaded"]
    assert one(catalog, "SELECT images FROM patients") == {"images": 3}
