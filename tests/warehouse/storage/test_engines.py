"""Instances of the query engine are used again, and nothing of one workspace is seen in the next."""

from __future__ import annotations

import os
import tempfile
from collections import deque

import duckdb
import pytest

from warehouse.errors import StoreFault
from warehouse.storage import engines
from warehouse.storage.catalog import MemoryCatalog
from warehouse.storage.catalog_errors import translated
from warehouse.storage.catalog_work import workspace


@pytest.fixture(autouse=True)
def made(monkeypatch, tmp_path):
    """Each instance that is made in this test; none is left of an earlier one. Files go to `tmp_path`."""
    found = []
    real = duckdb.connect

    def connect(*arguments, **settings):
        found.append(settings)
        return real(*arguments, **settings)

    monkeypatch.setattr(duckdb, "connect", connect)
    monkeypatch.setattr(engines, "_idle", deque())
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return found


def setting(connection, name):
    return connection.execute("SELECT current_setting(?)", [name]).fetchone()[0]


def test_one_instance_serves_one_workspace_after_another(made):
    for _ in range(3):
        with workspace() as connection:
            connection.execute("CREATE TABLE mine AS SELECT 1")
    assert len(made) == 1


def test_workspaces_at_the_same_time_share_nothing(made):
    with workspace() as one, workspace() as other:
        one.execute("CREATE TABLE mine AS SELECT 1")
        with pytest.raises(duckdb.CatalogException):
            other.execute("FROM mine")
    assert len(made) == 2


def test_two_connections_work_in_one_workspace(made):
    for _ in range(2):
        with workspace() as one, engines.beside(one) as another:
            one.execute("CREATE TABLE mine AS SELECT 1")
            another.execute("CREATE TABLE other AS FROM mine")
            assert one.execute("FROM other").fetchall() == [(1,)]
    assert len(made) == 1


def test_nothing_is_left_for_the_next(made):
    with workspace("64MB") as connection:
        connection.execute("CREATE TABLE mine AS SELECT 1")
        connection.execute("CREATE TEMP VIEW seen AS SELECT 2")
        connection.register("objects", duckdb.sql("SELECT 3").to_arrow_table())
        connection.execute("SET disabled_optimizers = 'join_order'")
        connection.execute("SET TimeZone = 'Asia/Tokyo'")
    with workspace("128MB") as connection:
        assert connection.execute("SHOW ALL TABLES").fetchall() == []
        for name in ("mine", "seen", "objects"):
            with pytest.raises(duckdb.CatalogException):
                connection.execute(f"FROM {name}")
        assert setting(connection, "disabled_optimizers") == ""
        assert setting(connection, "TimeZone") == "UTC"
        assert setting(connection, "memory_limit") == "122.0 MiB"
    assert len(made) == 1


def test_an_idle_instance_has_no_file(tmp_path):
    with workspace() as connection:
        connection.execute("CREATE TABLE mine AS SELECT 1")
        (folder,) = tmp_path.iterdir()
        assert folder.stat().st_mode & 0o777 == 0o700
    assert list(tmp_path.iterdir()) == []


def test_after_an_error_nobody_uses_the_instance_again(made, tmp_path):
    with pytest.raises(StoreFault), workspace() as connection, translated():
        connection.execute("SELECT error('on purpose')")
    assert list(tmp_path.iterdir()) == []
    with workspace() as connection:
        connection.execute("CREATE TABLE mine AS SELECT 1")
    assert len(made) == 2


def test_after_it_turned_to_the_disk_nobody_uses_the_instance_again(made, tmp_path):
    numbers = "CREATE TABLE {} AS SELECT hash(i) AS a, hash(-i) AS b FROM range(1_500_000) AS n(i) ORDER BY a"
    for _ in range(2):
        with workspace("40MB") as connection:
            connection.execute(numbers.format("mine"))
            (folder,) = tmp_path.iterdir()
            assert (folder / "spill").exists()
        assert list(tmp_path.iterdir()) == []
    assert len(made) == 2


def test_an_instance_reaches_nothing_but_its_own_folder(tmp_path):
    other = tmp_path / "other.csv"
    other.write_text("a\n1\n")
    for _ in range(2):
        with workspace() as connection:
            for out_of_reach in (
                f"FROM read_csv('{other}')",
                f"ATTACH '{tmp_path / 'other.duckdb'}'",
                "SET enable_external_access = true",
                f"SET allowed_directories = ['{tmp_path}']",
                f"SET temp_directory = '{tmp_path}'",
            ):
                with pytest.raises(duckdb.Error, match=r"disabled|while database is running"):
                    connection.execute(out_of_reach)


def test_temporary_files_go_where_they_go_now(made, tmp_path, monkeypatch):
    with workspace():
        pass
    elsewhere = tmp_path / "it's elsewhere"
    elsewhere.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(elsewhere))
    with workspace() as connection:
        connection.execute("CREATE TABLE mine AS SELECT 1")
        assert len(list(elsewhere.iterdir())) == 1
    assert len(made) == 2


def test_no_more_instances_are_kept_than_are_used_at_a_time(monkeypatch):
    monkeypatch.setattr(engines, "MOST_IDLE", 1)
    with workspace(), workspace():
        pass
    assert len(engines._idle) == 1


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_process_that_was_forked_off_makes_its_own():
    with workspace():
        pass
    child = os.fork()
    if child == 0:
        code = 1
        try:
            with workspace() as connection:
                found = connection.execute("SELECT count(*) FROM range(1_000_000)").fetchone()
            code = 0 if found == (1_000_000,) else 1
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0


def test_a_question_of_somebody_else_has_an_instance_of_its_own(made):
    catalog = MemoryCatalog()
    for _ in range(2):
        with catalog.ask("SELECT count(*) FROM objects") as answer:
            assert answer.table().num_rows == 1
    assert len(made) == 2
    for _ in range(2):
        assert catalog.query("SELECT count(*) FROM objects").num_rows == 1
    assert len(made) == 3
