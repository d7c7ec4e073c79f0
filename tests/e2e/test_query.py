"""`warehouse query` by the real command: what it prints where, and what a reader of one set gets from S3."""

import csv
import io
import signal
import subprocess

import pytest
from test_cohort import wait_for
from test_s3 import environment

from support import bare_environment, script


def rows(ended):
    assert ended.code == 0, ended.err
    return list(csv.DictReader(io.StringIO(ended.out)))


def refused(ended):
    assert (ended.code, ended.out) == (2, ""), ended.err
    (line,) = ended.err.splitlines()
    return line


def test_an_answer_is_all_that_is_printed(command, loaded_once):
    sql = "SELECT type, count(*) AS n FROM images GROUP BY ALL ORDER BY ALL"
    ended = command("warehouse", "query", loaded_once, sql)
    assert ended.err == ""
    assert [row["type"] for row in rows(ended)] == ["ct", "mri", "unknown", "xray"]


def test_an_argument_that_is_no_text_is_one_line(command, loaded_once):
    line = refused(command("warehouse", "query", loaded_once, "SELECT '\udcff'"))
    assert line.startswith("error: argument 3 is no text in UTF-8")


def test_what_cannot_be_asked_is_one_line(command, loaded_once, tmp_path):
    for sql, words in (
        ("SELECT nothing FROM images", "nothing"),
        ("COPY images TO 'x.csv'", "nothing else"),
        ("SELECT key::INT FROM objects", "TRY_CAST"),
    ):
        assert words in refused(command("warehouse", "query", loaded_once, sql))
    long = "SELECT max(hash(a.range, b.range)) FROM range(9999999) a, range(9999999) b"
    assert "0.3 s" in refused(command("warehouse", "query", loaded_once, long, "--timeout", "0.3"))
    assert "does not exist" in refused(command("warehouse", "query", "./nowhere", "FROM images"))
    assert list(tmp_path.glob("*.csv")) == []


@pytest.mark.parametrize(
    ("sql", "limit", "words"),
    [
        ("SELECT repeat('x', 3000000000)", ("--memory", "64"), "memory"),
        ("SELECT levenshtein(repeat('a', 200000), repeat('b', 200000))", ("--timeout", "0.5"), "0.5 s"),
    ],
)
def test_what_cannot_be_interrupted_is_ended(command, loaded_once, tmp_path, sql, limit, words):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    ended = command("warehouse", "query", loaded_once, sql, *limit, env={"TMPDIR": str(temporary)})
    assert words in refused(ended)
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(
    "sql",
    [
        "FROM range(1000000000)",
        "SELECT levenshtein(repeat('a', 200000), repeat('b', 200000)) FROM range(100)",
    ],
)
def test_a_signal_ends_it_and_leaves_nothing_behind(loaded_once, tmp_path, sql, signum):
    temporary, place = tmp_path / "temporary", tmp_path / "place"
    temporary.mkdir()
    place.mkdir()
    process = subprocess.Popen(
        [script("warehouse"), "query", loaded_once, sql, "--out", "x.csv"],
        cwd=place,
        env=bare_environment(TMPDIR=str(temporary)),
        stderr=subprocess.PIPE,
    )
    try:
        wait_for(lambda: list(place.iterdir()) or list(temporary.glob("warehouse-*/*/*")))
        process.send_signal(signum)
        _, said = process.communicate(timeout=60)
    finally:
        process.kill()
    assert (process.returncode, said) == (128 + signum, f"error: stopped by {signum.name}\n".encode())
    assert list(place.iterdir()) == list(temporary.iterdir()) == []


@pytest.mark.parametrize("sql", ["SELECT date '0044-03-15 (BC)'", "SELECT 'infinity'::timestamp"])
def test_a_date_that_no_calendar_here_has_is_told(command, loaded_once, sql):
    for form in ("csv", "json", "table"):
        ended = command("warehouse", "query", loaded_once, sql, "--format", form)
        assert ended.code == 2
        assert "CAST it" in ended.err


def test_who_may_read_one_set_only_asks_that_set(command, s3_server, loaded_bucket):
    bucket, env = loaded_bucket, environment(s3_server)
    sql = 'SELECT "group" AS g, count(*) AS n FROM images GROUP BY ALL'
    whole = {row["g"]: row["n"] for row in rows(command("warehouse", "query", bucket, sql, env=env))}
    assert set(whole) == {"training", "validation"}
    whose = {name: rf"/{bucket}/{name}|prefix={name}" for name in ("catalog/", "training/", "validation/")}

    def deny(*prefixes):
        s3_server.faults.clear()
        s3_server.plan("HeadObject", 403, "Forbidden", times=99, about=rf"^/{bucket}/?\?")
        for prefix in prefixes:
            for name in ("ListObjectsV2", "GetObject", "HeadObject"):
                s3_server.plan(name, 403, "AccessDenied", times=99, about=whose[prefix])

    deny("catalog/", "validation/")
    ended = command("warehouse", "query", bucket, sql, env=env)
    assert rows(ended) == [{"g": "training", "n": whole["training"]}]
    assert "readers of training" in ended.err
    deny(*whose)
    ended = command("warehouse", "query", bucket, sql, env=env)
    assert (ended.code, len(ended.err.splitlines())) == (4, 1)
