"""The real command: a page whose figures are the catalog's, which names nobody."""

import json
import re

from test_commands import whole_tree
from test_s3 import environment

from warehouse.report.questions import QUESTIONS
from warehouse.storage.delta import DeltaCatalog

CANARY = "demo0"


def data_of(file):
    text = file.read_text(encoding="utf-8")
    return json.loads(
        re.search(r'<script type="application/json" id="figures">(.*?)</script>', text, re.S)[1]
    )


def test_the_figures_are_those_of_a_query(command, loaded, tmp_path):
    before = whole_tree(loaded)
    made = command("warehouse", "report", loaded, "--out", "page.html")
    assert (made.code, made.out) == (0, "wrote page.html\n"), made.err
    assert whole_tree(loaded) == before
    data = data_of(tmp_path / "page.html")
    for name, sql in QUESTIONS.items():
        asked = command("warehouse", "query", loaded, sql, "--format", "json")
        assert data[name] == json.loads(asked.out), name
    assert (data["warehouse"], data["version"]) == ("drop", DeltaCatalog(str(loaded)).version())
    assert data["completeness"]["records"] == {"data": 16, "status": 8}
    filled = {row["field"]: row for row in data["completeness"]["fields"]}
    assert (filled["Age"]["data"], filled["Age"]["status"]) == (16, 8)
    assert filled["Ethnicity"]["data"] == 0


def test_the_figures_add_up(command, loaded, tmp_path):
    command("warehouse", "report", loaded)
    data = data_of(tmp_path / "report.html")
    run = data["runs"][0]
    patients = sum(row["patients"] for row in data["totals"])
    images = sum(row["images"] for row in data["totals"])
    assert patients == sum(row["patients"] for row in data["centres"])
    assert patients == sum(data["completeness"]["records"].values())
    assert images == sum(row["images"] for row in data["modalities"])
    by_outcome = dict.fromkeys(("quarantined", "deferred"), 0)
    for row in data["not_loaded"]:
        by_outcome[row["outcome"]] += row["files"]
    assert by_outcome == {outcome: run[outcome] for outcome in by_outcome}
    assert sum(row["files"] for row in data["submissions"]) == run["loaded"] + run["present"]


def test_nobody_is_named(command, loaded, tmp_path):
    ended = command("warehouse", "report", loaded)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert CANARY not in (page + ended.out + ended.err).lower()
    assert "raw-" not in page
    assert str(tmp_path) not in page
    assert not re.search(r"2\.25\.\d", page)


def test_one_catalog_gives_one_page_but_for_its_time(command, loaded, tmp_path):
    pages = []
    for name in ("one.html", "two.html"):
        command("warehouse", "report", loaded, "--out", name)
        text = (tmp_path / name).read_text(encoding="utf-8")
        pages.append(re.sub(r"<time.*?</time>|\"made\": \"[^\"]*\"", "", text))
    assert pages[0] == pages[1]


def test_a_record_that_cannot_be_read_is_counted_and_the_page_is_made(command, loaded, tmp_path):
    record = min((loaded / "training" / "data").rglob("data_*.json"))
    record.write_text("{")
    made = command("warehouse", "report", loaded)
    assert made.code == 1
    assert "1 clinical file" in made.out
    data = data_of(tmp_path / "report.html")
    assert data["completeness"]["unread"] == {"damaged": 1}
    assert sum(data["completeness"]["records"].values()) == 23


def test_an_empty_folder(command, tmp_path):
    (tmp_path / "empty").mkdir()
    made = command("warehouse", "report", "empty")
    assert made.code == 0, made.err
    data = data_of(tmp_path / "report.html")
    assert (data["version"], data["totals"], data["runs"]) == (None, [], [])


def test_a_place_where_nothing_can_be_written_is_refused(command, loaded, tmp_path):
    for out in (tmp_path / "nowhere" / "page.html", tmp_path):
        refused = command("warehouse", "report", loaded, "--out", out)
        assert refused.code == 2, out
        assert "--out" in refused.err
    unwritable = command("warehouse", "report", loaded, "--out", "x" * 250 + ".html")
    assert unwritable.code == 2
    assert "cannot be written" in unwritable.err
    assert command("warehouse", "report", tmp_path / "nowhere").code == 2
    assert not (tmp_path / "report.html").exists()


def test_over_s3(command, s3_server, loaded_bucket, tmp_path):
    variables = environment(s3_server)
    made = command("warehouse", "report", f"s3://{loaded_bucket}", env=variables)
    assert made.code == 0, made.err
    data = data_of(tmp_path / "report.html")
    assert data["warehouse"] == f"s3://{loaded_bucket}"
    assert [row["patients"] for row in data["totals"]] == [13, 11]
