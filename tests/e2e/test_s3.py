"""The real command against an S3 server: the same warehouse as from a folder, and errors in one line."""

import json

import pytest

from support import fill, load, opened_on_s3, raw_drop, state
from warehouse.demo import CONFIGURATION
from warehouse.storage.catalog import MemoryCatalog
from warehouse.storage.delta import DeltaCatalog
from warehouse.storage.folder import FolderStore
from warehouse.storage.memory import MemoryStore


def environment(server, **extra):
    return {**server.environment, **extra}


def keys(server, bucket):
    pages = server.client.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    return {entry["Key"]: entry["ETag"] for page in pages for entry in page.get("Contents", ())}


def state_on_s3(server, bucket):
    store, catalog = opened_on_s3(server, bucket)
    try:
        return state(store, catalog)
    finally:
        store.close()


@pytest.fixture(scope="module")
def expected():
    """The demo drop, loaded in memory by one worker."""
    store, catalog = MemoryStore(), MemoryCatalog()
    for key, data in [*raw_drop(), ("config.json", json.dumps(CONFIGURATION).encode())]:
        store.put(key, data)
    run = load(store, catalog, concurrency=1)
    return state(store, catalog), run


@pytest.mark.parametrize("concurrency", [1, 32])
def test_a_folder_ends_equal_to_memory(command, drop, expected, concurrency):
    ended = command("warehouse", "load", drop, "--concurrency", concurrency)
    assert ended.code == 0, ended.err
    found = state(FolderStore(str(drop)), DeltaCatalog(str(drop)))
    assert found == expected[0]
    assert ended.out.splitlines() == expected[1].summary.splitlines()


@pytest.mark.parametrize("concurrency", [1, 32])
def test_a_bucket_ends_equal_to_memory(command, s3_server, expected, concurrency):
    bucket = s3_server.new_bucket()
    fill(s3_server, bucket)
    ended = command(
        "warehouse", "load", f"s3://{bucket}", "--concurrency", concurrency, env=environment(s3_server)
    )
    assert ended.code == 0, ended.err
    assert state_on_s3(s3_server, bucket) == expected[0]
    assert ended.out.splitlines() == expected[1].summary.splitlines()


def test_bonobo_run_loads_a_bucket_and_a_second_run_writes_only_its_row(command, s3_server, expected):
    bucket = s3_server.new_bucket()
    fill(s3_server, bucket)
    arguments = ("run", "-m", "warehouse.warehouseloader", "--env", f"WAREHOUSE_BUCKET={bucket}")
    assert command("bonobo", *arguments, env=environment(s3_server)).code == 0
    assert state_on_s3(s3_server, bucket) == expected[0]
    before = keys(s3_server, bucket)
    assert command("bonobo", *arguments, env=environment(s3_server)).code == 0
    after = keys(s3_server, bucket)
    assert {key for key in after.items() - before.items() if not key[0].startswith("catalog/runs/")} == set()


def test_a_dry_run_says_what_a_real_run_would_and_writes_nothing(command, s3_server, expected):
    bucket = s3_server.new_bucket()
    fill(s3_server, bucket)
    before = keys(s3_server, bucket)
    s3_server.seen.clear()
    ended = command("warehouse", "load", bucket, "--dry-run", env=environment(s3_server))
    assert ended.code == 0, ended.err
    assert keys(s3_server, bucket) == before
    assert {request.method for request in s3_server.seen} <= {"GET", "HEAD"}
    said = [line for line in ended.out.splitlines() if "dry run" not in line]
    assert said == expected[1].summary.splitlines()


def one_line(ended):
    lines = ended.err.splitlines()
    assert len(lines) == 1, ended.err
    return lines[0]


def test_a_missing_bucket(command, s3_server):
    for words in (("load",), ("config", "check")):
        refused = command("warehouse", *words, "s3://no-such-bucket-here", env=environment(s3_server))
        assert refused.code == 2
        assert "no bucket of this name" in one_line(refused)


def test_no_server(command, s3_server):
    bare = environment(s3_server, AWS_ENDPOINT_URL="http://127.0.0.1:9")
    refused = command("warehouse", "load", "s3://some-bucket", env=bare)
    assert refused.code == 2
    assert "endpoint" in one_line(refused)


def test_no_credentials(command, s3_server):
    bucket = s3_server.new_bucket()
    refused = command("warehouse", "load", bucket, env={"AWS_ENDPOINT_URL": s3_server.endpoint})
    assert refused.code == 2
    assert "credentials" in one_line(refused)


def test_an_unknown_profile(command, s3_server):
    refused = command(
        "warehouse", "load", "s3://some-bucket", "--profile", "nobody", env=environment(s3_server)
    )
    assert refused.code == 2
    assert "profile" in one_line(refused)


def test_wrong_credentials(command, s3_server):
    bucket = s3_server.new_bucket()
    s3_server.plan("HeadObject", 403, "Forbidden", times=9)
    refused = command("warehouse", "load", bucket, env=environment(s3_server))
    assert refused.code == 2
    assert "access was denied" in one_line(refused)


def test_a_token_file_that_is_missing(command, s3_server):
    environment_ = {
        "AWS_ENDPOINT_URL": s3_server.endpoint,
        "AWS_DEFAULT_REGION": "eu-west-2",
        "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/x",
        "AWS_WEB_IDENTITY_TOKEN_FILE": "/nonexistent",
    }
    refused = command("warehouse", "load", "s3://some-bucket", env=environment_)
    assert refused.code == 2
    assert "AWS_WEB_IDENTITY_TOKEN_FILE" in one_line(refused)
