"""No command writes its results, its report or its tables over the warehouse that it reads."""

from __future__ import annotations

import os
import shutil

import click
import pytest
from click.testing import CliRunner

from warehouse.cli import cli
from warehouse.errors import SettingsError

WRITING = {
    "query": ("query", "{drop}", "SELECT 1", "--format", "csv", "--out", "{place}"),
    "cohort": ("cohort", "{drop}", "--where", "true", "--out", "{place}"),
    "report": ("report", "{drop}", "--out", "{place}"),
    "load": ("load", "{drop}", "--report", "{place}"),
    "process report": ("process", "{drop}", "--local-only", "--report", "{place}"),
    "fetch report": ("cohort", "fetch", "{manifest}", "{out}", "--yes", "--report", "{place}"),
    "process": ("process", "{drop}", "--out", "{place}"),
    "fetch": ("cohort", "fetch", "{manifest}", "{place}", "--yes"),
}


def run(command, **places):
    arguments = [one.format(**places) for one in WRITING[command]]
    result = CliRunner().invoke(cli, arguments, standalone_mode=False)
    if result.exception is not None:
        raise result.exception
    return result


def tree(folder):
    return {path: path.lstat().st_mtime_ns for path in sorted(folder.rglob("*"))}


@pytest.fixture
def places(demo, tmp_path):
    drop = tmp_path / "drop"
    shutil.copytree(demo, drop, copy_function=shutil.copy2)
    run("cohort", drop=drop, place=tmp_path / "m.csv")
    (tmp_path / "to-it").symlink_to(drop)
    (drop / "out-of-it").symlink_to(tmp_path)
    return {"drop": drop, "manifest": tmp_path / "m.csv", "out": tmp_path / "out"}


@pytest.mark.parametrize("command", WRITING)
@pytest.mark.parametrize(
    "place", ["drop/{}", "to-it/{}", "drop/raw-northfield/{}", "drop/../to-it/../drop/{}", "drop/out-of-it"]
)
def test_nothing_is_written_into_the_warehouse(places, tmp_path, command, place):
    of_a_folder = command in ("process", "fetch")
    place = place.format("catalog" if of_a_folder else "config.csv")
    if place == "drop/out-of-it" and not of_a_folder:
        (tmp_path / place).unlink()
        (tmp_path / place).symlink_to(tmp_path / "m.csv")
    before = tree(tmp_path)
    with pytest.raises(SettingsError, match="lies within the warehouse itself: name a place outside"):
        run(command, **places, place=tmp_path / place)
    assert tree(tmp_path) == before


def test_a_place_beside_the_warehouse_is_none_within_it(places, tmp_path):
    place = tmp_path / "drop" / ".." / "drop.csv"
    run("query", **places, place=place)
    assert (tmp_path / "drop.csv").read_text() == "1\n1\n"
    assert run("process", **places, place=os.path.join(tmp_path, "drop", "..")).return_value == 0


@pytest.mark.parametrize("command", WRITING)
def test_a_place_without_a_name_is_refused(places, tmp_path, monkeypatch, command):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(click.BadParameter, match="empty"):
        run(command, **places, place="")
    assert list((tmp_path / "here").iterdir()) == []
