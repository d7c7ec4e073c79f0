"""The pages about the catalog and the report list what there is, in its order; their examples run."""

from __future__ import annotations

import csv
import io
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from click.testing import CliRunner

from support import Loaded, decisions, load, raw_drop
from warehouse.cli import cli
from warehouse.demo import CONFIGURATION
from warehouse.domain.records import Decided
from warehouse.domain.repeatable import is_fickle
from warehouse.storage.catalog import MemoryCatalog
from warehouse.storage.catalog_work import SHOWN, workspace
from warehouse.storage.counting import VERBS
from warehouse.storage.delta import DeltaCatalog
from warehouse.storage.folder import FolderStore
from warehouse.storage.memory import MemoryStore
from warehouse.storage.parsing import forms

ROOT = Path(__file__).resolve().parents[2]
CATALOG = ROOT / "docs/catalog.md"
COHORTS = ROOT / "docs/cohorts.md"
REPORT = ROOT / "docs/report.md"

_CODE = re.compile(r"`([^`]+)`")

_TYPES = {
    "text": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "time": pa.timestamp("us", "UTC"),
    "list of texts": pa.list_(pa.string()),
    "true or false": pa.bool_(),
}


def section(page: Path, heading: str) -> str:
    """What stands under a heading, up to the next one of any level."""
    text = page.read_text(encoding="utf-8")
    body = text.split(f"\n{heading}\n", 1)[1] if heading else text
    return re.split(r"^#+ ", body.lstrip("# "), maxsplit=1, flags=re.MULTILINE)[0]


def rows(page: Path, heading: str) -> list[list[str]]:
    """The cells of a section's table, without its head."""
    lines = [line for line in section(page, heading).splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[1:]]


def names(page: Path, heading: str) -> list[str]:
    return [name for first, *_ in rows(page, heading) for name in _CODE.findall(first)]


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(encoding="utf-8"), re.M | re.S)


@pytest.mark.parametrize("table", SHOWN)
def test_the_columns_are_those_of_the_table(table: str) -> None:
    told = [(first.strip("`"), _TYPES[kind]) for first, kind, _ in rows(CATALOG, f"## `{table}`")]
    assert told == [(column.name, column.type) for column in SHOWN[table]]


def test_the_outcomes_are_the_five() -> None:
    assert names(CATALOG, "### Outcomes") == [decided.value for decided in Decided]


def test_every_flag_is_given_somewhere() -> None:
    sources = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "warehouse").rglob("*.py"))
    flags = [name for name in names(CATALOG, "### Flags") if "<" not in name]
    assert flags
    assert [flag for flag in flags if f'("{flag}",)' not in sources] == []


def test_what_a_condition_may_not_say_is_what_the_engine_calls_fickle() -> None:
    told = {
        name for row in rows(COHORTS, "## What a condition may not say") for name in _CODE.findall(row[1])
    }
    with workspace() as connection:
        of = forms(connection)
    fickle = {name for name in of for form in of[name] if is_fickle(name, form.arguments, of)}
    assert fickle - told == set()


def filled(store: Any) -> Any:
    store.create("config.json", json.dumps(CONFIGURATION).encode())
    for key, data in raw_drop():
        store.create(key, data)
    return store


@pytest.fixture(scope="module")
def loaded() -> Loaded:
    return load(filled(MemoryStore()), MemoryCatalog())


def test_the_examples_print_what_they_promise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("d").mkdir()
    store, catalog = filled(FolderStore("d")), DeltaCatalog("d")
    load(store, catalog)
    known = decisions(catalog)
    quarantined = sorted(
        (row["reason"], key) for key, row in known.items() if row["outcome"] == "quarantined"
    )
    first, listing, lookup, *_ = blocks(CATALOG, "sh")
    assert [line for line in first.splitlines() if not _asked(line)] == [
        line for line in first.splitlines() if "--out" in line
    ]
    assert Path("studies.parquet").is_file()
    assert [(row["reason"], row["key"]) for row in _asked(listing)] == quarantined
    wanted = known[quarantined[0][1]]
    asked = lookup.replace("20200601T120000Z-a1b2c3", wanted["run"])
    asked = asked.replace("sequence = 17", f"sequence = {wanted['sequence']}")
    assert [row["key"] for row in _asked(asked)] == [wanted["key"]]
    (code,) = blocks(CATALOG, "python")
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    (counted,) = _asked('warehouse query d "SELECT count(*) AS n FROM images" --set training')
    assert (result.stdout, result.stderr) == (f"{counted['n']}\n", "")


def _asked(line: str) -> list[dict[str, str]]:
    """What a command line of the page prints, as rows."""
    _, *words = shlex.split(line)
    result = CliRunner().invoke(cli, words, standalone_mode=False)
    assert result.exception is None
    text = result.stdout
    return json.loads(text) if text.startswith("[") else list(csv.DictReader(io.StringIO(text, newline="")))


def test_the_name_of_a_run_is_written_as_runs_are_named(loaded: Loaded) -> None:
    form = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{6}")
    assert form.fullmatch(loaded.figures["run"])
    assert form.search(section(CATALOG, "## From a line of the log to a key"))


def test_the_report_has_the_keys_that_its_page_lists(loaded: Loaded) -> None:
    report = loaded.report.to_json()
    assert names(REPORT, "") == list(report)
    assert names(REPORT, "## `services.ledger`") == list(report["services"]["ledger"])
    on_s3 = ["requests", "pages"]
    assert names(REPORT, "### Requests") == [*report["services"]["ledger"]["requests"], *on_s3]
    assert set(VERBS) <= set(names(REPORT, "### Requests"))


def test_the_parts_of_the_report_are_named(loaded: Loaded) -> None:
    report, told = loaded.report.to_json(), REPORT.read_text(encoding="utf-8")
    ledger = report["services"]["ledger"]
    parts = [report["nodes"][0], report["rejected"], ledger["outcomes"], *ledger["waiting"].values()]
    assert ledger["waiting"]
    assert [key for part in parts for key in part if f"`{key}`" not in told] == []


def test_the_example_of_a_report_is_part_of_one(loaded: Loaded) -> None:
    (block,) = blocks(REPORT, "json")
    assert list(_strange(json.loads(block), loaded.report.to_json())) == []


def test_the_example_of_a_report_is_that_of_a_second_load() -> None:
    store, catalog = filled(MemoryStore()), MemoryCatalog()
    load(store, catalog)
    report = load(store, catalog).report.to_json()
    (block,) = blocks(REPORT, "json")
    example = json.loads(block)
    shown, real = example["services"]["ledger"], report["services"]["ledger"]
    counted = shown.keys() - {"run", "configuration", "waiting", "requests"}
    assert {key: real[key] for key in counted} == {key: shown[key] for key in counted}
    waiting = {uploader: one["patients"] for uploader, one in shown["waiting"].items()}
    assert {uploader: one["patients"] for uploader, one in real["waiting"].items()} == waiting
    sized = {"bytes_read", "bytes_written"}
    assert shown["requests"].keys() == real["requests"].keys()
    assert {verb: n for verb, n in real["requests"].items() if verb not in sized} == {
        verb: n for verb, n in shown["requests"].items() if verb not in sized
    }
    assert report["nodes"][: len(example["nodes"])] == example["nodes"]


def _strange(shown: Any, real: Any, place: str = "") -> Iterable[str]:
    """The places of an example whose keys or types no real report has."""
    if isinstance(shown, dict) and isinstance(real, dict):
        for key, value in shown.items():
            yield from _strange(value, real[key], f"{place}/{key}") if key in real else (f"{place}/{key}",)
    elif isinstance(shown, list) and isinstance(real, list):
        for number, value in enumerate(shown):
            yield from _strange(value, real[0], f"{place}/{number}")
    elif type(shown) is not type(real):
        yield place


def test_strange_places_are_found() -> None:
    def found(shown: Any) -> Iterator[str]:
        return iter(_strange(shown, {"a": {"b": 1}, "c": [{"d": ""}]}))

    assert list(found({"a": {"b": 2}, "c": [{"d": "x"}]})) == []
    assert list(found({"a": {"z": 2}, "c": [{"d": 1}]})) == ["/a/z", "/c/0/d"]
