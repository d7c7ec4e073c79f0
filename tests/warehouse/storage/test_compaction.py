"""Small files of the catalog are put together: no row changes, every version stays, whoever else commits."""

from __future__ import annotations

import json
import logging
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import obstore
import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from catalog_rows import at, decision, image
from support import load, raw_drop
from warehouse.demo import CONFIGURATION
from warehouse.domain.compaction import to_put_together
from warehouse.domain.records import GROUPS
from warehouse.errors import Forbidden, StoreFault
from warehouse.storage import compaction
from warehouse.storage.catalog import OBJECTS, VIEWS, MemoryCatalog
from warehouse.storage.delta import DeltaCatalog
from warehouse.storage.memory import MemoryStore

FEW = 3


@pytest.fixture
def few(monkeypatch):
    """More than three small files count as many."""
    monkeypatch.setattr(compaction, "to_put_together", partial(to_put_together, many=FEW))


@pytest.fixture
def s3_catalog(s3_bucket, moto_endpoint):
    options = {
        "AWS_ACCESS_KEY_ID": "test-access-key",
        "AWS_SECRET_ACCESS_KEY": "test-secret-key",
        "AWS_SESSION_TOKEN": "a-token",
        "AWS_REGION": "eu-west-2",
        "AWS_ENDPOINT_URL": moto_endpoint,
        "AWS_ALLOW_HTTP": "true",
    }
    return lambda: DeltaCatalog(f"s3://{s3_bucket}", lambda: options)


@pytest.fixture(params=["folder", "s3"])
def make(request, tmp_path):
    """Makes the catalog of one place, as each loader does for itself."""
    if request.param == "s3":
        return request.getfixturevalue("s3_catalog")
    return lambda: DeltaCatalog(str(tmp_path / "ware house é"))


def fill(catalog, commits, name="k"):
    for n in range(commits):
        catalog.append([decision(f"{name}-{n}-{row}", second=n, flags=["a", "b"]) for row in range(2)])


def files_of(catalog, name="objects"):
    return catalog._tables.open(name).get_add_actions().num_rows


def all_rows(source):
    with source.ask("FROM objects ORDER BY ALL") as answer:
        return answer.table().to_pylist()


def keys_of(catalog):
    return [row["key"] for row in all_rows(catalog)]


def meanwhile(monkeypatch, act):
    """Let somebody else act once, while a compaction has read and not yet committed."""
    original = compaction.rewrite
    acts = [act]

    def rewrite(*given):
        if acts:
            acts.pop()()
        return original(*given)

    monkeypatch.setattr(compaction, "rewrite", rewrite)


def test_many_small_files_become_one_and_every_version_stays(make, few):
    catalog = make()
    fill(catalog, 5)
    before, old = all_rows(catalog), all_rows(catalog.snapshot(as_of=1))
    assert len(old) == 4
    catalog.compact("objects")
    assert files_of(catalog) == 1
    assert catalog.version() == 5
    assert all_rows(catalog) == before
    for version in (0, 4):
        assert len(all_rows(make().snapshot(as_of=version))) == 2 * (version + 1)
    assert all_rows(catalog.snapshot(as_of=1)) == old
    fill(catalog, 1, "later")
    assert files_of(catalog) == 2
    assert len(all_rows(make())) == 12


def test_nothing_is_done_while_few_stand_or_none(make, few):
    catalog = make()
    catalog.compact("objects")
    catalog.compact("runs")
    assert catalog.version() is None
    fill(catalog, FEW)
    catalog.compact("objects")
    assert (catalog.version(), files_of(catalog)) == (FEW - 1, FEW)


def test_the_number_of_files_is_bounded_whatever_the_number_of_commits(tmp_path, few):
    catalog = DeltaCatalog(str(tmp_path))
    for n in range(14):
        fill(catalog, 1, str(n))
        catalog.append_run({"run": f"run-{n}", "started": at(n), "ended": at(n)})
        catalog.compact("objects")
        catalog.compact("runs")
        assert files_of(catalog) <= FEW
        assert files_of(catalog, "runs") <= FEW
    assert len(keys_of(catalog)) == 28
    assert catalog.last_run()["run"] == f"run-{13}"


def test_what_the_commit_says(tmp_path, few):
    catalog = DeltaCatalog(str(tmp_path))
    fill(catalog, 4)
    catalog.compact("objects")
    folder = tmp_path / "catalog" / "objects"
    log = folder / "_delta_log"
    lines = (log / "00000000000000000004.json").read_bytes().splitlines()
    told, *actions = [json.loads(line) for line in lines]
    assert told["commitInfo"]["operation"] == "OPTIMIZE"
    assert [name for action in actions for name in action] == ["remove"] * 4 + ["add"]
    assert {change["dataChange"] for action in actions for change in action.values()} == {False}
    assert json.loads((log / "_last_checkpoint").read_bytes())["version"] == 4
    assert len(list(log.glob("*.json"))) == 5
    assert len(list(folder.glob("*.parquet"))) == 5
    table = DeltaTable(str(folder))
    assert table.get_add_actions(flatten=True)["num_records"].to_pylist() == [8]
    assert [commit["operation"] for commit in table.history(2)] == ["OPTIMIZE", "WRITE"]
    with pytest.raises(Exception, match="append-only"):
        table.delete()


def test_row_groups_are_whole_and_files_have_a_size(tmp_path, few, monkeypatch):
    monkeypatch.setattr(compaction, "ROW_GROUP", 4)
    catalog = DeltaCatalog(str(tmp_path))
    for n in range(5):
        catalog.append([decision(f"{n}-{row}") for row in range(3)])
    catalog.compact("objects")
    (path,) = catalog._tables.open("objects").file_uris()
    written = pa.parquet.ParquetFile(path).metadata
    assert [written.row_group(n).num_rows for n in range(written.num_row_groups)] == [4, 4, 4, 3]

    size = catalog._tables.open("objects").get_add_actions()["size_bytes"].to_pylist()[0]
    monkeypatch.setattr(
        compaction, "to_put_together", partial(to_put_together, many=FEW, small=size, large=size * 3)
    )
    for n in range(9):
        catalog.append([decision(f"later-{n}")])
    before = keys_of(catalog)
    catalog.compact("objects")
    assert 2 < files_of(catalog) < 9
    assert path in catalog._tables.open("objects").file_uris()
    assert keys_of(catalog) == before


def test_columns_that_came_later_and_those_of_a_newer_program_stay(tmp_path, few):
    known = pa.Table.from_pylist([decision("a", flags=["x"])], schema=OBJECTS)
    newer = known.drop_columns(["rule", "KVP"]).append_column("colour", pa.array(["red"]))
    write_deltalake(str(tmp_path / "catalog" / "objects"), newer, mode="append")
    catalog = DeltaCatalog(str(tmp_path))
    catalog.append([decision("b", rule="site", KVP=120.5)])
    fill(catalog, 3)
    before = all_rows(catalog)
    catalog.compact("objects")
    assert files_of(catalog) == 1
    assert all_rows(catalog) == before
    assert before[0]["colour"] == "red"


def test_of_two_at_a_time_one_gives_up_and_no_row_stands_twice(make, few, monkeypatch):
    first, second = make(), make()
    fill(first, 5)
    before = keys_of(first)
    meanwhile(monkeypatch, lambda: second.compact("objects"))
    first.compact("objects")
    assert first.version() == 5
    assert keys_of(first) == before
    # Also where a loader committed after the other compaction.
    fill(first, 4, "later")
    meanwhile(monkeypatch, lambda: (second.compact("objects"), fill(second, 1, "last")))
    first.compact("objects")
    assert first.version() == 11
    assert len(keys_of(first)) == len(set(keys_of(first))) == 20


def test_rows_that_are_added_meanwhile_stand_beside_what_was_put_together(tmp_path, few, monkeypatch):
    first, second = DeltaCatalog(str(tmp_path)), DeltaCatalog(str(tmp_path))
    fill(first, 5)
    meanwhile(monkeypatch, lambda: fill(second, 2, "meanwhile"))
    first.compact("objects")
    assert files_of(first) == 3
    assert first.version() == 7
    assert len(keys_of(first)) == len(set(keys_of(first))) == 14


def test_it_gives_up_where_the_table_was_changed_meanwhile_and_the_next_does_it(tmp_path, few, monkeypatch):
    catalog = DeltaCatalog(str(tmp_path))
    fill(catalog, 5)
    wider = pa.table({"key": ["new"], "colour": ["red"]})
    meanwhile(
        monkeypatch,
        lambda: write_deltalake(
            str(tmp_path / "catalog" / "objects"), wider, mode="append", schema_mode="merge"
        ),
    )
    catalog.compact("objects")
    assert (catalog.version(), files_of(catalog)) == (5, 6)
    catalog.compact("objects")
    assert (catalog.version(), files_of(catalog)) == (6, 1)
    assert len(keys_of(catalog)) == 11


def test_loaders_that_append_and_compact_all_at_once_lose_and_double_nothing(tmp_path, few):
    catalog = DeltaCatalog(str(tmp_path))

    def loader(name):
        catalog = DeltaCatalog(str(tmp_path))
        for n in range(5):
            fill(catalog, 1, f"{name}-{n}")
            catalog.compact("objects")

    with ThreadPoolExecutor(3) as loaders:
        list(loaders.map(loader, "abc", timeout=120))
    keys = keys_of(catalog)
    assert len(keys) == len(set(keys)) == 30
    catalog.compact("objects")
    assert files_of(catalog) <= FEW


def test_a_table_that_asks_for_more_than_is_done_here_is_left_alone(tmp_path, few):
    catalog = DeltaCatalog(str(tmp_path))
    fill(catalog, 5)
    folder = str(tmp_path / "catalog" / "objects")
    DeltaTable(folder).alter.set_table_properties({"delta.enableDeletionVectors": "true"})
    version = catalog.version()
    catalog.compact("objects")
    assert catalog.version() == version

    partitioned = str(tmp_path / "catalog" / "runs")
    for _ in range(5):
        write_deltalake(
            partitioned, pa.table({"run": ["r"], "part": ["p"]}), mode="append", partition_by="part"
        )
    catalog.compact("runs")
    assert DeltaTable(partitioned).version() == 4


def test_a_commit_that_fails_leaves_nothing_to_see(tmp_path, few, monkeypatch):
    catalog = DeltaCatalog(str(tmp_path))
    fill(catalog, 5)
    before = keys_of(catalog)

    def refuse(*_, **__):
        raise obstore.exceptions.PermissionDeniedError("Permission denied")

    monkeypatch.setattr(obstore, "put", refuse)
    with pytest.raises(Forbidden, match="must be allowed"):
        catalog.compact("objects")
    assert catalog.version() == 4
    assert keys_of(catalog) == before


@pytest.fixture
def drop():
    store = MemoryStore()
    store.put("config.json", json.dumps(CONFIGURATION).encode())
    for key, data in raw_drop():
        store.put(key, data)
    return store


def tree(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_a_load_that_decided_something_puts_files_together_before_it_publishes(drop, tmp_path, few):
    catalog = DeltaCatalog(str(tmp_path))
    for n in range(5):
        catalog.append([image("training", "P1", "1.1", "1.2", f"1.3.{n}")])
    assert load(drop, catalog).code == 0
    assert files_of(catalog) == 1
    for group in GROUPS:
        assert catalog.published(group).version == catalog.version()
    ready = catalog.snapshot().ready
    assert all(ready(name) for name in VIEWS)


def test_a_load_that_finds_nothing_new_writes_nothing_outside_the_catalog(drop, tmp_path, few):
    catalog = DeltaCatalog(str(tmp_path))
    for n in range(5):
        catalog.append([image("training", "P1", "1.1", "1.2", f"1.3.{n}")])
    catalog.publish()
    version = catalog.version()
    empty = MemoryStore()
    empty.put("config.json", json.dumps(CONFIGURATION).encode())
    before = tree(tmp_path)
    for _ in range(6):
        assert load(empty, catalog).code == 0
    assert catalog.version() == version
    assert files_of(catalog, "runs") <= FEW
    assert {path for path in tree(tmp_path) - before if not path.startswith("catalog/runs/")} == set()


def test_a_dry_run_puts_nothing_together(drop, tmp_path, few):
    base = DeltaCatalog(str(tmp_path))
    for n in range(5):
        base.append([image("training", "P1", "1.1", "1.2", f"1.3.{n}")])
        base.append_run({"run": f"run-{n}", "started": at(n), "ended": at(n)})
    before = tree(tmp_path)
    load(drop, MemoryCatalog(base=base), dry_run=True)
    assert tree(tmp_path) == before


@pytest.mark.parametrize("error", [StoreFault("catalog", cause="no room is left"), ValueError("P1")])
def test_a_load_is_none_the_worse_for_a_compaction_that_fails(drop, tmp_path, monkeypatch, caplog, error):
    catalog = DeltaCatalog(str(tmp_path))

    def fail(*_):
        raise error

    monkeypatch.setattr(DeltaCatalog, "compact", fail)
    with caplog.at_level(logging.WARNING, "warehouse"):
        assert load(drop, catalog).code == 0
    assert "a later load tries" in caplog.text
    assert "P1" not in caplog.text
    assert catalog.last_run()["exit_code"] == 0
    assert catalog.published("training").version == catalog.version()
