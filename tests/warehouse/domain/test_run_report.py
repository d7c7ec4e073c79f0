"""What is told of a run: the words, the attributes, the metrics, within the limits of SNS and CloudWatch."""

import json
import re
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warehouse.domain.accounting import Tally, Waiting
from warehouse.domain.records import Decided
from warehouse.domain.run_report import (
    UNITS,
    RunReport,
    attributes,
    message,
    metric_line,
    metrics,
    requests_of,
    sentence,
    subject,
)
from warehouse.domain.summary import figures

NOW = datetime(2026, 11, 20, 20, 49, 1, tzinfo=UTC)
REQUESTS = {"list": 3, "list_folders": 2, "head": 0, "read": 7, "create": 4, "copy": 2, "same_bytes": 0}
BYTES = {"bytes_read": 1000, "bytes_written": 20}


def ledger(**changes):
    """What the ledger reports of a run that reached all objects."""
    tally = Tally(listed=10, known=4)
    tally.outcomes.update(dict.fromkeys(Decided, 1) | {Decided.LOADED: 2})
    tally.reasons.update({"no-clinical-data": 1, "truncated": 1})
    tally.waiting = {"a": Waiting({"P": "2026-11-01"}), "b": Waiting({"Q": "2026-10-01", "R": "2026-11-19"})}
    counted = figures(tally, today=date(2026, 11, 20))
    base = {"run": "r", "dry_run": False, "configuration": "c", "inventory": None, "requests": {}}
    return {**base, **counted, **changes}


LOADER = RunReport(
    pipeline="warehouseloader",
    run="20261120T204901Z-2159e7",
    version="0.1.0",
    started=NOW,
    seconds=3725.5,
    exit_code=0,
    summary=("10 raw objects", "loaded 2"),
    ledger=ledger(),
    requests={**REQUESTS, **BYTES},
    catalog_version=12,
)
EARLY = RunReport(
    pipeline="dataprocess",
    run="r",
    version="0.1.0",
    started=NOW,
    seconds=0.2,
    exit_code=2,
    error="no bucket: name one, or set WAREHOUSE_BUCKET",
)


@given(st.floats(0, 10**7), st.integers(0, 255))
def test_the_sentence_holds_the_whole_seconds(seconds, code):
    found = re.fullmatch(
        r"Pipeline run in (\d\d+)h:([0-5]\d)m:([0-5]\d)s and exited with code (\d+)\.",
        sentence(seconds, code),
    )
    hours, minutes, rest, told = map(int, found.groups())
    assert (hours * 3600 + minutes * 60 + rest, told) == (int(seconds), code)


def test_the_message_of_a_run_that_went_well():
    assert message(LOADER) == (
        "Pipeline run in 01h:02m:05s and exited with code 0.\n\n10 raw objects\nloaded 2\n\n"
        "Run 20261120T204901Z-2159e7 of version 0.1.0, catalog version 12.\n"
    )
    assert subject(LOADER.pipeline) == "Pipeline finished - warehouseloader"


def test_the_message_of_a_run_that_never_began():
    assert message(EARLY) == (
        "Pipeline run in 00h:00m:00s and exited with code 2.\n"
        "error: no bucket: name one, or set WAREHOUSE_BUCKET\n\nRun r of version 0.1.0.\n"
    )


@given(st.lists(st.text(max_size=60).map(lambda text: " ".join(text.split())), max_size=80))
def test_a_long_message_is_cut_between_lines_and_says_so(lines):
    report = replace(LOADER, summary=tuple(lines))
    whole, cut = message(report), message(report, limit=700)
    assert len(cut.encode()) <= 700
    if len(whole.encode()) <= 700:
        assert cut == whole
        return
    left = int(re.search(r"^\.\.\. and (\d+) more lines, which are in the log$", cut, re.MULTILINE)[1])
    assert 0 < left <= len(lines)
    assert cut.startswith(sentence(LOADER.seconds, 0))
    assert cut.endswith("\n\nRun 20261120T204901Z-2159e7 of version 0.1.0, catalog version 12.\n")
    assert whole.startswith(cut.split("... and ", 1)[0].rstrip("\n"))


def read(told):
    return {
        name: json.loads(one.value) if one.type == "Number" or one.value[:1] == "{" else one.value
        for name, one in told.items()
    }


def test_the_attributes_of_a_run():
    told = attributes(LOADER)
    assert {name: one.type for name, one in told.items()} == {
        "pipeline": "String",
        "exit_code": "Number",
        "seconds": "Number",
        "requests": "Number",
        "bytes": "String",
        "outcomes": "String",
        "catalog_version": "Number",
        "run": "String",
    }
    values = read(told)
    run = values.pop("run")
    assert values == {
        "pipeline": "warehouseloader",
        "exit_code": 0,
        "seconds": 3725.5,
        "requests": 18,
        "bytes": {"read": 1000, "written": 20},
        "outcomes": {"loaded": 2, "present": 1, "quarantined": 1, "deferred": 1, "ignored": 1},
        "catalog_version": 12,
    }
    assert (run["run"], run["listed"], run["known"], run["decided"]) == (LOADER.run, 10, 4, 6)
    assert run["waiting"] == {"patients": 3, "oldest_days": 50}
    assert run["outcomes"] == values["outcomes"]
    assert run["requests"] == {**REQUESTS, **BYTES}
    assert run["started"] == "2026-11-20T20:49:01+00:00"


@pytest.mark.parametrize("report", [LOADER, EARLY])
def test_no_attribute_is_empty_and_none_is_one_too_many(report):
    told = attributes(report)
    # A raw delivery to SQS drops a message with more than ten.
    assert len(told) <= 10
    assert all(one.value for one in told.values())


def test_what_is_not_known_is_left_out():
    assert set(attributes(EARLY)) == {"pipeline", "exit_code", "seconds", "run"}
    assert metrics(EARLY) == {"ExitCode": 2, "Succeeded": 0, "Seconds": 0.2}


def test_the_attributes_do_not_grow_with_the_uploaders():
    many = {f"uploader-{n}": {"patients": 1, "oldest_days": n} for n in range(10_000)}
    told = attributes(replace(LOADER, ledger=ledger(waiting=many)))
    assert sum(len(one.value) for one in told.values()) < 5_000
    assert json.loads(told["run"].value)["waiting"] == {"patients": 10_000, "oldest_days": 9_999}


def test_an_error_is_cut_too():
    report = replace(EARLY, error="a site is listed twice; " * 100_000)
    told = attributes(report)
    size = len(message(report).encode()) + sum(len(one.value) for one in told.values())
    assert size < 10_000
    shortened = json.loads(told["run"].value)["error"]
    assert shortened.endswith("... (the log has all of it)")
    assert f"error: {shortened}" in message(report).splitlines()


def test_the_metrics_of_a_run():
    assert metrics(LOADER) == {
        "ExitCode": 0,
        "Succeeded": 1,
        "Seconds": 3725.5,
        "Requests": 18,
        "BytesRead": 1000,
        "BytesWritten": 20,
        "Loaded": 2,
        "Present": 1,
        "Quarantined": 1,
        "Deferred": 1,
        "Ignored": 1,
        "OldestDeferredDays": 50,
    }
    assert set(metrics(LOADER)) == set(UNITS)


@pytest.mark.parametrize("change", [{"error": "stopped by SIGTERM"}, {"ledger": ledger(accounted=False)}])
def test_a_run_that_was_cut_short_does_not_know_who_waits_longest(change):
    assert "OldestDeferredDays" not in metrics(replace(LOADER, **change))


def test_nobody_waits():
    assert metrics(replace(LOADER, ledger=ledger(waiting={})))["OldestDeferredDays"] == 0


@given(
    st.integers(0, 255),
    st.floats(0, 10**6),
    st.none() | st.just({**REQUESTS, **BYTES}),
    st.none() | st.just(ledger()),
    st.none() | st.just("an error"),
)
def test_the_metric_line_keeps_to_the_embedded_metric_format(code, seconds, counts, figures, error):
    report = replace(LOADER, exit_code=code, seconds=seconds, requests=counts, ledger=figures, error=error)
    line = metric_line(report, "dev", NOW)
    assert "\n" not in line
    document = json.loads(line)
    assert document["_aws"]["Timestamp"] == NOW.timestamp() * 1000
    (directive,) = document["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == "ImagingWarehouse"
    assert directive["Dimensions"] == [["Stack", "Pipeline"]]
    assert (document["Stack"], document["Pipeline"]) == ("dev", "warehouseloader")
    # Each metric that is declared is there, as a number, and none is there that is not declared.
    assert {one["Name"]: document[one["Name"]] for one in directive["Metrics"]} == metrics(report)
    assert all(one["Unit"] in {"None", "Count", "Seconds", "Bytes"} for one in directive["Metrics"])
    assert all(type(document[one["Name"]]) in (int, float) for one in directive["Metrics"])
    assert {"time", "level", "pipeline", "run", "message"} <= set(document)


def test_requests_are_those_that_were_sent_where_they_are_counted():
    assert requests_of({**REQUESTS, **BYTES}) == 18
    assert requests_of({**REQUESTS, **BYTES, "requests": 40, "pages": 5}) == 40
    inventory = {"inventory_list": 1, "inventory_bytes_read": 9}
    assert requests_of({**REQUESTS, **BYTES, **inventory}) == 19
    assert requests_of({**REQUESTS, "requests": 40, "inventory_requests": 2}) == 42
