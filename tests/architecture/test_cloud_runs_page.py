"""The page about runs in a container lists what there is; its samples are those of a second load."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from support import load, raw_drop
from warehouse.cloud.running import PIPELINES
from warehouse.demo import CONFIGURATION
from warehouse.domain.log_line import log_line
from warehouse.domain.run_report import UNITS, RunReport, attributes, message, metric_line
from warehouse.storage.catalog import MemoryCatalog
from warehouse.storage.memory import MemoryStore

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/cloud-runs.md").read_text(encoding="utf-8")
STARTED = datetime(2026, 11, 20, 20, 49, 1, tzinfo=UTC)


def table(heading: str) -> list[list[str]]:
    section = PAGE.split(f"\n{heading}\n", 1)[1] if heading else PAGE
    lines = [line for line in section.split("\n## ", 1)[0].splitlines() if line.startswith("| `")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def names(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def samples() -> list[dict[str, Any]]:
    return [json.loads(block) for block in re.findall(r"^```json\n(.*?)^```$", PAGE, re.M | re.S)]


@pytest.fixture(scope="module")
def report() -> RunReport:
    store, catalog = MemoryStore(), MemoryCatalog()
    for key, data in [*raw_drop(), ("config.json", json.dumps(CONFIGURATION).encode())]:
        store.put(key, data)
    load(store, catalog)
    second = load(store, catalog)
    return RunReport(
        pipeline="warehouseloader",
        run="20261120T204901Z-2159e7",
        version="0.1.0",
        started=STARTED,
        seconds=7.412,
        exit_code=second.code,
        summary=tuple(second.summary.splitlines()),
        ledger=second.figures,
        requests=second.figures["requests"],
        catalog_version=3,
    )


def test_the_commands_are_the_pipelines() -> None:
    assert [names(row[0]) for row in table("")[:3]] == [[name] for name in PIPELINES]


def test_a_line_is_described_and_shown() -> None:
    line = json.loads(log_line(STARTED, "info", "p", "r", "m"))
    assert [names(row[0])[0] for row in table("## What it prints")] == list(line) == list(samples()[0])


def test_the_attributes_are_described(report: RunReport) -> None:
    told = attributes(report)
    rows = table("## What it sends")
    assert [names(row[0]) for row in rows] == [[name] for name in told]
    assert [row[1].partition(",")[0] for row in rows] == [one.type for one in told.values()]
    assert ["JSON" in row[1] for row in rows] == [one.value[:1] == "{" for one in told.values()]


def test_the_message_is_that_of_a_second_load(report: RunReport) -> None:
    assert f"```\n{message(report)}```\n" in PAGE


def test_the_run_is_that_of_a_second_load(report: RunReport) -> None:
    real, shown = json.loads(attributes(report)["run"].value), samples()[1]
    assert list(shown) == list(real)
    # The days pass; and how many bytes were read follows from the length of the configuration.
    for told in (real, shown):
        told["waiting"].pop("oldest_days")
        told["requests"].pop("bytes_read")
    assert shown == real


def test_the_metrics_are_described_and_shown(report: RunReport) -> None:
    told = {name: row[1] for row in table("## What it measures") for name in names(row[0])}
    assert told == UNITS
    real, shown = json.loads(metric_line(report, "warehouse-dev", STARTED)), samples()[2]
    few, all_of_them = (one["_aws"]["CloudWatchMetrics"][0].pop("Metrics") for one in (shown, real))
    assert few == all_of_them[: len(few)]
    for told in (real, shown):
        told["_aws"].pop("Timestamp")
        told.pop("time")
    assert shown["_aws"] == real.pop("_aws")
    assert {name: value for name, value in shown.items() if name != "_aws"}.items() <= real.items()
