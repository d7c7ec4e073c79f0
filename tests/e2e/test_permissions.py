"""The permissions of docs/s3.md are enough for each command, and none of them is too much.

The table is read from the page; the server then allows exactly that, by the access key of a request.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from permissions import Grant
from test_s3 import environment, keys

from support import raw_drop
from warehouse.demo import CONFIGURATION

ROOT = Path(__file__).parents[2]
KEY = "least-privilege"
EVERY_KEY = ".*"


def table() -> list[tuple[list[str], str, str]]:
    """The rows of the page: actions, what they are granted on, and what for."""
    text = (ROOT / "docs/s3.md").read_text(encoding="utf-8").split("## Permissions")[1].split("\n## ")[0]
    rows = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("| `s3:")]
    assert len(rows) > 5
    return [(re.findall(r"`(s3:\w+)`", actions), on, why) for actions, on, why in rows]


def grants(bucket: str, row: tuple[list[str], str, str]) -> list[Grant]:
    """What a row grants on the buckets that belong to `bucket`."""
    actions, on, _ = row
    name = next(
        (f"{bucket}-{kind}" for kind in ("processed", "inventory") if f"<bucket>-{kind}" in on), bucket
    )
    prefixes = re.findall(r"`([a-z-]+/?)\*`", on)
    found = []
    for action in actions:
        if action == "s3:ListBucket":
            found.append(Grant(action, name))
        else:
            patterns = [re.escape(prefix) + EVERY_KEY for prefix in prefixes] or [EVERY_KEY]
            found.extend(Grant(action, name, pattern) for pattern in patterns)
    return found


def for_loading(bucket: str) -> list[Grant]:
    """What the rows grant that are about no other command and no special case."""
    wanted = (
        "to list, and to find the bucket",
        "configuration, raw files",
        "to add; nothing else",
        "to clear away",
    )
    rows = [row for row in table() if any(word in row[2] for word in wanted)]
    assert len(rows) == len(wanted)
    return [grant for row in rows for grant in grants(bucket, row)]


@pytest.fixture
def filled(s3_server):
    """A bucket with some of the demonstration's clinical files, and a few images."""
    bucket = s3_server.new_bucket()
    objects = list(raw_drop())
    clinical = [one for one in objects if one[0].endswith(".json")][:24]
    images = [one for one in objects if one[0].endswith(".dcm")]
    config = ("config.json", json.dumps(CONFIGURATION).encode())
    s3_server.upload(bucket, [*clinical, *images[::8], config])
    return bucket


@pytest.fixture
def as_role(command, s3_server):
    """Run a command as a role that has these grants and no others."""

    def run(granted, *words):
        s3_server.roles[KEY] = granted
        return command("warehouse", *words, env=environment(s3_server, AWS_ACCESS_KEY_ID=KEY))

    return run


def test_a_load_needs_no_more(as_role, filled, s3_server):
    s3_server.seen.clear()
    ended = as_role(for_loading(filled), "load", filled)
    assert ended.code == 0, ended.err
    assert {request.access_key for request in s3_server.seen} == {KEY}
    assert any(key.startswith("training/ct/") for key in keys(s3_server, filled))
    assert as_role(for_loading(filled), "load", filled).code == 0


@pytest.mark.parametrize(
    ("without", "named"),
    [
        ("s3:ListBucket", "s3:ListBucket"),
        ("s3:GetObject", "needs s3:GetObject"),
        ("training/", "needs s3:GetObject and s3:PutObject"),
        ("validation/", "needs s3:GetObject and s3:PutObject"),
        ("assignments/", "needs s3:PutObject"),
        ("catalog/", "writing under catalog/ must be allowed"),
    ],
)
def test_a_load_needs_each_of_them(as_role, filled, s3_server, without, named):
    granted = for_loading(filled)
    fewer = [
        grant
        for grant in granted
        if grant.action != without and not (grant.action == "s3:PutObject" and grant.keys.startswith(without))
    ]
    assert len(fewer) < len(granted)
    before = keys(s3_server, filled)
    ended = as_role(fewer, "load", filled)
    # Without `catalog/` nothing can be written down, without the others objects are deferred.
    assert ended.code in (2, 4), (ended.out, ended.err)
    assert named in ended.err
    assert before.items() <= keys(s3_server, filled).items()
    assert as_role(granted, "load", filled).code == 0


def test_the_tables_need_one_bucket_more(as_role, loaded_bucket, s3_server):
    s3_server.client.create_bucket(
        Bucket=f"{loaded_bucket}-processed", CreateBucketConfiguration={"LocationConstraint": "eu-west-2"}
    )
    (row,) = (row for row in table() if "<bucket>-processed" in row[1])
    reading = [Grant("s3:ListBucket", loaded_bucket), Grant("s3:GetObject", loaded_bucket, EVERY_KEY)]
    before = keys(s3_server, loaded_bucket)
    ended = as_role(reading + grants(loaded_bucket, row), "process", loaded_bucket)
    assert ended.code == 0, ended.err
    assert keys(s3_server, loaded_bucket) == before
    assert "latest.csv" in keys(s3_server, f"{loaded_bucket}-processed")
    assert as_role(reading, "process", loaded_bucket).code == 2


def test_a_reader_of_one_set_needs_that_set(as_role, loaded_bucket):
    reading = [Grant("s3:ListBucket", loaded_bucket), Grant("s3:GetObject", loaded_bucket, r"training/.*")]
    ended = as_role(
        reading,
        "query",
        loaded_bucket,
        "SELECT count(*) AS n FROM images",
        "--set",
        "training",
        "--format",
        "csv",
    )
    assert ended.code == 0, ended.err
    assert int(ended.out.split()[-1]) > 0
    other = as_role(reading, "query", loaded_bucket, "SELECT count(*) FROM images", "--set", "validation")
    assert other.code in (2, 4)


def test_nothing_that_loads_may_delete_or_write_raw():
    granted = [grant for row in table() for grant in grants("bucket", row)]
    assert not any(
        re.fullmatch(grant.keys, "raw-a/x")
        for grant in granted
        if grant.action == "s3:PutObject" and grant.bucket == "bucket"
    )
    assert not any(grant.action == "s3:DeleteObject" for grant in for_loading("bucket"))


@pytest.mark.parametrize("words", [("retry",), ("retry", "--missing", "--dry-run"), ("verify",), ("report",)])
def test_what_rests_on_the_catalog_is_refused_where_it_may_not_be_read(as_role, loaded_bucket, words):
    reading = [
        Grant("s3:ListBucket", loaded_bucket),
        Grant("s3:GetObject", loaded_bucket, r"(?!catalog/).*"),
    ]
    ended = as_role(reading, words[0], loaded_bucket, *words[1:])
    assert ended.code == 2
    assert "reading under catalog/ must be allowed" in ended.err


def test_a_catalog_is_replaced_only_by_who_may_remove_it_and_make_it_anew(as_role, filled, s3_server):
    assert as_role(for_loading(filled), "load", filled).code == 0
    assert as_role(for_loading(filled), "retry", filled).code == 0
    (row,) = (row for row in table() if row[0] == ["s3:DeleteObject"])
    before = keys(s3_server, filled)
    removing = grants(filled, row)
    for granted, needed in (
        (for_loading(filled), "s3:DeleteObject"),
        ([one for one in for_loading(filled) if not one.keys.startswith("catalog/")], "s3:PutObject"),
    ):
        also = removing if needed == "s3:PutObject" else []
        refused = as_role([*granted, *also], "catalog", "rebuild", filled, "--replace")
        assert refused.code == 2
        assert f"replace the catalog: permission denied (AccessDenied; needs {needed})" in refused.err
        assert before.items() <= keys(s3_server, filled).items()
    made = as_role([*for_loading(filled), *removing], "catalog", "rebuild", filled, "--replace")
    assert made.code == 0, made.err
    # One object is quarantined again, and none is left to be loaded.
    assert as_role(for_loading(filled), "load", filled).code == 3
