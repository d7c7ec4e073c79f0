"""What the readers of one set may ask: up to date after each publication, and only of that set."""

from __future__ import annotations

import pyarrow.compute as pc
import pytest

from catalog_rows import at, clinical, decision, image
from warehouse.errors import QueryError
from warehouse.storage import publish
from warehouse.storage.catalog import VIEWS

original = publish._rows_of
GROUPS = ("training", "validation")


def both_sets(catalog):
    catalog.append(
        [
            image("training", "P1", "1.1", "1.2", "1.3", Manufacturer="A", StudyDate="20200301"),
            image("training", "P1", "1.1", "1.2", "1.4"),
            clinical("training", "P1", site="Here"),
            image("validation", "P2", "2.1", "2.2", "2.3", type="mri", Modality="MR"),
            clinical("validation", "P3"),
            decision("raw-a/x", "deferred", "no-clinical-data", patient="P4"),
        ]
    )


def asked(source, sql):
    with source.ask(sql) as answer:
        return answer.table()


def whole(source, name):
    return asked(source, f"SELECT * FROM {name} ORDER BY ALL")


def assert_current(catalog):
    version, views = catalog.version(), {name: whole(catalog, name) for name in VIEWS}
    for group in GROUPS:
        found = catalog.published(group)
        assert found.version == version
        for name, view in views.items():
            assert whole(found, name) == view.filter(pc.equal(view["group"], group))


def test_nothing_is_published_before_there_is_a_catalog(catalog):
    catalog.publish()
    assert catalog.published("training").version is None
    assert whole(catalog.published("training"), "images").schema == VIEWS["images"]


def test_what_is_published_is_what_the_views_tell_of_that_set(catalog):
    both_sets(catalog)
    catalog.publish()
    assert_current(catalog)
    assert whole(catalog.published("training"), "images").num_rows == 2
    assert whole(catalog.published("validation"), "patients").num_rows == 2


def test_the_catalogs_readers_are_told_the_same_before_and_after_a_publication_and_what_is_newer(catalog):
    both_sets(catalog)
    for _ in range(2):
        now = catalog.snapshot()
        for name in VIEWS:
            assert whole(now, name) == whole(catalog, name)
        catalog.publish()
    catalog.append([image("validation", "P2", "2.1", "2.5", "2.6", second=9)])
    now = catalog.snapshot()
    for name in VIEWS:
        assert whole(now, name) == whole(catalog, name)
    assert whole(now, "images").num_rows == 4


def test_a_set_names_nobody_of_the_other_and_no_raw_key(catalog):
    both_sets(catalog)
    catalog.publish()
    for group, others in (("training", ("P2", "P3", "validation")), ("validation", ("P1", "training"))):
        for name in VIEWS:
            told = repr(whole(catalog.published(group), name).to_pylist())
            assert [word for word in (*others, "P4", "raw-") if word in told] == []


def test_a_set_without_anything_has_tables_without_rows(catalog):
    catalog.append([image("training", "P1", "1.1", "1.2", "1.3")])
    catalog.publish()
    for name, schema in VIEWS.items():
        found = whole(catalog.published("validation"), name)
        assert (found.schema, found.num_rows) == (schema, 0)


def test_a_set_is_all_that_can_be_asked_there(catalog):
    both_sets(catalog)
    catalog.publish()
    for name in ("objects", "objects_now", "runs"):
        with pytest.raises(QueryError):
            asked(catalog.published("training"), f"SELECT * FROM {name}")


def test_a_later_load_is_published_and_what_was_read_before_stays_as_it_was(catalog):
    both_sets(catalog)
    catalog.publish()
    before = catalog.published("training")
    catalog.append([image("training", "P1", "1.1", "1.2", "1.9"), clinical("training", "P9", second=1)])
    catalog.publish()
    assert_current(catalog)
    assert whole(before, "images").num_rows == 2
    row = image("training", "P1", "1.1", "1.2", "1.9")
    catalog.append([{**row, "outcome": "deferred", "reason": "retry", "time": at(9)}])
    catalog.publish()
    assert_current(catalog)


def test_where_nothing_changed_nothing_is_worked_out(catalog, monkeypatch):
    both_sets(catalog)
    catalog.publish()

    def no_work(*_):
        raise AssertionError("there was nothing to do")

    monkeypatch.setattr(publish, "workspace", no_work)
    catalog.publish()
    catalog.append_run({"run": "run-1", "started": at(0)})
    catalog.publish()


def test_another_definition_of_the_tables_is_published(catalog, monkeypatch):
    both_sets(catalog)
    monkeypatch.setattr(publish, "DEFINITION", "an older one")
    catalog.publish()
    monkeypatch.undo()
    made = []
    monkeypatch.setattr(publish, "_rows_of", lambda *asked: made.append(asked[1:]) or original(*asked))
    catalog.publish()
    assert len(made) == len(GROUPS) * len(VIEWS)
    assert_current(catalog)


def test_what_was_cut_short_is_mended_by_the_next(catalog, monkeypatch):
    both_sets(catalog)
    made = []

    def cut_short(*asked):
        made.append(asked[1:])
        if len(made) == 3:
            raise KeyboardInterrupt
        return original(*asked)

    monkeypatch.setattr(publish, "_rows_of", cut_short)
    with pytest.raises(KeyboardInterrupt):
        catalog.publish()
    assert catalog.published("training").version is None
    catalog.publish()
    assert len(made) == 3 + len(GROUPS) * len(VIEWS) - 2
    assert_current(catalog)
