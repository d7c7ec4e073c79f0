"""What a question costs where the catalog's files are far away: requests, not columns."""

from __future__ import annotations

from collections import Counter

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.fs as fs
import pyarrow.parquet as pq
import pytest

from tests.catalog_rows import image
from warehouse.storage import catalog_work
from warehouse.storage.catalog_schema import OBJECTS, to_arrow
from warehouse.storage.catalog_work import AT_ONCE, _row_groups, scan, show, workspace
from warehouse.storage.delta import DeltaCatalog

ROWS = 60


@pytest.fixture
def catalog(s3_server, s3_bucket):
    options = {
        "AWS_ACCESS_KEY_ID": "test-access-key",
        "AWS_SECRET_ACCESS_KEY": "test-secret-key",
        "AWS_REGION": "eu-west-2",
        "AWS_ENDPOINT_URL": s3_server.endpoint,
        "AWS_ALLOW_HTTP": "true",
    }
    made = DeltaCatalog(f"s3://{s3_bucket}", lambda: options)
    made.append([image("training", "P1", "1.1", "1.2", f"1.3.{number}") for number in range(ROWS)])
    return made


@pytest.fixture
def more_than_a_batch(monkeypatch):
    monkeypatch.setattr(catalog_work, "SCAN_ROWS", ROWS // 2)


def _gets(server):
    return Counter(server.names_seen())["GetObject"]


def test_no_more_than_a_batch_is_read_once_however_often_it_is_asked(catalog, s3_server):
    with workspace() as connection:
        show(connection, {"objects": catalog.sources("objects")})
        s3_server.seen.clear()
        for column in OBJECTS.names:
            (found,) = connection.execute(f'SELECT count(*) FROM objects WHERE "{column}" IS NULL').fetchone()
            assert found in (0, ROWS)
        connection.execute("SELECT key FROM objects WHERE key LIKE 'raw%'").fetchall()
    assert _gets(s3_server) <= 2


def test_nobody_asks_for_the_sizes_of_files_that_the_log_tells(catalog, s3_server):
    parts = catalog.sources("objects")
    s3_server.seen.clear()
    with workspace() as connection:
        show(connection, {"objects": parts})
        connection.execute("SELECT * FROM objects").fetchall()
    assert set(s3_server.names_seen()) == {"GetObject"}


def test_more_than_a_batch_is_not_held(catalog, s3_server, more_than_a_batch):
    with workspace() as connection:
        show(connection, {"objects": catalog.sources("objects")})
        connection.execute("SELECT count(etag) FROM objects").fetchone()
        s3_server.seen.clear()
        connection.execute("SELECT count(etag) FROM objects").fetchone()
    assert _gets(s3_server) == 1


@pytest.mark.parametrize("files", [1, AT_ONCE + 1])
def test_files_of_this_machine_are_asked_the_same(tmp_path, files):
    catalog = DeltaCatalog(str(tmp_path))
    for number in range(files):
        catalog.append([image("training", "P1", "1.1", "1.2", f"1.3.{number}")])
    with workspace() as connection:
        show(connection, {"objects": catalog.sources("objects")})
        for _ in range(2):
            ((rows, keys),) = connection.execute(
                "SELECT count(*), count(DISTINCT key) FROM objects"
            ).fetchall()
            assert (rows, keys) == (files, files)


def test_the_columns_of_a_row_group_are_fetched_together(catalog, s3_server, more_than_a_batch):
    parts = catalog.sources("objects")
    with workspace() as connection:
        show(connection, {"objects": parts})
        s3_server.seen.clear()
        rows = connection.execute("SELECT * FROM objects").fetchall()
    assert len(rows) == ROWS
    assert len(rows[0]) == len(OBJECTS.names) > 40
    assert _gets(s3_server) <= 2


def test_a_stream_of_columns_is_one_request_a_row_group(catalog, s3_server):
    (part,) = catalog.sources("objects")
    reader = scan(part, ("etag", "outcome", "SOPInstanceUID"))
    s3_server.seen.clear()
    assert reader.read_all().num_rows == ROWS
    assert _gets(s3_server) <= 2


def test_row_groups_of_several_files_are_all_read(catalog):
    catalog.append([image("training", "P2", "2.1", "2.2", f"2.3.{number}") for number in range(ROWS)])
    (part,) = catalog.sources("objects")
    keys = scan(part, ()).read_all()["key"].to_pylist()
    assert len(keys) == 2 * ROWS
    assert sorted(keys) == sorted(part.to_table(columns=["key"])["key"].to_pylist())


def test_files_of_several_row_groups_are_read_whole(tmp_path):
    table = to_arrow("objects", [image("training", "P1", "1.1", "1.2", f"1.3.{n}") for n in range(ROWS)])
    pq.write_table(table, tmp_path / "rows.parquet", row_group_size=7)
    dataset = ds.dataset("rows.parquet", filesystem=fs.SubTreeFileSystem(str(tmp_path), fs.LocalFileSystem()))
    groups = _row_groups(list(dataset.get_fragments()))
    assert len(groups) == -(-ROWS // 7)
    assert pa.concat_tables(group.to_table() for group in groups).num_rows == ROWS
    assert _row_groups([]) == []


def test_what_lacks_no_column_is_shown_as_it_is_and_what_lacks_one_has_nulls():
    whole = to_arrow("objects", [image("training", "P1", "1.1", "1.2", "1.3")])
    older = whole.drop_columns(["site"])
    seen = "SELECT view_name FROM duckdb_views() WHERE NOT internal ORDER BY ALL"
    for part, views in ((whole, [("objects",)]), (older, [("objects",), ("objects_0",), ("objects_1",)])):
        with workspace() as connection:
            show(connection, {"objects": [part]})
            assert connection.execute(seen).fetchall() == views
            columns = [name for name, *_ in connection.execute("DESCRIBE objects").fetchall()]
            assert columns == OBJECTS.names
            (site,) = connection.execute("SELECT site FROM objects").fetchone()
            assert site == (whole["site"][0].as_py() if part is whole else None)
