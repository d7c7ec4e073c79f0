"""The Delta tables: where they stand, what they outlive, and what other programs find in them."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from catalog_rows import at, clinical, decision, image, info
from warehouse.errors import Forbidden, StoreFault, StoreUnavailable
from warehouse.storage.catalog import OBJECTS, VIEWS, Listed
from warehouse.storage.delta import DeltaCatalog

ROOT = Path(__file__).parents[3]


def keys_of(catalog):
    return catalog.query("SELECT key FROM objects ORDER BY key")["key"].to_pylist()


def options_for(endpoint):
    return {
        "AWS_ACCESS_KEY_ID": "test-access-key",
        "AWS_SECRET_ACCESS_KEY": "test-secret-key",
        "AWS_REGION": "eu-west-2",
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ALLOW_HTTP": "true",
    }


@pytest.fixture
def s3_catalog(s3_bucket, moto_endpoint):
    return lambda: DeltaCatalog(f"s3://{s3_bucket}", lambda: options_for(moto_endpoint))


@pytest.mark.parametrize(
    "name", ["plain", "with space", "é 日 😀", "100%", "%4z", "a#b?c&d=e", "~`'\"{}<>*:;,@!$()+"]
)
def test_a_folder_of_any_usual_name(tmp_path, name):
    folder = tmp_path / name
    for location in (str(folder), folder.as_uri(), f"{folder}/"):
        DeltaCatalog(location).append([decision("a")])
    assert keys_of(DeltaCatalog(str(folder))) == ["a", "a", "a"]
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert sorted(path.name for path in (folder / "catalog").iterdir()) == ["objects"]


@pytest.mark.parametrize("name", ["a%20b", "%41", "[a]", "a^b", "a|b", "a\\b", "a\nb"])
def test_a_folder_whose_name_the_tables_cannot_bear_is_said_to_be_so(tmp_path, name):
    (tmp_path / name).mkdir()
    (tmp_path / "link").symlink_to(tmp_path / name)
    for location in (tmp_path / name, tmp_path / "link"):
        with pytest.raises(StoreUnavailable, match="rename"):
            DeltaCatalog(str(location)).append([decision("a")])
        with pytest.raises(StoreUnavailable, match="rename"):
            DeltaCatalog(str(location)).version()
    assert sorted(path.name for path in tmp_path.rglob("*")) == sorted(["link", name])


def test_a_relative_folder_stays_where_it_was(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    catalog = DeltaCatalog("./here")
    monkeypatch.chdir("/")
    catalog.append([decision("a")])
    assert (tmp_path / "here" / "catalog" / "objects" / "_delta_log").is_dir()


def test_reading_makes_nothing(tmp_path, s3_catalog, s3_server):
    for catalog in (DeltaCatalog(str(tmp_path / "none")), s3_catalog()):
        s3_server.seen.clear()
        assert catalog.version() is None
        assert keys_of(catalog) == []
        assert {request.method for request in s3_server.seen} <= {"GET", "HEAD"}
    assert list(tmp_path.iterdir()) == []


def test_every_version_is_kept_and_rows_cannot_be_taken_back(tmp_path):
    catalog = DeltaCatalog(str(tmp_path))
    catalog.append([decision("a")])
    catalog.append_run({"run": "run-1", "started": at(0)})
    for name in ("objects", "runs"):
        table = DeltaTable(str(tmp_path / "catalog" / name))
        assert table.metadata().configuration["delta.enableExpiredLogCleanup"] == "false"
        with pytest.raises(Exception, match="append-only"):
            table.delete()


def test_the_log_outlives_its_checkpoints(tmp_path):
    catalog = DeltaCatalog(str(tmp_path))
    for n in range(21):
        catalog.append([decision(f"{n:03}")])
    log = tmp_path / "catalog" / "objects" / "_delta_log"
    assert sorted(log.glob("*.checkpoint.parquet")) == [log / f"{n:020}.checkpoint.parquet" for n in (9, 19)]
    assert len(list(log.glob("*.json"))) == 21
    assert len(keys_of(catalog)) == 21
    old = DeltaTable(str(tmp_path / "catalog" / "objects"), version=3)
    assert old.to_pyarrow_dataset().count_rows() == 4


def test_a_commit_that_was_cut_short_is_not_seen(tmp_path):
    catalog = DeltaCatalog(str(tmp_path))
    catalog.append([decision("a")])
    table = tmp_path / "catalog" / "objects"
    (part,) = table.glob("*.parquet")
    (table / "part-00001-cut.snappy.parquet").write_bytes(part.read_bytes()[:100])
    (table / "_delta_log" / "_commit_x.json.tmp").write_bytes(b'{"commitInfo":')
    (table / "_delta_log" / "00000000000000000001.json#1").write_bytes(b'{"add":')
    assert keys_of(catalog) == ["a"]
    catalog.append([decision("b")])
    assert keys_of(catalog) == ["a", "b"]
    assert catalog.version() == 1


def test_a_table_that_knows_more_columns_and_fewer(tmp_path):
    """A newer program wrote `colour`; an older one knew neither `rule` nor `KVP`."""
    table = str(tmp_path / "catalog" / "objects")
    known = pa.Table.from_pylist([decision("a", "deferred", "retry")], schema=OBJECTS)
    newer = known.drop_columns(["rule", "KVP", "site"]).append_column("colour", pa.array(["red"]))
    write_deltalake(table, newer, mode="append")
    catalog = DeltaCatalog(str(tmp_path))

    before = catalog.query('SELECT key, rule, "KVP", colour FROM objects').to_pylist()
    assert before == [{"key": "a", "rule": None, "KVP": None, "colour": "red"}]
    with catalog.pending([Listed(info("a"), 2)]) as pending:
        assert [one.earlier.reason for one in pending] == ["retry"]
    assert catalog.sites() == set()

    catalog.append([decision("b", rule="site", KVP=120.5)])
    after = catalog.query('SELECT key, rule, "KVP", colour FROM objects_now ORDER BY key').to_pylist()
    assert after == [
        {"key": "a", "rule": None, "KVP": None, "colour": "red"},
        {"key": "b", "rule": "site", "KVP": 120.5, "colour": None},
    ]
    assert catalog.query("SELECT * FROM objects").schema.names == [*OBJECTS.names, "colour"]


@pytest.mark.parametrize("where", ["folder", "s3"])
def test_racing_loaders_all_commit_even_the_first_time(where, tmp_path, s3_catalog):
    make = s3_catalog if where == "s3" else lambda: DeltaCatalog(str(tmp_path))

    def load(loader):
        catalog = make()
        for turn in range(3):
            catalog.append([decision(f"{loader}-{turn}")])

    with ThreadPoolExecutor(3) as loaders:
        list(loaders.map(load, range(3), timeout=120))
    assert keys_of(make()) == [f"{loader}-{turn}" for loader in range(3) for turn in range(3)]
    assert make().version() == 8


LOADER = """
import sys
from datetime import UTC, datetime
from warehouse.storage.delta import DeltaCatalog
catalog = DeltaCatalog(sys.argv[1])
for turn in range(3):
    row = {"key": f"{sys.argv[2]}-{turn}", "etag": "e", "outcome": "loaded", "time": datetime.now(UTC)}
    catalog.append([row])
    assert catalog.query("SELECT * FROM objects").num_rows > turn
"""


def test_racing_processes_all_commit_and_end_well(tmp_path):
    command = [sys.executable, "-c", LOADER, str(tmp_path)]
    loaders = [subprocess.Popen([*command, name], cwd=ROOT) for name in "ab"]
    try:
        assert [loader.wait(timeout=120) for loader in loaders] == [0, 0]
    finally:
        for loader in loaders:
            loader.kill()
    assert keys_of(DeltaCatalog(str(tmp_path))) == ["a-0", "a-1", "a-2", "b-0", "b-1", "b-2"]


def test_credentials_are_asked_for_each_time(s3_bucket, moto_endpoint):
    asked = []

    def options():
        asked.append(len(asked))
        return options_for(moto_endpoint) | {"AWS_SESSION_TOKEN": f"token-{len(asked)}"}

    catalog = DeltaCatalog(f"s3://{s3_bucket}/", options)
    assert asked == []
    catalog.append([decision("a")])
    catalog.append([decision("b")])
    assert asked == [0, 1]
    assert keys_of(catalog) == ["a", "b"]
    assert len(asked) > 2


def test_the_token_reaches_the_server(s3_bucket, moto_endpoint, s3_server):
    options = options_for(moto_endpoint) | {"AWS_SESSION_TOKEN": "a-token"}
    catalog = DeltaCatalog(f"s3://{s3_bucket}", lambda: options)
    catalog.append([decision("a")])
    assert keys_of(catalog) == ["a"]
    assert {request.headers.get("x-amz-security-token") for request in s3_server.seen} == {"a-token"}


@pytest.mark.parametrize("closed", ["catalog", "catalog/objects", "catalog/objects/_delta_log"])
def test_a_folder_that_may_not_be_written_is_refused_in_our_own_words(tmp_path, monkeypatch, capfd, closed):
    catalog = DeltaCatalog(str(tmp_path))
    if closed != "catalog":
        catalog.append([decision("a")])
    else:
        (tmp_path / "catalog").mkdir()
    may = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: path != str(tmp_path / closed) and may(path, mode))
    with pytest.raises(Forbidden, match="writing under catalog/ must be allowed"):
        catalog.append([decision("b")])
    assert "b" not in keys_of(catalog)
    assert capfd.readouterr().err == ""


def test_no_bucket_and_no_permission(s3_catalog, moto_endpoint, s3_server):
    nowhere = DeltaCatalog("s3://no-such-bucket", lambda: options_for(moto_endpoint))
    for ask in (nowhere.version, lambda: nowhere.append([decision("a")])):
        with pytest.raises(StoreUnavailable, match="bucket does not exist"):
            ask()
    s3_server.plan("PutObject", 403, "AccessDenied", times=9)
    with pytest.raises(Forbidden, match="writing under catalog/ must be allowed"):
        s3_catalog().append([decision("a")])
    s3_server.faults.clear()
    s3_server.plan("GetObject", 403, "AccessDenied", times=9)
    with pytest.raises(Forbidden, match="listing and reading under training/catalog/ must be allowed"):
        s3_catalog().published("training")
    s3_server.faults.clear()
    s3_server.plan("ListObjectsV2", 403, "ExpiredToken", times=9)
    with pytest.raises(Forbidden, match="expired"):
        s3_catalog().version()


def test_a_folder_that_cannot_be_read_is_not_taken_for_an_empty_one(tmp_path, monkeypatch):
    catalog = DeltaCatalog(str(tmp_path))
    catalog.append([decision("a")])

    def denied(_):
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patched:
        patched.setattr(os, "scandir", denied)
        with pytest.raises(Forbidden):
            catalog.version()
    for part in (tmp_path / "catalog" / "objects").glob("*.parquet"):
        part.unlink()
    with pytest.raises(StoreFault), catalog.pending([Listed(info("a"), 2)]):
        pass
    with pytest.raises(StoreFault):
        catalog.query("SELECT * FROM objects")
    with pytest.raises(StoreFault):
        list(catalog.assignments())


def test_a_file_where_the_table_should_stand(tmp_path):
    (tmp_path / "catalog").write_bytes(b"")
    with pytest.raises(StoreUnavailable, match="put it aside"):
        DeltaCatalog(str(tmp_path)).append([decision("a")])


def test_a_view_is_worked_out_only_where_the_sets_tables_do_not_tell_of_that_version(
    s3_catalog, s3_bucket, s3_server
):
    def ready(as_of=None):
        snapshot = s3_catalog().snapshot(as_of)
        return [name for name in (*VIEWS, "objects_now", "clinical") if snapshot.ready(name)]

    def read_of_the_objects():
        s3_server.seen.clear()
        with s3_catalog().snapshot().ask("SELECT count(*) FROM patients") as answer:
            assert answer.table()[0][0].as_py() == 2
        return [one for one in s3_server.seen if "catalog/objects/part" in one.path]

    catalog = s3_catalog()
    assert ready() == []
    catalog.append([image("training", "P1", "1.1", "1.2", "1.3"), clinical("validation", "P2")])
    assert ready() == []
    assert read_of_the_objects()
    catalog.publish()
    assert ready() == list(VIEWS)
    assert not read_of_the_objects()
    s3_server.plan("GetObject", 403, "AccessDenied", about="training/catalog/", times=100)
    assert ready() == []
    s3_server.faults.clear()
    catalog.append([image("training", "P1", "1.1", "1.2", "1.4", second=1)])
    assert ready() == []
    assert read_of_the_objects()
