"""Each load publishes to the readers of each set at its end, and mends what an earlier one left undone."""

from __future__ import annotations

import json
import logging
from concurrent.futures import ThreadPoolExecutor

import pytest
from deltalake import DeltaTable

from catalog_rows import image
from support import load, raw_drop
from warehouse.demo import CONFIGURATION
from warehouse.errors import Forbidden, StoreUnavailable
from warehouse.storage import publish
from warehouse.storage.catalog import VIEWS, MemoryCatalog
from warehouse.storage.delta import DeltaCatalog
from warehouse.storage.delta_tables import LOG
from warehouse.storage.ledger import Ledger
from warehouse.storage.memory import MemoryStore

GROUPS = ("training", "validation")


@pytest.fixture
def drop():
    store = MemoryStore()
    store.put("config.json", json.dumps(CONFIGURATION).encode())
    for key, data in raw_drop():
        store.put(key, data)
    return store


class Stop(BaseException):
    pass


def rows(source, sql):
    with source.ask(sql) as answer:
        return answer.table().to_pylist()


def published(catalog):
    """The keys of the images that the readers of each set see."""
    return {group: {row["key"] for row in rows(catalog.published(group), "FROM images")} for group in GROUPS}


def standing(store):
    """The keys of the images of each set."""
    return {
        group: {
            info.key for type in ("ct", "mri", "xray", "unknown") for info in store.list(f"{group}/{type}/")
        }
        for group in GROUPS
    }


def test_a_load_publishes_what_stands_in_each_set(drop):
    catalog = MemoryCatalog()
    assert load(drop, catalog).code == 0
    assert published(catalog) == standing(drop)
    for group in GROUPS:
        folders = set(drop.list_folders(f"{group}/data/"))
        assert {row["folder"] for row in rows(catalog.published(group), "FROM patients")} == folders


def test_a_dry_run_publishes_nothing(drop):
    catalog = MemoryCatalog()
    load(drop, catalog, dry_run=True)
    assert catalog.published("training").version is None


def test_a_load_with_nothing_to_do_publishes_what_is_missing_and_else_nothing(drop, monkeypatch):
    catalog = MemoryCatalog()
    with monkeypatch.context() as without:
        without.setattr(MemoryCatalog, "publish", lambda _: None)
        load(drop, catalog)
    assert catalog.published("training").version is None
    load(drop, catalog)
    assert published(catalog) == standing(drop)

    monkeypatch.setattr(publish, "workspace", None)
    assert load(drop, catalog).code == 0


@pytest.mark.parametrize("error", [Forbidden("catalog"), StoreUnavailable("catalog", cause="it is a link")])
def test_what_cannot_be_published_makes_the_run_incomplete_and_is_published_by_the_next(
    drop, monkeypatch, caplog, error
):
    catalog = MemoryCatalog()

    def refuse(_):
        raise error

    with monkeypatch.context() as refusing, caplog.at_level(logging.WARNING, "warehouse"):
        refusing.setattr(MemoryCatalog, "publish", refuse)
        ended = load(drop, catalog)
    assert ended.code == 4
    assert "run again" in caplog.text
    assert catalog.last_run()["exit_code"] == 4
    assert load(drop, catalog).code == 0
    assert published(catalog) == standing(drop)


def test_a_load_that_is_ended_leaves_publication_to_the_next(drop, monkeypatch):
    catalog = MemoryCatalog()

    def broken(*_):
        raise Stop

    with monkeypatch.context() as breaking:
        breaking.setattr(Ledger, "second_look", broken)
        assert load(drop, catalog).code == 70
    assert catalog.version() is not None
    assert catalog.published("training").version is None
    load(drop, catalog)
    assert published(catalog) == standing(drop)


def test_every_version_of_a_published_table_stays(tmp_path):
    catalog = DeltaCatalog(str(tmp_path))
    for n in range(3):
        catalog.append([image("training", "P1", "1.1", "1.2", f"1.3.{n}")])
        catalog.publish()
    table = str(tmp_path / "training" / "catalog" / "images")
    assert [DeltaTable(table, version=n).to_pyarrow_dataset().count_rows() for n in range(3)] == [1, 2, 3]
    assert DeltaTable(table).metadata().configuration == LOG
    assert [len(rows(catalog.published("training", n), "FROM images")) for n in range(3)] == [1, 2, 3]


def test_of_loaders_that_publish_at_once_each_leaves_whole_tables(tmp_path):
    catalog = DeltaCatalog(str(tmp_path))
    catalog.append([image("training", "P1", "1.1", "1.2", f"1.3.{n}") for n in range(9)])
    with ThreadPoolExecutor(3) as loaders:
        list(loaders.map(lambda _: DeltaCatalog(str(tmp_path)).publish(), range(3), timeout=120))
    catalog.publish()
    for name in VIEWS:
        found = rows(catalog.published("training"), f"FROM {name} ORDER BY ALL")
        assert found == rows(catalog, f"FROM {name} ORDER BY ALL")
        assert len(found) == (9 if name == "images" else 1)


def test_what_a_faster_loader_published_is_not_put_back(tmp_path):
    slow, fast = DeltaCatalog(str(tmp_path)), DeltaCatalog(str(tmp_path))
    slow.append([image("training", "P1", "1.1", "1.2", "1.3")])
    before = slow.snapshot()
    fast.append([image("training", "P1", "1.1", "1.2", "1.4")])
    fast.publish()
    publish.publish(before.catalog, before.version, slow._sets, lambda: before)
    assert fast.published("training").version == 1


def test_a_catalog_that_was_made_anew_is_published_though_its_version_is_lower(tmp_path):
    catalog = DeltaCatalog(str(tmp_path))
    for n in range(3):
        catalog.append([image("training", "P1", "1.1", "1.2", f"1.3.{n}")])
    catalog.publish()
    (tmp_path / "catalog").rename(tmp_path / "lost")
    catalog.append([image("training", "P1", "1.1", "1.2", "1.9")])
    catalog.publish()
    assert [row["SOPInstanceUID"] for row in rows(catalog.published("training"), "FROM images")] == ["1.9"]
