"""Figures as a person reads them: thousands with commas, bytes in decimal units, times in UTC."""

from __future__ import annotations

from datetime import UTC, datetime

_UNITS = ("B", "kB", "MB", "GB", "TB", "PB", "EB")


def number(value: float) -> str:
    """A number with its thousands apart.

    >>> number(1234567), number(0.5)
    ('1,234,567', '0.5')
    """
    return f"{value:,}"


def size(value: int) -> str:
    """Bytes in the unit that leaves one to three digits before the point (IEC 80000-13: 1 kB is 1,000 B).

    >>> size(0), size(999), size(1000), size(38_526), size(999_950), size(12 * 10**15)
    ('0 B', '999 B', '1.0 kB', '38.5 kB', '1.0 MB', '12.0 PB')
    """
    if value < 1000:
        return f"{value} B"
    scaled, unit = float(value), 0
    while scaled >= 999.95 and unit < len(_UNITS) - 1:
        scaled, unit = scaled / 1000, unit + 1
    return f"{scaled:.1f} {_UNITS[unit]}"


def share(part: int, whole: int) -> str:
    """A part in percent; a part that is neither nothing nor all is never rounded to that.

    >>> share(1, 3), share(1, 10_000), share(9_999, 10_000), share(0, 0)
    ('33 %', '<1 %', '>99 %', '-')
    """
    if not whole:
        return "-"
    percent = round(100 * part / whole)
    if percent == 0 and part:
        return "<1 %"
    return ">99 %" if percent == 100 and part < whole else f"{percent} %"


def moment(time: datetime) -> str:
    """A time to the minute, in UTC."""
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def duration(seconds: float) -> str:
    """Seconds in the units that a person would use.

    >>> duration(0.84), duration(59.96), duration(61), duration(3_725)
    ('0.8 s', '1 min 0 s', '1 min 1 s', '1 h 2 min')
    """
    if round(seconds, 1) < 60:
        return f"{seconds:.1f} s"
    minutes, left = divmod(round(seconds), 60)
    return f"{minutes} min {left} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def several(count: int, one: str, many: str) -> str:
    """A count with its noun.

    >>> several(1, "study", "studies"), several(2, "study", "studies")
    ('1 study', '2 studies')
    """
    return f"{number(count)} {one if count == 1 else many}"
