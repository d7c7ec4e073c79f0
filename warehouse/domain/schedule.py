"""When a rule of EventBridge acts next: its cron expressions, in UTC.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html: six fields, minutes,
hours, day of month, month, day of week (1 is Sunday), year; one of the two kinds of days is `?`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

_CRON = re.compile(r"cron\(\s*(\S+)\s+(\S+)\s+(\S+)\s+(\S+)\s+(\S+)\s+(\S+)\s*\)")
_PART = re.compile(r"(?P<first>\*|\?|\w+)(?:-(?P<last>\w+))?(?:/(?P<step>[0-9]+))?")

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")

# Least, greatest, and names for the numbers from the least on.
_FIELDS: Sequence[tuple[int, int, Sequence[str]]] = (
    (0, 59, ()),
    (0, 23, ()),
    (1, 31, ()),
    (1, 12, _MONTHS),
    (1, 7, _DAYS),
    (1970, 2199, ()),
)

# The 29th of February comes after eight years at the latest.
_DAYS_AHEAD = 366 * 8 + 1


def next_time(expression: str, now: datetime) -> datetime | None:
    """The first moment after `now` (aware) at which a cron expression holds; None for one that never does,
    and for what is no such expression or is written with L, W or #.

    >>> next_time("cron(0 1 * * ? *)", datetime(2026, 11, 28, 6, 0, tzinfo=UTC))
    datetime.datetime(2026, 11, 29, 1, 0, tzinfo=datetime.timezone.utc)
    """
    match = _CRON.fullmatch(expression)
    if match is None:
        return None
    found = [_values(text, *field) for text, field in zip(match.groups(), _FIELDS, strict=True)]
    if any(values is None for values in found):
        return None
    minutes, hours, days, months, weekdays, years = (values or frozenset() for values in found)
    after = now.astimezone(UTC)
    for ahead in range(_DAYS_AHEAD):
        day = (after + timedelta(days=ahead)).date()
        weekday = day.isoweekday() % 7 + 1
        if day.day in days and day.month in months and weekday in weekdays and day.year in years:
            for hour in sorted(hours):
                for minute in sorted(minutes):
                    moment = datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC)
                    if moment > after:
                        return moment
    return None


def _values(text: str, least: int, greatest: int, names: Sequence[str]) -> frozenset[int] | None:
    """The numbers that a field means; None where it is none that is understood."""
    found: set[int] = set()
    number = _reader({name: least + place for place, name in enumerate(names)})
    for part in text.split(","):
        match = _PART.fullmatch(part)
        if match is None:
            return None
        first, last, step = match["first"], match["last"], match["step"]
        start = least if first in ("*", "?") else number(first)
        whole = first in ("*", "?") or (step is not None and last is None)
        end = greatest if whole else number(last or first)
        if start is None or end is None or not least <= start <= end <= greatest or step == "0":
            return None
        found.update(range(start, end + 1, int(step or 1)))
    return frozenset(found)


def _reader(names: Mapping[str, int]) -> Callable[[str], int | None]:
    def read(text: str) -> int | None:
        return int(text) if text.isdecimal() and text.isascii() else names.get(text.upper())

    return read
