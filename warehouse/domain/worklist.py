"""A line of a work list: one raw object that somebody has to act on, in words that its centre understands.

A line tells of its own object only. Whatever holds its place, or its study, may be another centre's: that is
for `warehouse why`, and never in a file that is sent out.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from warehouse.domain.cells import cell, storable
from warehouse.domain.centres import printable
from warehouse.domain.csv_lines import line
from warehouse.domain.reasons import REASONS, reason_of
from warehouse.domain.records import Decided

UPLOADER = "raw-"
"""What the name of a centre begins with that is known by its uploads only; no site is taken for one."""

_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9]+")


@dataclass(frozen=True, slots=True)
class Item:
    """One object of a work list; `since` is when it was decided so, or began to wait (aware, UTC).

    `centre` is the submitting site where one is known, else the raw prefix of its uploader.
    """

    centre: str
    reason: str
    key: str
    since: datetime
    run: str
    patient: str | None = None


@dataclass(frozen=True, slots=True)
class Tally:
    """What was found: `reasons` counts the objects by reason, `centres` are how many centres they are of.

    `gone` and `replaced` are versions that were decided so and no longer stand in raw.
    """

    reasons: Mapping[str, int]
    centres: int = 0
    gone: int = 0
    replaced: int = 0


def codes(decided: Decided) -> list[str]:
    """The reasons of an outcome, as one may ask for them."""
    return [code for code, reason in REASONS.items() if reason.decided is decided]


def days(since: datetime, now: datetime) -> int:
    """Whole days from one moment to another; 0 where it lies ahead."""
    return max(0, (now - since).days)


def record(item: Item, decided: Decided, now: datetime) -> dict[str, Any]:
    """The line of an object, by column; its centre reads it without this program."""
    reason = reason_of(item.reason)
    told: dict[str, Any] = {"centre": item.centre, "key": item.key, "reason": item.reason}
    if decided is Decided.DEFERRED:
        told |= {
            "waits_because": reason.meaning,
            "patient": item.patient,
            "since": item.since,
            "days": days(item.since, now),
        }
    else:
        told |= {"means": reason.meaning, "decided": item.since}
    return {**told, "run": item.run, "remedy": reason.remedy}


def csv_head(decided: Decided) -> str:
    """The first line of a CSV file."""
    nothing = Item("", "", "", datetime.min, "")
    return line(record(nothing, decided, datetime.min))


def csv_line(values: Mapping[str, Any]) -> str:
    """A record as a line of CSV, none of whose cells a spreadsheet takes for a formula."""
    return line(map(cell, values.values()))


def json_values(values: Mapping[str, Any]) -> dict[str, Any]:
    """A record as JSON holds it: moments in ISO 8601."""
    return {name: _json(value) for name, value in values.items()}


def _json(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    return storable(value) if isinstance(value, str) else value


def file_name(kind: str, centre: str, suffix: str) -> str:
    """The name of a centre's file: one safe segment, another one for each centre whatever it is called.

    >>> file_name("quarantine", "St. Mary's", ".csv")
    'quarantine-St-Mary-s-e7787f2f.csv'
    """
    shown = _NOT_IN_A_NAME.sub("-", centre).strip("-")[:60]
    digest = hashlib.sha256(centre.encode("utf-8", "replace")).hexdigest()[:8]
    return "-".join(part for part in (kind, shown, digest) if part) + suffix


def heading(code: str, count: int) -> list[str]:
    """What stands above the objects of one reason."""
    reason = reason_of(code)
    return ["", f"{code} {count:,}: {reason.meaning}", f"  -> {reason.remedy}"]


def shown(item: Item, decided: Decided, now: datetime) -> str:
    """An object as a person reads it; nothing in it breaks the line."""
    since = moment(item.since)
    if decided is Decided.DEFERRED:
        age = days(item.since, now)
        since = f"since {since} ({age} day{'' if age == 1 else 's'})"
    parts = [item.key, since, item.run, item.centre]
    if decided is Decided.DEFERRED and item.patient:
        parts.append(f"patient {item.patient}")
    return printable("  " + "  ".join(parts))


def not_shown(more: int) -> str:
    """What stands below the first objects of a reason that has more.

    >>> not_shown(1000)
    '  ... and 1,000 more; --out writes all'
    """
    return f"  ... and {more:,} more; --out writes all"


def moment(time: datetime) -> str:
    """A moment in UTC, to the second.

    >>> from datetime import UTC
    >>> moment(datetime(2020, 6, 1, 12, 0, 0, 5, tzinfo=UTC))
    '2020-06-01T12:00:00Z'
    """
    return time.isoformat(timespec="seconds").replace("+00:00", "Z")


def opening(tally: Tally, decided: Decided, *, asked: bool) -> str:
    """The first line: how many there are. `asked` where only some were asked for."""
    total = sum(tally.reasons.values())
    return f"{decided.value} now {total:,}{', of what was asked for' if asked else ''}"


def closing(tally: Tally, decided: Decided) -> Iterator[str]:
    """What was left out, and why."""
    for count, what in (
        (tally.gone, "removed from raw since"),
        (tally.replaced, "replaced in raw by another upload since"),
    ):
        if count:
            yield f"left out {count:,}: {decided.value}, but {what}"
