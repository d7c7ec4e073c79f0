"""The page for teams that come from the older loader names what there is: nodes, variables, reasons."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bonobo.graph import name_of
from warehouse import dataprocess, submittingcentres, warehouseloader
from warehouse.config import parse
from warehouse.domain.reasons import REASONS
from warehouse.errors import ConfigurationError

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/migration.md").read_text(encoding="utf-8")


def rows(heading: str) -> list[list[str]]:
    """The cells of the table under a heading, without its head."""
    section = re.split(r"^#+ ", PAGE.split(f"## {heading}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def code(text: str) -> set[str]:
    return set(re.findall(r"`([^`]+)`", text))


def test_the_nodes_are_those_of_the_three_graphs() -> None:
    graphs = (warehouseloader.get_graph(1), submittingcentres.get_graph(1), dataprocess.get_graph(1))
    nodes = {name_of(node) for graph in graphs for node in graph}
    assert {name for _, now in rows("Nodes") for name in code(now)} == nodes


def test_the_variables_that_are_used_now_are_read() -> None:
    sources = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "warehouse").rglob("*.py"))
    not_read = {"DEBUG"}
    table = rows("Environment variables")
    names = {name for first, *_ in table for name in code(first)}
    assert not_read < names
    assert {name for name in names if f'"{name}"' not in sources} == not_read
    assert [now for first, _, now in table if code(first) & not_read and "not" not in now] == []


def test_the_verdicts_are_reasons() -> None:
    told = {name for *_, now in rows("Verdicts") for name in code(now)}
    assert told - {"loaded", "present", "unknown"} <= REASONS.keys()
    assert len(told & REASONS.keys()) > 10


@pytest.mark.parametrize(
    "text",
    [
        '{"raw_prefixes": ["raw-a/b/"]}',
        '{"raw_prefixes": ["raw-a"], "sites": {"split": ["A"]}}',
        '{"raw_prefixes": ["raw-a"], "sites": {"test": ["A"]}}',
        '{"raw_prefixes": ["raw-a"], "sites": {"training": ["A"], "validation": ["A"]}}',
    ],
)
def test_configurations_that_are_refused_now(text: str) -> None:
    with pytest.raises(ConfigurationError):
        parse(text.encode())


@pytest.mark.parametrize(
    "text",
    [
        '{"raw_prefixes": ["raw-a"]}',
        '{"raw_prefixes": ["raw-a/"], "sites": {"training": ["A"]}, "colour": "red"}',
        '{"raw_prefixes": ["raw-a"], "sites": {"split": ["A"]}, "training_percentage": 120}',
    ],
)
def test_configurations_that_only_give_warnings(text: str) -> None:
    assert parse(text.encode()).warnings
