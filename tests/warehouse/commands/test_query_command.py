"""`warehouse query`: answers in every format, as of any version, for who may see what."""

from __future__ import annotations

import csv
import io
import json
import shutil
from datetime import datetime
from pathlib import Path

import click
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from support import load
from warehouse.cli import cli
from warehouse.commands import hard_limits
from warehouse.demo import CONFIGURATION
from warehouse.errors import Forbidden, QueryError, SettingsError
from warehouse.settings import VARIABLES
from warehouse.storage.catalog import OBJECTS, RUNS, VIEWS
from warehouse.storage.delta import DeltaCatalog
from warehouse.storage.folder import FolderStore

GROUPS = ("training", "validation")


def run(*arguments):
    result = CliRunner().invoke(cli, ["query", *map(str, arguments)], standalone_mode=False)
    if result.exception is not None:
        raise result.exception
    return result


def ask(bucket, sql, *flags):
    """What the command prints; its error is raised."""
    return run(bucket, sql, *flags).stdout


def rows(bucket, sql, *flags):
    return list(csv.DictReader(io.StringIO(ask(bucket, sql, *flags), newline="")))


def test_every_table_can_be_asked(demo):
    columns = {"objects": OBJECTS, "objects_now": OBJECTS, "runs": RUNS, **VIEWS}
    for name, schema in columns.items():
        found = rows(demo, f"SELECT * FROM {name}")
        assert found
        assert list(found[0]) == schema.names


def test_the_figures_are_those_of_the_folder(demo):
    found = rows(
        demo, 'SELECT "group" AS g, type, count(*) AS n, sum(size) AS bytes FROM images GROUP BY ALL'
    )
    assert len(found) == 7
    for row in found:
        files = [path for path in (demo / row["g"] / row["type"]).rglob("*") if path.is_file()]
        assert int(row["n"]) == len(files)
        assert int(row["bytes"]) == sum(path.stat().st_size for path in files)


def test_formats(demo, tmp_path):
    sql = "SELECT patient, types, images, first_study FROM patients ORDER BY patient"
    found = json.loads(ask(demo, sql, "--format", "json"))
    assert [row["patient"] for row in found] == sorted(row["patient"] for row in found)
    as_csv = ask(demo, sql, "--format", "csv")
    read = list(csv.DictReader(io.StringIO(as_csv, newline="")))
    assert [row["images"] for row in read] == [str(row["images"]) for row in found]
    assert [json.loads(row["types"]) for row in read] == [row["types"] for row in found]
    assert len(ask(demo, sql, "--format", "table").splitlines()) == len(found) + 2
    assert ask(demo, sql) == as_csv
    assert ask(demo, sql, "--out", tmp_path / "p.parquet") == ""
    assert pq.read_table(tmp_path / "p.parquet").to_pylist() == found
    ask(demo, sql, "--out", tmp_path / "p.csv")
    assert (tmp_path / "p.csv").read_text() == as_csv
    ask(demo, sql, "--out", tmp_path / "p.txt", "--format", "json")
    assert json.loads((tmp_path / "p.txt").read_text()) == found
    with pytest.raises(SettingsError, match="--out"):
        ask(demo, sql, "--format", "parquet")


@pytest.mark.parametrize("name", ["s.xyz", "s.txt", "s", "s.table", ".csv"])
def test_a_name_that_tells_no_format_is_refused(demo, tmp_path, name):
    with pytest.raises(SettingsError, match=r"\.parquet, or give --format"):
        ask(demo, "SELECT 1 AS a", "--out", tmp_path / name)
    assert list(tmp_path.iterdir()) == []
    ask(demo, "SELECT 1 AS a", "--out", tmp_path / name, "--format", "csv")
    assert (tmp_path / name).read_text() == "a\n1\n"


def test_the_bucket_may_stand_in_the_environment(demo, monkeypatch):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(click.MissingParameter, match="set WAREHOUSE_BUCKET and give SQL"):
        run("SELECT 1 AS a")
    monkeypatch.setenv("WAREHOUSE_BUCKET", str(demo))
    assert run("SELECT 1 AS a").stdout == "a\n1\n"
    assert run(demo, "SELECT 1 AS a").stdout == "a\n1\n"
    with pytest.raises(click.MissingParameter):
        run()


def test_no_rows_still_have_a_header(demo, tmp_path):
    sql = "SELECT key, size FROM images WHERE false"
    assert ask(demo, sql) == "key,size\n"
    assert json.loads(ask(demo, sql, "--format", "json")) == []
    assert ask(demo, sql, "--format", "table").split() == ["key", "size", "---", "----"]
    ask(demo, sql, "--out", tmp_path / "none.parquet")
    assert pq.read_table(tmp_path / "none.parquet").schema.names == ["key", "size"]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx"])
def test_no_cell_of_csv_is_a_formula_and_numbers_stay_numbers(demo, tmp_path, text):
    literal = "chr(" + ") || chr(".join(str(ord(one)) for one in text) + ")"
    ask(demo, f'SELECT {literal} AS a, -1 AS b, 1 AS "=c"', "--out", tmp_path / "x.csv")
    with (tmp_path / "x.csv").open(newline="") as stream:
        (row,) = csv.DictReader(stream)
    assert row == {"a": "'" + text, "b": "-1", "'=c": "1"}


def test_no_part_of_a_cell_of_csv_is_a_formula(demo, tmp_path):
    ask(demo, "SELECT 'a;=1' AS a, ['b;=1'] AS b, {'c': ';@1'} AS c", "--out", tmp_path / "x.csv")
    with (tmp_path / "x.csv").open(newline="") as stream:
        (row,) = csv.DictReader(stream)
    assert row == {"a": "a;'=1", "b": '["b;\'=1"]', "c": '{"c":";\'@1"}'}


def test_values_of_every_kind(demo, tmp_path):
    sql = """SELECT NULL AS "null", true AS yes, 1.5::DECIMAL(4, 2) AS amount, 'NaN'::DOUBLE AS nan,
        sum(9223372036854775807) AS huge, DATE '2024-02-29' AS day,
        TIMESTAMPTZ '2024-02-29 12:00:00Z' AS moment, 'ü' AS text, '\\x00\\xFF'::BLOB AS bytes,
        [DATE '2024-02-29'] AS list, {'a': [1]} AS struct
        FROM range(2)"""
    (row,) = rows(demo, sql)
    scalars = {"null": "", "yes": "true", "amount": "1.50", "nan": "nan", "huge": "18446744073709551614"}
    times = {"day": "2024-02-29", "moment": "2024-02-29T12:00:00+00:00"}
    others = {"text": "ü", "bytes": "00ff", "list": '["2024-02-29"]', "struct": '{"a":[1]}'}
    assert row == {**scalars, **times, **others}
    (found,) = json.loads(ask(demo, sql, "--format", "json"))
    assert (found["null"], found["nan"], found["amount"], found["yes"]) == (None, None, 1.5, True)
    assert (found["huge"], found["struct"]) == ("18446744073709551614", {"a": [1]})
    with pytest.raises(QueryError, match="AS"):
        ask(demo, "SELECT 1 AS a, 2 AS a", "--format", "json")
    with pytest.raises(QueryError, match="CAST"):
        ask(demo, "SELECT MAP{} AS a", "--out", tmp_path / "x.parquet")
    assert list(tmp_path.iterdir()) == []


def test_types_of_the_query_engine_are_told_as_it_writes_them(demo, tmp_path):
    values = {
        "interval": ("INTERVAL 14 MONTH", "1 year 2 months"),
        "bit": ("'101'::BIT", "101"),
        "bignum": ("(-123456789012345678901234567890)::BIGNUM", "-123456789012345678901234567890"),
        "uhugeint": ("md5_number('a')", "129134844867590561315626153795017621772"),
        "time": ("'24:00:00'::TIME", "24:00:00"),
        "timetz": ("'12:00:00+02'::TIMETZ", "12:00:00+02"),
        'odd "name"': ("1::VARIANT", "1"),
    }
    sql = "SELECT " + ", ".join(
        f"""{value} AS "{name.replace('"', '""')}\"""" for name, (value, _) in values.items()
    )
    told = {name: text for name, (_, text) in values.items()}
    assert json.loads(ask(demo, sql, "--format", "json")) == [told]
    assert rows(demo, sql) == [{**told, "bignum": "'-123456789012345678901234567890"}]
    ask(demo, sql, "--out", tmp_path / "x.parquet")
    assert pq.read_table(tmp_path / "x.parquet").to_pylist() == [told]
    within = "SELECT {'a': [INTERVAL 1 DAY], 'b': MAP{'k': '1'::BIT}, 'c': [true]::BOOLEAN[1]} AS x, 2 AS x"
    assert ask(demo, within).splitlines()[1] == ('"{""a"":[""1 day""],""b"":[[""k"",""1""]],""c"":[true]}",2')


def test_a_header_of_csv_is_text_like_any_other(demo, tmp_path):
    ask(demo, 'SELECT 1 AS "=c"', "--out", tmp_path / "x.parquet")
    assert pq.read_table(tmp_path / "x.parquet").schema.names == ["=c"]
    assert ask(demo, 'SELECT 1 AS "=c"') == "'=c\n1\n"


def test_a_table_cannot_steer_a_terminal(demo):
    sql = "SELECT 'a' || chr(27) || '[2J' || chr(155) AS x, '日本' AS wide, 1 AS n"
    assert ask(demo, sql, "--format", "table").splitlines() == [
        "x             wide  n",
        "------------  ----  -",
        "a\\x1b[2J\\x9b  日本  1",
    ]


def test_a_long_table_says_that_it_ends_early(demo):
    lines = ask(demo, "FROM range(1001)", "--format", "table").splitlines()
    assert len(lines) == 2 + 1000 + 1
    assert "only the first 1,000 rows" in lines[-1]


def test_a_file_is_whole_or_not_there(demo, tmp_path):
    kept = tmp_path / "kept.csv"
    kept.write_text("before")
    late = "SELECT CASE WHEN range < 99999 THEN range ELSE error('late') END FROM range(100000)"
    with pytest.raises(QueryError):
        ask(demo, late, "--out", kept)
    assert kept.read_text() == "before"
    assert [path.name for path in tmp_path.iterdir()] == ["kept.csv"]
    ask(demo, "SELECT 1 AS a", "--out", kept)
    assert kept.read_text() == "a\n1\n"
    with pytest.raises(SettingsError, match="cannot be written"):
        ask(demo, "SELECT 1", "--out", tmp_path / "no" / "where.csv")


def test_limits(demo, monkeypatch):
    # What ends a process that does not heed its limits would end the tests, where a busy machine is slow.
    monkeypatch.setattr(hard_limits, "_watch", lambda *_: None)
    with pytest.raises(QueryError, match=r"longer than 0\.3 s"):
        ask(
            demo,
            "SELECT max(hash(a.range, b.range)) FROM range(9999999) a, range(9999999) b",
            "--timeout",
            0.3,
        )
    with pytest.raises(QueryError, match="64MiB"):
        ask(demo, "SELECT list(range || 'x') FROM range(10000000)", "--memory", 64)


def test_one_set_names_that_set_only(demo):
    sql = 'SELECT "group" AS g, patient FROM patients ORDER BY patient'
    everyone = {row["patient"]: row["g"] for row in rows(demo, sql)}
    for group in GROUPS:
        found = {row["patient"]: row["g"] for row in rows(demo, sql, "--set", group)}
        assert found == {patient: of for patient, of in everyone.items() if of == group}
    with pytest.raises(QueryError, match="objects"):
        ask(demo, "FROM objects", "--set", "training")


def test_a_bucket_that_was_never_loaded(tmp_path):
    for flags in ((), ("--as-of", "0"), ("--as-of", "2024-01-01")):
        with pytest.raises(SettingsError, match="a load fills it"):
            ask(tmp_path, "SELECT count(*) AS n FROM images", *flags)
    with pytest.raises(QueryError, match="a load does that"):
        ask(tmp_path, "FROM images", "--set", "training")
    assert list(tmp_path.iterdir()) == []


def test_a_load_that_found_nothing_leaves_a_run_to_ask(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({**CONFIGURATION, "raw_prefixes": ["raw-a/"]}))
    assert load(FolderStore(tmp_path), DeltaCatalog(str(tmp_path))).code == 0
    assert rows(tmp_path, "SELECT listed FROM runs") == [{"listed": "0"}]
    with pytest.raises(QueryError, match="has no versions"):
        ask(tmp_path, "FROM runs", "--as-of", "0")


@pytest.mark.parametrize("group", GROUPS)
def test_a_folder_that_holds_one_set_only_is_asked_for_that_set(demo, tmp_path, caplog, group):
    shutil.copytree(demo / group / "catalog", tmp_path / group / "catalog")
    assert rows(tmp_path, 'SELECT DISTINCT "group" AS g FROM images') == [{"g": group}]
    assert f"this is what the readers of {group} may see" in caplog.text
    with pytest.raises(QueryError, match="by then"):
        ask(tmp_path, "FROM images", "--as-of", "2001-01-01")


def test_a_folder_that_holds_both_sets_and_no_catalog_wants_one_named(demo, tmp_path):
    for group in GROUPS:
        shutil.copytree(demo / group / "catalog", tmp_path / group / "catalog")
    with pytest.raises(SettingsError, match="--set"):
        ask(tmp_path, "FROM images")


def test_a_set_says_which_version_answers(demo, caplog):
    sql = "SELECT count(*) AS n FROM images"
    newest = rows(demo, sql, "--set", "training")
    assert rows(demo, sql, "--set", "training", "--as-of", 1) == newest
    assert caplog.text == ""
    assert rows(demo, sql, "--set", "training", "--as-of", 99) == newest
    assert "version 1 of the catalog answers: the last by 99 for training" in caplog.text


def patients(demo, *flags):
    """How many there are, as the catalog tells and as the readers of each set are told."""
    sql = "SELECT count(*) AS n FROM patients"
    return [int(rows(demo, sql, *flags, *of)[0]["n"]) for of in ((), *(("--set", one) for one in GROUPS))]


def test_as_of_a_version_and_a_time(demo):
    first, second = rows(demo, "SELECT started, ended FROM runs ORDER BY ended")
    begun, ended = (datetime.fromisoformat(text) for text in (second["started"], first["ended"]))
    between = ended + (begun - ended) / 2
    before, now = patients(demo, "--as-of", between.isoformat()), patients(demo)
    assert before != now
    assert before[0] == before[1] + before[2]
    assert patients(demo, "--as-of", 0) == before
    assert patients(demo, "--as-of", "2999-01-01") == patients(demo, "--as-of", 1) == now
    assert rows(demo, "SELECT started, ended FROM runs", "--as-of", between.isoformat()) == [first]
    assert rows(demo, "SELECT started, ended FROM runs", "--as-of", "2999-01-01T00:00:00+01:00") in (
        [first, second],
        [second, first],
    )


def test_versions_and_times_that_there_are_not(demo):
    with pytest.raises(QueryError, match="its versions are 0 to 1"):
        ask(demo, "FROM images", "--as-of", 2)
    with pytest.raises(QueryError, match="not that old"):
        ask(demo, "FROM images", "--as-of", "2001-01-01")
    with pytest.raises(QueryError, match="nothing was published for training by then"):
        ask(demo, "FROM images", "--as-of", "2001-01-01", "--set", "training")
    for odd in ("yesterday", "-1", "1.5", "2024-13-01"):
        with pytest.raises(Exception, match="2024-02-29T12:00:00Z"):
            ask(demo, "FROM images", "--as-of", odd)


def test_a_catalog_that_was_copied_keeps_its_times(demo, tmp_path):
    for path in demo.rglob("catalog/**/*"):
        if path.is_file():
            copy = tmp_path / path.relative_to(demo)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())
    (first, _) = rows(demo, "SELECT ended FROM runs ORDER BY ended")
    assert patients(tmp_path, "--as-of", first["ended"]) == patients(demo, "--as-of", first["ended"])


def test_nothing_is_written_by_a_question(demo):
    def state():
        return sorted((str(path), path.stat().st_mtime_ns) for path in Path(demo).rglob("*"))

    before = state()
    ask(demo, "SELECT * FROM images")
    assert state() == before


def denied(monkeypatch, *folders):
    """Let no table under these folders be opened, as permissions would."""
    from warehouse.storage.delta_tables import DeltaTables

    original = DeltaTables.open

    def open(tables, name, version=None):
        if tables._folder in folders:
            raise Forbidden("catalog")
        return original(tables, name, version)

    monkeypatch.setattr(DeltaTables, "open", open)


def test_who_may_read_one_set_only_asks_that_set(demo, monkeypatch, caplog):
    sql = 'SELECT DISTINCT "group" AS g FROM images'
    denied(monkeypatch, "catalog", "validation/catalog")
    assert rows(demo, sql) == [{"g": "training"}]
    assert "readers of training" in caplog.text
    denied(monkeypatch, "catalog", "training/catalog", "validation/catalog")
    with pytest.raises(Forbidden):
        ask(demo, sql)


def test_who_may_read_both_sets_has_to_name_one(demo, monkeypatch):
    denied(monkeypatch, "catalog")
    with pytest.raises(SettingsError, match="--set"):
        ask(demo, "FROM images")
    assert rows(demo, 'SELECT DISTINCT "group" AS g FROM images', "--set", "validation") == [
        {"g": "validation"}
    ]


def test_sql_may_begin_with_a_remark(demo):
    assert ask(demo, "-- all of them\nSELECT 1 AS n", "--format", "csv") == "n\n1\n"
    assert ask(demo, "--all of them\n--\nSELECT 1 AS n", "--format=csv") == "n\n1\n"
    with pytest.raises(click.UsageError):
        ask(demo, "--no-option", "SELECT 1")


@pytest.mark.parametrize(
    ("flag", "value"),
    [("--timeout", value) for value in ("nan", "inf", "-inf", "0", "-1", "86401", "1e10")]
    + [("--memory", value) for value in ("63", "999999999999999999999999")],
)
def test_a_limit_that_is_none_is_refused(demo, flag, value):
    with pytest.raises(click.BadParameter):
        ask(demo, "SELECT 1", flag, value)


@pytest.mark.parametrize("levels", [60, 150, 400])
def test_a_value_that_is_nested_too_deeply_is_told(demo, levels):
    with pytest.raises(QueryError, match="nested too deeply"):
        ask(demo, f"SELECT {'{a:' * levels}1{'}' * levels} AS x")
    assert ask(demo, f"SELECT {'{a:' * 50}1{'}' * 50} AS x").startswith("x\n")
