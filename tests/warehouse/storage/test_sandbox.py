"""A question reaches the tables that it was given, within its time and memory, and nothing else."""

from __future__ import annotations

import os
import threading
import time

import pyarrow as pa
import pytest

from catalog_rows import decision
from warehouse.errors import QueryError, StoreFault
from warehouse.storage import catalog_views
from warehouse.storage.catalog import MemoryCatalog
from warehouse.storage.catalog_schema import OBJECTS, VIEWS
from warehouse.storage.sandbox import ONE_STATEMENT, OUT_OF_REACH, Limits, ask

host_secret = pa.table({"secret": ["SECRET"]})

NOT_A_QUESTION = [
    "",
    ";",
    "-- nothing",
    "COPY objects TO 'out.csv'",
    "COPY (SELECT 1) TO 'out.parquet' (FORMAT parquet)",
    "EXPORT DATABASE 'out'",
    "IMPORT DATABASE 'out'",
    "ATTACH 'out.duckdb' AS other",
    "ATTACH ':memory:' AS other",
    "DETACH work",
    "USE memory",
    "INSTALL httpfs",
    "LOAD httpfs",
    "LOAD json",
    "PRAGMA database_list",
    "PRAGMA enable_profiling",
    "SET enable_external_access = true",
    "SET memory_limit = '100GB'",
    "SET VARIABLE x = 1",
    "RESET memory_limit",
    "CREATE TABLE mine (n INT)",
    "CREATE TEMP VIEW mine AS SELECT 1",
    "CREATE MACRO f(x) AS x",
    "CREATE SECRET (TYPE s3)",
    "INSERT INTO objects VALUES (1)",
    "UPDATE objects SET key = ''",
    "DELETE FROM objects",
    "DROP VIEW objects",
    "ALTER VIEW objects RENAME TO other",
    "CALL enable_logging(storage = 'file', storage_path = 'out')",
    "CHECKPOINT",
    "VACUUM",
    "BEGIN",
    "PREPARE q AS SELECT 1",
    "EXECUTE q",
    "SELECT 1; SELECT 2",
    "SELECT 1; COPY objects TO 'out.csv'",
    "EXPLAIN COPY objects TO 'out.csv'",
    "EXPLAIN ANALYZE COPY objects TO 'out.csv'",
    "EXPLAIN ANALYZE CREATE TABLE mine (n INT)",
    "explain /* */ analyze SET threads = 1",
    "EXPLAIN EXPLAIN ANALYZE COPY objects TO 'out.csv'",
]

OUT_OF_BOUNDS = [
    "FROM read_csv('{file}')",
    "FROM read_csv_auto(['{file}'])",
    "FROM sniff_csv('{file}')",
    "FROM read_text('{file}')",
    "FROM read_blob('{file}')",
    "FROM read_json('{file}')",
    "FROM read_json_objects('{file}')",
    "FROM read_parquet('{file}')",
    "FROM parquet_scan('{file}')",
    "FROM parquet_metadata('{file}')",
    "FROM glob('{folder}/*')",
    "FROM glob('/**')",
    "FROM '{file}'",
    "FROM '{folder}/*.csv'",
    "FROM 'http://127.0.0.1:9/x.csv'",
    "FROM 's3://bucket/x.parquet'",
    "FROM read_csv('http://127.0.0.1:9/x.csv')",
    "FROM read_csv('/dev/stdin')",
    "DESCRIBE FROM read_csv('{file}')",
    "SUMMARIZE FROM read_csv('{file}')",
    "EXPLAIN ANALYZE SELECT * FROM read_csv('{file}')",
    "WITH x AS (SELECT * FROM read_text('{file}')) SELECT * FROM x",
    "SELECT (SELECT content FROM read_text('{file}'))",
    "FROM query('SELECT * FROM read_text(''{file}'')')",
    "FROM query_table('{file}')",
    "FROM enable_logging(storage = 'file', storage_path = '{folder}/log')",
    "FROM enable_profiling(save_location = '{folder}/profile')",
    "FROM duckdb_secrets()",
    "FROM duckdb_extensions()",
    "FROM json_execute_serialized_sql(json_serialize_sql('SELECT * FROM read_text(''{file}'')'))",
    "SELECT getenv('HOME')",
    "FROM duckdb_settings()",
    "FROM duckdb_databases()",
    "FROM duckdb_databases",
    "FROM pragma_database_list",
    "FROM information_schema.tables",
    "FROM histogram_values(duckdb_databases, path)",
    "SELECT current_setting('temp_directory')",
    "SELECT \"CURRENT_SETTING\"/**/('temp_directory')",
    "WITH duckdb_databases AS (FROM duckdb_databases) FROM duckdb_databases",
    "SELECT (WITH duckdb_databases AS (SELECT 1) FROM duckdb_databases), path FROM duckdb_databases",
    "SHOW DATABASES",
    "FROM objects_0",
    "FROM host_secret",
    "FROM pandas_scan(1)",
    "FROM arrow_scan(1, 2, 3)",
]


@pytest.fixture
def objects():
    return {"objects": [pa.Table.from_pylist([decision("raw-a/x")], schema=OBJECTS)]}


def answer(sources, sql, **limits):
    with ask(sources, sql, limits=Limits(**limits)) as found:
        return found.table()


@pytest.mark.parametrize("sql", NOT_A_QUESTION)
def test_what_is_not_one_question_is_not_carried_out(objects, tmp_path, monkeypatch, sql):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(QueryError) as refused:
        answer(objects, sql)
    assert str(refused.value) == ONE_STATEMENT or "Parser Error" in str(refused.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("sql", OUT_OF_BOUNDS)
def test_nothing_outside_can_be_reached(objects, tmp_path, monkeypatch, sql):
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "x.csv"
    file.write_text("a,b\nSECRET,2\n")
    with pytest.raises(QueryError) as refused:
        answer(objects, sql.format(file=file, folder=tmp_path))
    said = str(refused.value)
    assert "\n" not in said
    assert "SECRET" not in said
    assert "duckdb_types" not in said
    assert [path.name for path in tmp_path.iterdir()] == ["x.csv"]


def test_a_refusal_says_what_can_be_asked(objects):
    with pytest.raises(QueryError, match="ask the tables"):
        answer(objects, "FROM read_csv('x.csv')")
    assert "ask the tables" in OUT_OF_REACH


@pytest.mark.parametrize(
    ("sql", "count"),
    [
        ("SELECT * FROM objects", 1),
        ("  select key from objects;", 1),
        ("WITH x AS MATERIALIZED (SELECT 1) SELECT * FROM x", 1),
        ("FROM objects_now", 1),
        ("TABLE runs", 0),
        ("VALUES (1), (2)", 2),
        ("DESCRIBE objects", len(OBJECTS.names)),
        ("SUMMARIZE runs", 19),
        ("EXPLAIN SELECT * FROM objects", 1),
        ("EXPLAIN (FORMAT json) SELECT 1", 1),
        ("EXPLAIN ANALYZE SELECT * FROM objects", 1),
        ("SELECT * FROM objects -- a remark", 1),
        ('SELECT * FROM "OBJECTS"', 1),
        ("FROM temp.objects", 1),
        ("SHOW objects", len(OBJECTS.names)),
        ("PIVOT objects ON kind IN ('image') USING count(*) GROUP BY key", 1),
        ("WITH a AS (SELECT 1), b AS (FROM a) FROM b", 1),
        ("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3) FROM n", 3),
        ("FROM objects, (SELECT unnest(generate_series(1, 3)))", 3),
    ],
)
def test_questions_are_answered(objects, sql, count):
    assert answer({**objects, "runs": []}, sql).num_rows == count


@pytest.mark.parametrize("sql", ["SHOW TABLES", "show tables;", "SHOW ALL TABLES", "DESCRIBE"])
def test_the_tables_are_listed_as_documented(objects, sql):
    of_a_set = dict.fromkeys(VIEWS, ())
    everything = ["objects", "objects_now", "runs", "images", "series", "studies", "patients"]
    assert answer({**objects, "runs": []}, sql)["name"].to_pylist() == everything
    assert answer(of_a_set, sql)["name"].to_pylist() == ["images", "series", "studies", "patients"]


def test_a_table_that_there_is_not_is_answered_with_those_that_there_are(objects):
    for sql in ("FROM nothing", "SHOW nothing", "SELECT (SELECT 1 FROM a.nothing)"):
        with pytest.raises(QueryError, match=r"no table (a\.)?nothing: the tables are objects, .* patients$"):
            answer(objects, sql)
    with pytest.raises(
        QueryError, match="no table objects: the tables are images, series, studies, patients"
    ):
        answer(dict.fromkeys(VIEWS, ()), "FROM objects")


def test_what_is_nested_too_deeply_is_told(objects):
    with pytest.raises(QueryError, match="nested too deeply"):
        answer(objects, f"SELECT {'+'.join('1' * 900)}")


def test_what_is_wrong_with_sql_is_told_in_one_line_that_quotes_it(objects):
    for sql, words in (
        ("SELEC 1", "Parser Error"),
        ("SELECT nothing FROM objects", '"nothing"'),
        ("SELECT * FROM elsewhere", "elsewhere"),
        ("SELECT nofunction(1)", "nofunction"),
    ):
        with pytest.raises(QueryError) as refused:
            answer(objects, sql)
        assert words in str(refused.value)
        assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT key::INT FROM objects",
        "SELECT error(key) FROM objects",
        "SELECT (size * 1e300 * 1e300)::TINYINT FROM objects",
        "SELECT strptime(key, '%Y') FROM objects",
        "SELECT CASE WHEN size > 0 THEN key::DATE END FROM objects",
    ],
)
def test_no_error_quotes_a_value_of_the_data(sql):
    private = {"objects": [pa.Table.from_pylist([decision("PRIVATE")] * 50_000, schema=OBJECTS)]}
    with pytest.raises(QueryError) as refused:
        answer(private, sql)
    assert "PRIVATE" not in str(refused.value)


def test_a_question_that_takes_too_long_is_interrupted(objects):
    begun = time.monotonic()
    with pytest.raises(QueryError, match=r"longer than 0\.2 s"):
        answer(
            objects, "SELECT max(hash(a.range, b.range)) FROM range(1000000) a, range(1000000) b", seconds=0.2
        )
    assert time.monotonic() - begun < 60


def test_time_also_runs_while_rows_are_given(objects):
    with (
        ask(objects, "SELECT * FROM range(1000000000000)", limits=Limits(seconds=0.5)) as found,
        pytest.raises(QueryError, match="longer than"),
    ):
        for _ in found:
            pass


def test_no_alarm_outlives_its_question(objects):
    answer(objects, "SELECT 1", seconds=600)
    with pytest.raises(QueryError):
        answer(objects, "SELEC", seconds=600)
    assert [thread for thread in threading.enumerate() if isinstance(thread, threading.Timer)] == []


def test_a_question_that_needs_too_much_memory_is_refused(objects):
    with pytest.raises(QueryError, match="more memory than 64MiB"):
        answer(objects, "SELECT list(range || 'x') FROM range(10000000)", memory="64MiB")


def test_what_fails_in_our_own_views_is_not_the_readers_fault(objects, monkeypatch):
    monkeypatch.setattr(catalog_views, "_AGAIN", "CREATE TABLE again AS SELECT nothing FROM objects")
    with pytest.raises(StoreFault):
        answer(objects, "SELECT * FROM objects_now")


def test_parameters_are_values_and_never_sql(objects):
    sql = "SELECT count(*) AS n FROM objects WHERE key = ?"
    for value, count in (("raw-a/x", 1), ("' OR true --", 0)):
        with ask(objects, sql, [value]) as found:
            assert found.table()["n"].to_pylist() == [count]


def test_temporary_files_go_when_an_answer_is_left_half_read(objects, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with ask(objects, "SELECT * FROM range(100000) ORDER BY random()") as found:
        next(iter(found))
        assert os.listdir(tmp_path) != []
    assert os.listdir(tmp_path) == []


def test_two_questions_at_once_do_not_see_each_other():
    catalog = MemoryCatalog()
    catalog.append([decision("a")])
    with catalog.ask("SELECT key FROM objects") as first, catalog.ask("SELECT count(*) FROM runs") as second:
        assert (first.table().num_rows, second.table().num_rows) == (1, 1)
