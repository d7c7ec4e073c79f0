"""What a question costs where the catalog's files are far away: requests, not columns."""

from __future__ import annotations

from collections import Counter

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.fs as fs
import pyarrow.parquet as pq
import pytest

from tests.catalog_rows import image
from warehouse.storage.catalog_schema import OBJECTS, to_arrow
from warehouse.storage.catalog_work import _row_groups, scan, show, workspace
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


def _gets(server):
    return Counter(server.names_seen())["GetObject"]


def test_the_columns_of_a_row_group_are_fetched_together(catalog, s3_server):
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
