"""Submissions by centre over time: so many months or weeks, up to the last day that can be true.

Upload dates come from keys, which people write: what is dated after the last run, or long ago, is counted
beside the chart and does not stretch it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

CENTRES = 30

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Timeline:
    """Files by centre and period. `starts` are the first days of the periods, `unit` is what they are.

    `centres` have a figure for each period; `earlier` and `later` count the files of no period.
    """

    unit: str
    starts: Sequence[date]
    centres: Mapping[str, Sequence[int]]
    earlier: int
    later: int

    def name(self, start: date) -> str:
        """How a person calls a period."""
        return start.strftime("%B %Y") if self.unit == "month" else f"week of {start.day} {start:%B %Y}"


def month_of(day: date) -> date:
    """The first day of a day's month."""
    return day.replace(day=1)


def week_of(day: date) -> date:
    """The Monday of a day's week (ISO 8601)."""
    return day - day.weekday() * DAY


# How many periods are shown, and which period a day is in.
_UNITS: Mapping[str, tuple[int, Any]] = {"month": (24, month_of), "week": (52, week_of)}


def timeline(unit: str, rows: Iterable[Mapping[str, Any]], until: date | None) -> Timeline:
    """The answer on submissions by `month` or `week`; `until` is the last run's day, where there is one."""
    most, start_of = _UNITS[unit]
    files = [(row["centre"], date.fromisoformat(row["upload_date"]), row["files"]) for row in rows]
    days = [day for _, day, _ in files]
    if not files:
        return Timeline(unit, [], {}, 0, 0)
    last = max(days) if until is None else min(max(days), until)
    starts = _starts(min(days), last, most, start_of)
    totals, counts = Counter[str](), Counter[tuple[str, date]]()
    earlier = later = 0
    for centre, day, number in files:
        totals[centre] += number
        counts[centre, start_of(day)] += number
        earlier += number if day < starts[0] else 0
        later += number if day > last and start_of(day) != starts[-1] else 0
    table = {centre: [counts[centre, start] for start in starts] for centre, _ in totals.most_common()}
    return Timeline(unit, starts, _largest(table, totals), earlier, later)


def _starts(first: date, last: date, most: int, start_of: Any) -> list[date]:
    starts = [start_of(last)]
    while len(starts) < most and starts[0] > first:
        starts.insert(0, start_of(starts[0] - DAY))
    return starts


def _largest(table: dict[str, list[int]], totals: Counter[str]) -> dict[str, list[int]]:
    """The centres with most files, by name, and all others together."""
    ranked = sorted(table, key=lambda centre: (-totals[centre], centre))
    kept = {centre: table[centre] for centre in sorted(ranked[:CENTRES])}
    others = [table[centre] for centre in ranked[CENTRES:]]
    if others:
        kept[f"{len(others)} other centres"] = [sum(figures) for figures in zip(*others, strict=True)]
    return kept
