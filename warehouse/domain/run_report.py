"""What became of one run of a pipeline, as it is told: a sentence, a message, its attributes, metrics.

Names no object and no patient. What is not known is left out, never guessed: a metric that is not there
raises no alarm, and ends none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from warehouse.domain.log_line import log_line

NAMESPACE = "ImagingWarehouse"

# API_Publish: a message and its attributes have 256 KiB together; attributes are small.
MESSAGE_BYTES = 200_000
ERROR_CHARACTERS = 2_000

# CloudWatch embedded metric format specification, "MetricDefinition object"; the units are API_MetricDatum's.
UNITS: Mapping[str, str] = {
    "ExitCode": "None",
    "Succeeded": "Count",
    "Seconds": "Seconds",
    "Requests": "Count",
    "BytesRead": "Bytes",
    "BytesWritten": "Bytes",
    "Loaded": "Count",
    "Present": "Count",
    "Quarantined": "Count",
    "Deferred": "Count",
    "Ignored": "Count",
    "OldestDeferredDays": "Count",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """One run, when it is over.

    `error` is the line that says what ended it, where something did; `summary` what it printed of its
    results; `ledger` the loader's figures (docs/report.md); `requests` what the store was asked, by verb.
    """

    pipeline: str
    run: str
    version: str
    started: datetime
    seconds: float
    exit_code: int
    error: str | None = None
    summary: tuple[str, ...] = ()
    ledger: Mapping[str, Any] | None = None
    requests: Mapping[str, int] | None = None
    catalog_version: int | None = None


@dataclass(frozen=True, slots=True)
class Attribute:
    """A message's attribute: a number, a text, or JSON, as text (API_MessageAttributeValue)."""

    type: str
    value: str


def subject(pipeline: str) -> str:
    """What a message about a run is headed with."""
    return f"Pipeline finished - {pipeline}"


def sentence(seconds: float, exit_code: int) -> str:
    """How a run went, in the words that the old loader's readers know.

    >>> sentence(3725.9, 0)
    'Pipeline run in 01h:02m:05s and exited with code 0.'
    """
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"Pipeline run in {hours:02}h:{minutes:02}m:{rest:02}s and exited with code {exit_code}."


def message(report: RunReport, limit: int = MESSAGE_BYTES) -> str:
    """The message for people: the sentence, what ended the run, what it found; cut to `limit` bytes."""
    catalog = "" if report.catalog_version is None else f", catalog version {report.catalog_version}"
    error = _error(report)
    head = [sentence(report.seconds, report.exit_code), *([f"error: {error}"] if error else [])]
    foot = f"Run {report.run} of version {report.version}{catalog}."
    parts = ["\n".join(head), "\n".join(report.summary), foot]
    text = "\n\n".join(part for part in parts if part) + "\n"
    if len(text.encode()) <= limit:
        return text
    return (
        "\n\n".join([parts[0], _cut(report.summary, limit - _size(head) - _size([foot]) - 100), foot]) + "\n"
    )


def attributes(report: RunReport) -> dict[str, Attribute]:
    """The same for programs, which can choose messages by them: at most ten, as SQS takes no more of them."""
    counts = report.requests
    told = {
        "pipeline": Attribute("String", report.pipeline),
        "exit_code": Attribute("Number", str(report.exit_code)),
        "seconds": Attribute("Number", f"{report.seconds:.3f}"),
        "run": _json(_run(report)),
    }
    if counts is not None:
        told["requests"] = Attribute("Number", str(requests_of(counts)))
        told["bytes"] = _json({"read": _bytes(counts, "read"), "written": _bytes(counts, "written")})
    if report.ledger is not None:
        told["outcomes"] = _json(report.ledger["outcomes"])
    if report.catalog_version is not None:
        told["catalog_version"] = Attribute("Number", str(report.catalog_version))
    return told


def metrics(report: RunReport) -> dict[str, float]:
    """The run in figures; ages in days."""
    measured: dict[str, float] = {
        "ExitCode": report.exit_code,
        "Succeeded": int(report.exit_code == 0),
        "Seconds": round(report.seconds, 3),
    }
    if report.requests is not None:
        measured["Requests"] = requests_of(report.requests)
        measured["BytesRead"] = _bytes(report.requests, "read")
        measured["BytesWritten"] = _bytes(report.requests, "written")
    if report.ledger is not None:
        measured |= {name.capitalize(): count for name, count in report.ledger["outcomes"].items()}
        if report.error is None and report.ledger["accounted"]:
            # A run that was cut short did not see all who wait.
            measured["OldestDeferredDays"] = _waiting(report.ledger)["oldest_days"]
    return measured


def metric_line(report: RunReport, stack: str, now: datetime) -> str:
    """The line of a log from which CloudWatch makes the metrics (embedded metric format specification)."""
    measured = metrics(report)
    directive = {
        "Namespace": NAMESPACE,
        "Dimensions": [["Stack", "Pipeline"]],
        "Metrics": [{"Name": name, "Unit": UNITS[name]} for name in measured],
    }
    head = {"Timestamp": int(now.timestamp() * 1000), "CloudWatchMetrics": [directive]}
    more: dict[str, Any] = {"_aws": head, "Stack": stack, "Pipeline": report.pipeline, **measured}
    return log_line(now, "info", report.pipeline, report.run, "metrics of the run", **more)


def requests_of(counts: Mapping[str, int]) -> int:
    """How many requests the store got: those sent, on S3; else the calls of its verbs."""
    sent = [counts[name] for name in ("requests", "inventory_requests") if name in counts]
    calls = (count for name, count in counts.items() if not name.endswith(("bytes_read", "bytes_written")))
    return sum(sent) if sent else sum(calls)


def _error(report: RunReport) -> str | None:
    """What ended the run, in bounds: the faults of a configuration can be many."""
    error = report.error
    if error is None or len(error) <= ERROR_CHARACTERS:
        return error
    return f"{error[:ERROR_CHARACTERS]} ... (the log has all of it)"


def _bytes(counts: Mapping[str, int], way: str) -> int:
    return counts.get(f"bytes_{way}", 0) + counts.get(f"inventory_bytes_{way}", 0)


def _run(report: RunReport) -> dict[str, Any]:
    """All that is known of a run, in a size that does not grow with objects or uploaders."""
    ledger = report.ledger
    known = {
        "run": report.run,
        "pipeline": report.pipeline,
        "version": report.version,
        "started": report.started.astimezone(UTC).isoformat(),
        "seconds": round(report.seconds, 3),
        "exit_code": report.exit_code,
        "error": _error(report),
        "catalog_version": report.catalog_version,
        "requests": None if report.requests is None else dict(report.requests),
    }
    if ledger is None:
        return known
    names = ("dry_run", "configuration", "inventory", "listed", "known", "decided", "accounted")
    counts = ("outcomes", "reasons", "in_both_sets", "loaded")
    return {**known, **{name: ledger[name] for name in (*names, *counts)}, "waiting": _waiting(ledger)}


def _waiting(ledger: Mapping[str, Any]) -> dict[str, int]:
    waiting = ledger["waiting"].values()
    return {
        "patients": sum(one["patients"] for one in waiting),
        "oldest_days": max((one["oldest_days"] for one in waiting), default=0),
    }


def _json(value: object) -> Attribute:
    return Attribute("String", orjson.dumps(value).decode())


def _size(lines: list[str]) -> int:
    return sum(len(line.encode()) + 1 for line in lines)


def _cut(lines: tuple[str, ...], room: int) -> str:
    """As many whole lines from the first on as there is room for, and how many more there are."""
    kept = list(_fitting(lines, room))
    return "\n".join([*kept, f"... and {len(lines) - len(kept)} more lines, which are in the log"])


def _fitting(lines: tuple[str, ...], room: int) -> Iterator[str]:
    for line in lines:
        room -= len(line.encode()) + 1
        if room < 0:
            return
        yield line
