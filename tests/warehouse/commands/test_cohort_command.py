"""`warehouse cohort`: the same list every time, of what the caller may see, and its objects copied out."""

from __future__ import annotations

import json
import os
import shutil
from threading import Thread

import click
import pytest
from click.testing import CliRunner

from warehouse.cli import cli
from warehouse.domain import cohort
from warehouse.errors import QueryError, SettingsError

CT = "Modality = 'CT' AND fold < 5"


def run(*arguments, **how):
    result = CliRunner().invoke(cli, ["cohort", *map(str, arguments)], standalone_mode=False, **how)
    if result.exception is not None:
        raise result.exception
    return result


def manifest(bucket, where, *flags):
    return run(bucket, "--where", where, *flags).stdout


def keys_of(text):
    _, entries = cohort.read(text.encode().splitlines(keepends=True))
    return [entry.key for entry in entries]


def test_a_cohort_is_what_the_condition_is_true_of(demo, tmp_path):
    text = manifest(demo, "type = 'xray'")
    standing = {str(path.relative_to(demo)) for path in demo.glob("*/xray/**/*") if path.is_file()}
    assert keys_of(text) == sorted(standing, key=str.encode)
    assert "# where: type = 'xray'\n" in text
    assert "# catalog version: 1\n" in text
    told = run(demo, "--where", "type = 'xray'", "--out", tmp_path / "m.csv").stdout
    assert f"{len(standing)} images" in told
    assert (tmp_path / "m.csv").read_text() == text


def test_the_same_condition_on_the_same_version_gives_the_same_bytes(demo, tmp_path):
    first = manifest(demo, CT, "--as-of", 0)
    assert first == manifest(demo, CT, "--as-of", 0)
    now = manifest(demo, CT)
    assert now == manifest(demo, CT, "--as-of", 1)
    assert set(keys_of(first)) <= set(keys_of(now))
    assert "# catalog version: 0\n" in first


@pytest.mark.parametrize("group", ["training", "validation"])
def test_a_reader_of_one_set_gets_that_part_of_it(demo, group):
    whole, part = manifest(demo, CT), manifest(demo, CT, "--set", group)
    assert keys_of(part) == [key for key in keys_of(whole) if key.startswith(f"{group}/")]
    assert f"# tables: {group}\n" in part
    rows = [line for line in whole.splitlines() if line.startswith(f"{group}/")]
    assert [line for line in part.splitlines() if line.startswith(f"{group}/")] == rows
    assert [line for line in part.splitlines() if "catalog" in line] == [
        line for line in whole.splitlines() if "catalog" in line and "tables" not in line
    ]


def test_conditions_of_many_kinds(demo):
    everything = keys_of(manifest(demo, "true"))
    assert keys_of(manifest(demo, "false")) == []
    assert keys_of(manifest(demo, "true -- all of them")) == everything
    assert keys_of(manifest(demo, "patient IN (SELECT patient FROM patients)")) == everything
    assert keys_of(manifest(demo, "true\nAND true")) == everything
    assert keys_of(manifest(demo, "patient <> 'random()' AND md5(patient) > '0'")) == everything
    some = keys_of(manifest(demo, "patient IN (SELECT patient FROM patients WHERE data_files > 0)"))
    assert 0 < len(some) < len(everything)


@pytest.mark.parametrize(
    "where",
    [
        "random() < 0.5",
        '"random"() < 0.5',
        "random/**/() < 0.5",
        "\"uuid\"()::VARCHAR < '8'",
        "NOW() > '2020-01-01'",
        "\"now\"() > '2020-01-01'",
        "StudyDate < strftime(current_date, '%Y')",
        "StudyDate < strftime(\"current_date\", '%Y')",
        "uuid() > 'a'",
        "key IN (SELECT key FROM images USING SAMPLE 10)",
        "key IN (SELECT key FROM images TABLESAMPLE 10%)",
        "key IN (SELECT key FROM images LIMIT 3)",
    ],
)
def test_a_condition_that_differs_every_time_is_refused(demo, where):
    with pytest.raises(QueryError, match="every time"):
        manifest(demo, where)


def test_dates_can_be_taken_apart_and_compared(demo):
    everything = keys_of(manifest(demo, "true"))
    for where in (
        "year(strptime(StudyDate, '%Y%m%d')) = 2020",
        "strftime(strptime(StudyDate, '%Y%m%d'), '%Y') = '2020'",
        "date_diff('day', DATE '2020-01-01', strptime(StudyDate, '%Y%m%d')) BETWEEN 0 AND 366",
        "age(DATE '2021-01-01', strptime(StudyDate, '%Y%m%d')) < INTERVAL 2 YEAR",
        "key IN (SELECT key FROM images ORDER BY key LIMIT 10000)",
    ):
        assert keys_of(manifest(demo, where)) == everything


@pytest.mark.parametrize(
    "where",
    [
        "nothing = 1",
        "",
        " ",
        "-- nothing but a remark",
        "true) UNION ALL (SELECT 1",
        "false) UNION ALL BY NAME (SELECT * REPLACE (1 AS size) FROM images WHERE true",
        "1 = 1) OR (1 = 1",
        "fold < 5) QUALIFY (true",
        "fold < 5 ORDER BY key",
        "fold < 5, true",
        "EXISTS (FROM read_text('config.json'))",
        "true; SELECT 1",
    ],
)
def test_conditions_that_are_none(demo, where, tmp_path):
    with pytest.raises(QueryError):
        run(demo, "--where", where, "--out", tmp_path / "m.csv")
    assert list(tmp_path.iterdir()) == []


def test_a_bucket_that_was_never_loaded(tmp_path):
    with pytest.raises(SettingsError, match="a load fills it"):
        manifest(tmp_path, "true")


def test_fetching_says_what_comes_and_brings_it(demo, tmp_path):
    run(demo, "--where", CT, "--out", tmp_path / "m.csv")
    keys = keys_of((tmp_path / "m.csv").read_text())
    out = tmp_path / "out"
    report = tmp_path / "r.json"
    wanted = "images,metadata,clinical"
    ended = run("fetch", tmp_path / "m.csv", out, "--include", wanted, "--report", report)
    assert ended.return_value == 0
    for words in (f"{len(keys)} images", "metadata documents", "clinical files of"):
        assert words in ended.stderr
    for path in out.rglob("*"):
        if path.is_file():
            assert path.read_bytes() == (demo / path.relative_to(out)).read_bytes()
    assert {str(path.relative_to(out)) for path in out.rglob("*.dcm")} == set(keys)
    counts = json.loads(report.read_text())["services"]["account"]
    assert counts["fetched"] == len([path for path in out.rglob("*") if path.is_file()])
    again = run("fetch", tmp_path / "m.csv", out, "--include", wanted)
    assert f"fetched 0 (0 bytes), there already {counts['fetched']}" in again.stdout


def test_a_warehouse_that_moved_is_named_by_hand(demo, tmp_path):
    shutil.copytree(demo, tmp_path / "drop", copy_function=shutil.copy2)
    run(tmp_path / "drop", "--where", CT, "--out", tmp_path / "m.csv")
    shutil.copytree(demo, tmp_path / "moved", copy_function=shutil.copyfile)
    shutil.rmtree(tmp_path / "drop")
    ended = run("fetch", tmp_path / "m.csv", tmp_path / "out")
    assert ended.return_value == 2
    assert "named by the manifest: say with --bucket where the warehouse is now" in ended.stderr
    assert list((tmp_path / "out").iterdir()) == []
    ended = run("fetch", tmp_path / "m.csv", tmp_path / "out", "--bucket", tmp_path / "nowhere")
    assert "named by --bucket" in ended.stderr
    ended = run("fetch", tmp_path / "m.csv", tmp_path / "out", "--bucket", tmp_path / "moved")
    assert ended.return_value == 0
    assert "as --bucket names a folder, an object is taken for the right one by its size" in ended.stderr


@pytest.mark.parametrize("place", ["", "raw-northfield", "new/folder", "link", "../drop/x"])
def test_nothing_is_fetched_into_the_warehouse_itself(demo, tmp_path, place):
    moved = tmp_path / "moved" / "drop"
    shutil.copytree(demo, moved, copy_function=shutil.copyfile)
    (moved / "link").symlink_to(moved / "raw-southmoor")
    (tmp_path / "to-it").symlink_to(moved)
    before = sorted(moved.rglob("*"))
    run(moved, "--where", CT, "--out", tmp_path / "m.csv")
    for folder in (moved / place, tmp_path / "to-it" / place):
        with pytest.raises(SettingsError, match="FOLDER lies within the warehouse itself"):
            run("fetch", tmp_path / "m.csv", folder, "--yes")
    assert sorted(moved.rglob("*")) == before


def test_a_manifest_may_come_out_of_a_pipe(demo, tmp_path):
    text = manifest(demo, CT)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = Thread(target=pipe.write_text, args=(text,), daemon=True)
    writer.start()
    assert run("fetch", pipe, tmp_path / "out", "--yes").return_value == 0
    writer.join(timeout=60)
    assert {str(path.relative_to(tmp_path / "out")) for path in tmp_path.rglob("*.dcm")} == set(keys_of(text))


def test_an_object_that_was_replaced_by_one_of_its_size_is_found(demo, tmp_path):
    shutil.copytree(demo, tmp_path / "drop", copy_function=shutil.copy2)
    run(tmp_path / "drop", "--where", CT, "--out", tmp_path / "m.csv")
    key = keys_of((tmp_path / "m.csv").read_text())[0]
    image = tmp_path / "drop" / key
    image.write_bytes(bytes(image.stat().st_size))
    ended = run("fetch", tmp_path / "m.csv", tmp_path / "out")
    assert ended.return_value == 1
    assert "replaced since the cohort was made" in ended.stdout
    assert not (tmp_path / "out" / key).exists()


def test_a_warehouse_may_lie_within_the_folder(demo, tmp_path):
    shutil.copytree(demo, tmp_path / "drop", copy_function=shutil.copy2)
    run(tmp_path / "drop", "--where", CT, "--out", tmp_path / "m.csv")
    assert run("fetch", tmp_path / "m.csv", tmp_path).return_value == 0


def test_the_bucket_may_stand_in_the_environment(demo, monkeypatch):
    monkeypatch.setenv("WAREHOUSE_BUCKET", str(demo))
    assert run("--where", CT).stdout == manifest(demo, CT)


def test_a_manifest_is_csv(demo, tmp_path):
    with pytest.raises(SettingsError, match=r"end in \.csv"):
        run(demo, "--where", CT, "--out", tmp_path / "m.json")
    assert list(tmp_path.iterdir()) == []


def test_the_help_shows_the_options_and_the_other_command():
    told = run("--help").stdout
    assert told.startswith("Usage: cli cohort [OPTIONS] [BUCKET]\n")
    for word in ("--where", "--out", "--as-of", "fetch"):
        assert word in told
    with pytest.raises(click.UsageError) as refused:
        run()
    assert refused.value.ctx.command_path == "cli cohort"


def test_what_cannot_be_fetched(demo, tmp_path):
    run(demo, "--where", CT, "--out", tmp_path / "m.csv")
    with pytest.raises(SettingsError, match="--include"):
        run("fetch", tmp_path / "m.csv", tmp_path / "out", "--include", "images,thumbnails")
    (tmp_path / "file").write_text("")
    assert run("fetch", tmp_path / "m.csv", tmp_path / "file" / "out").return_value == 2
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    with pytest.raises(SettingsError, match="damaged in line 1"):
        run("fetch", tmp_path / "other.csv", tmp_path / "out")
    text = (tmp_path / "m.csv").read_text()
    (tmp_path / "m.csv").write_text(text[:-10])
    with pytest.raises(SettingsError, match="damaged"):
        run("fetch", tmp_path / "m.csv", tmp_path / "out")
    assert not (tmp_path / "out").exists()
