"""The data dictionary is made from the table of columns, and says of each what the table says."""

from __future__ import annotations

import importlib.util
import re
from datetime import date
from pathlib import Path

from warehouse.domain.cleaning import ADDED, COLUMNS
from warehouse.domain.clinical_fields import ORIGINAL_FIELDS

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/data-dictionary.md"


def rows(heading: str) -> list[list[str]]:
    section = PAGE.read_text(encoding="utf-8").split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[1:]]


def test_the_data_dictionary_is_current() -> None:
    specification = importlib.util.spec_from_file_location("generate_dictionary", ROOT / "docs/generate.py")
    assert specification is not None
    assert specification.loader is not None
    generate = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(generate)
    assert PAGE.read_text(encoding="utf-8") == generate.dictionary_page(), "run: python docs/generate.py"


def test_every_column_is_told_once_with_its_type() -> None:
    groups = ("General", "Dates", "History", "Admission", "Outcome")
    cleaned = [(row[0].strip("`"), row[2]) for group in groups for row in rows(group)]
    updates = [(row[0].strip("`"), row[1]) for row in rows("From the images")]
    types = {"text": str, "integer": int, "number": float, "date": date}
    assert [(name, types[kind]) for name, kind in [*cleaned, *updates]] == [*ADDED.items()]


def test_every_rule_that_a_column_names_is_explained() -> None:
    text = PAGE.read_text(encoding="utf-8")
    explained = re.findall(r"^### (.+)$", text, re.MULTILINE)
    assert {column.rule.name for column in COLUMNS} == set(explained)


def test_every_known_field_is_listed() -> None:
    assert [row[1].strip("`") for row in rows("Fields as submitted")] == [*ORIGINAL_FIELDS]
