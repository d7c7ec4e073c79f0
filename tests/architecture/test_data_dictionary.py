"""The data dictionary is made from the table of columns, and says of each what the table says."""

from __future__ import annotations

import importlib.util
import re
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from warehouse.domain.cleaning import ADDED, COLUMNS
from warehouse.domain.clinical_fields import ORIGINAL_FIELDS

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/data-dictionary.md"
TABLES = ROOT / "docs/tables.md"


def rows(heading: str) -> list[list[str]]:
    section = PAGE.read_text(encoding="utf-8").split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[1:]]


@pytest.fixture(scope="module")
def generate() -> Any:
    specification = importlib.util.spec_from_file_location("generate_dictionary", ROOT / "docs/generate.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_the_data_dictionary_is_current(generate: Any) -> None:
    assert PAGE.read_text(encoding="utf-8") == generate.dictionary_page(), "run: python docs/generate.py"


def test_every_column_is_told_once_with_its_type() -> None:
    groups = ("General", "Dates", "History", "Admission", "Outcome")
    cleaned = [(row[0].strip("` †"), row[2]) for group in groups for row in rows(group)]
    updates = [(row[0].strip("`"), row[1]) for row in rows("From the images")]
    types = {"text": str, "integer": int, "number": float, "date": date}
    assert [(name, types[kind]) for name, kind in [*cleaned, *updates]] == [*ADDED.items()]


def test_every_rule_that_a_column_names_is_explained() -> None:
    text = PAGE.read_text(encoding="utf-8")
    explained = re.findall(r"^### (.+)$", text, re.MULTILINE)
    assert {column.rule.name for column in COLUMNS} == set(explained)


def test_every_known_field_is_listed() -> None:
    assert [row[1].strip("` †") for row in rows("Fields as submitted")] == [*ORIGINAL_FIELDS]


def test_names_that_differ_in_capitals_only_are_marked_and_listed(generate: Any) -> None:
    pairs = generate.namesakes()
    assert ("Age", "age") in pairs
    marked = re.findall(r"^\|.*?`([^`]+)` †", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(marked) == sorted(name for pair in pairs for name in pair)
    section = TABLES.read_text(encoding="utf-8").split("### Names that differ in capitals only\n", 1)[1]
    listed = re.findall(r"^\| `(.+)` \| `(.+)` \|$", section.split("\n## ", 1)[0], re.MULTILINE)
    assert listed == pairs


def test_duckdb_calls_the_second_of_two_such_columns_as_the_page_says(tmp_path: Path) -> None:
    file = str(tmp_path / "patient_clean.parquet")
    parquet.write_table(pa.table({"Age": ["[65] - 2020"], "age": [65]}), file)
    assert duckdb.sql(f"SELECT \"age\", age_1 FROM '{file}'").fetchall() == [("[65] - 2020", 65)]
