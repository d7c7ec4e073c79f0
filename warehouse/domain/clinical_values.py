"""One value as a centre wrote it -> a number, digits or a date, or None. No value of JSON is an exception.

Only the forms that are named here are read, and only ASCII digits are digits: what looks like something
else is None, never a guess.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import date

_NUMBER = r"[0-9]+(?:\.[0-9]*)?|\.[0-9]+"
_ISO_DATE = r"(?<![0-9])([0-9]{4})-([0-9]{2})-([0-9]{2})(?![0-9])"
_SLASHED_DATE = r"(?<![0-9/])([0-9]{1,2})/([0-9]{1,2})/([0-9]{4}|[0-9]{2})(?![0-9/])"

_PLAIN = re.compile(_NUMBER)
_DATED = re.compile(rf"\[\s*({_NUMBER})\s*\]\s*-\s*(?:{_ISO_DATE}|{_SLASHED_DATE})")
_PRESSURES = re.compile(r"\[\s*([0-9]{2,3})\s*/\s*([0-9]{2,3})\s*\]")
_LEADING = re.compile(r"([0-9]{1,18})(?![0-9])")
_ISO = re.compile(_ISO_DATE)
_SLASHED = re.compile(_SLASHED_DATE)

# JSON's own words, which some forms export as texts.
_TRUTHS: Mapping[str, float] = {"false": 0, "true": 1}

# A whole number must fit the columns that hold it.
_INT64_END = 2**63

# POSIX strptime %y: 69 to 99 are of the twentieth century.
_CENTURY_TURN = 69


def text_of(value: object) -> str:
    """A text without the blanks around it; of any other type, an empty one."""
    return value.strip() if isinstance(value, str) else ""


def plain(value: object) -> float | None:
    """A number that is neither negative nor infinite, given as such or as digits with at most one point."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, str):
        value = value.strip()
        if _PLAIN.fullmatch(value) is None:
            return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return abs(number) if 0 <= number < math.inf else None


def number(value: object) -> float | None:
    """A plain number, or the one in front of a date, as in `[67] - 2020-06-06`."""
    dated = _DATED.match(text_of(value))
    return plain(dated[1] if dated else value)


def systolic(value: object) -> float | None:
    """A number, or the first of two, as in `[137/91] - 2020-06-02`."""
    return _pressure(value, 1)


def diastolic(value: object) -> float | None:
    """A number, or the second of two, as in `[137/91] - 2020-06-02`."""
    return _pressure(value, 2)


def _pressure(value: object, place: int) -> float | None:
    pair = _PRESSURES.match(text_of(value))
    return float(pair[place]) if pair else number(value)


def floored(value: float | None) -> int | None:
    """The whole number at or below, if 64 bits hold it."""
    return math.floor(value) if value is not None and value < _INT64_END else None


def leading(value: object) -> int | None:
    """The digits that a text begins with, as in `5 - Lung Ca`; of a number, its whole part."""
    if isinstance(value, str):
        digits = _LEADING.match(value.strip())
        return int(digits[1]) if digits else None
    return floored(plain(value))


def binary(value: object) -> int | None:
    """0 or 1: as a number, as a plain number's text, or as false or true, also as a text."""
    if isinstance(value, bool):
        return int(value)
    found = _TRUTHS.get(text_of(value).lower(), plain(value))
    return int(found) if found in (0, 1) else None


def month_first(value: object) -> date | None:
    """The first `m/d/y` in a text, read as `d/m/y` where there is no such day; else its first ISO date."""
    return _date_in(text_of(value), day_leads=False)


def day_first(value: object) -> date | None:
    """The first `d/m/y` in a text, read as `m/d/y` where there is no such day; else its first ISO date."""
    return _date_in(text_of(value), day_leads=True)


def _date_in(text: str, *, day_leads: bool) -> date | None:
    for year, month, day in _readings(text, day_leads=day_leads):
        with suppress(ValueError):
            return date(year, month, day)
    return None


def _readings(text: str, *, day_leads: bool) -> Iterator[tuple[int, int, int]]:
    """What a text may mean as year, month and day, the likeliest first; the calendar may not have it."""
    if slashed := _SLASHED.search(text):
        first, second, year = int(slashed[1]), int(slashed[2]), _full_year(slashed[3])
        month_leading, day_leading = (year, first, second), (year, second, first)
        yield from (day_leading, month_leading) if day_leads else (month_leading, day_leading)
    if iso := _ISO.search(text):
        yield int(iso[1]), int(iso[2]), int(iso[3])


def _full_year(digits: str) -> int:
    if len(digits) > 2:
        return int(digits)
    return int(digits) + (1900 if int(digits) >= _CENTURY_TURN else 2000)
