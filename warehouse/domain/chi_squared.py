"""Pearson's chi-squared test of independence: whether a table of counts differs from what chance would give.

Each observation counts in exactly one cell. Cells of which fewer than five are expected make the test
unreliable, so that small categories are merged first.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

# Below that, the distribution of the statistic is no longer close to chi-squared (Cochran 1954).
ENOUGH = 5

_STEPS = 100_000
_EXACT = 1e-15
_TINY = 1e-300

Table = Sequence[Sequence[int]]


@dataclass(frozen=True, slots=True)
class Result:
    """The statistic, its degrees of freedom, and the probability of one as large where only chance acts."""

    statistic: float
    degrees: int
    p: float


class Merged(NamedTuple):
    """Rows that can be tested; `small` rows with so many observations were made one, or left out."""

    rows: list[list[int]]
    small: int
    observations: int


def independence(table: Table) -> Result:
    """Test a table of counts, of two rows and two columns at least. Raises ValueError for any other, and
    for a row or column in which there is nothing.

    >>> result = independence([[90, 60, 104, 95], [30, 50, 51, 20], [30, 40, 45, 35]])
    >>> round(result.statistic, 2), result.degrees, round(result.p, 5)
    (24.57, 6, 0.00041)
    """
    expected = _expected(table)
    degrees = (len(table) - 1) * (len(table[0]) - 1 if table else 0)
    if degrees < 1 or not all(value > 0 for row in expected for value in row):
        raise ValueError("a table to be tested has two rows and columns at least, none of them empty")
    statistic = math.fsum(
        (seen - wanted) ** 2 / wanted
        for seen_row, wanted_row in zip(table, expected, strict=True)
        for seen, wanted in zip(seen_row, wanted_row, strict=True)
    )
    return Result(statistic, degrees, survival(statistic, degrees))


def merged(table: Table) -> Merged:
    """The table with its small rows made one, the last. Where even that is too small, it is left out.

    >>> merged([[40, 40], [3, 3], [20, 20], [2, 4]])
    Merged(rows=[[40, 40], [20, 20], [5, 7]], small=2, observations=12)
    """
    rows = [list(row) for row in table if any(row)]
    small = observations = 0
    while fewest := [
        row for row, least in zip(rows, map(min, _expected(rows)), strict=True) if least < ENOUGH
    ]:
        together = [sum(column) for column in zip(*fewest, strict=True)]
        rows = [row for row in rows if row not in fewest]
        small += len(fewest)
        observations += sum(together)
        if rows and min(_expected([*rows, together])[-1]) >= ENOUGH:
            return Merged([*rows, together], small, observations)
    return Merged(rows, small, observations)


def survival(statistic: float, degrees: int) -> float:
    """The probability that a chi-squared variable of so many degrees of freedom exceeds `statistic`.

    It is the regularised upper incomplete gamma function Q(degrees / 2, statistic / 2).

    >>> round(survival(3.841459, 1), 6)
    0.05
    """
    if degrees < 1 or not statistic >= 0:
        raise ValueError("a statistic is not negative, and has one degree of freedom at least")
    a, x = degrees / 2, statistic / 2
    if x == 0:
        return 1.0
    if math.isinf(x):
        return 0.0
    return 1 - _lower(a, x) if x < a + 1 else _upper(a, x)


def _expected(table: Table) -> list[list[float]]:
    rows = [sum(row) for row in table]
    columns = [sum(column) for column in zip(*table, strict=True)]
    total = sum(rows) or 1
    return [[row * column / total for column in columns] for row in rows]


def _scale(a: float, x: float) -> float:
    return math.exp(a * math.log(x) - x - math.lgamma(a))


def _lower(a: float, x: float) -> float:
    """P(a, x) by its power series, which converges fast where x < a + 1 (Abramowitz and Stegun 6.5.29)."""
    term = total = 1 / a
    for step in range(1, _STEPS):
        term *= x / (a + step)
        total += term
        if term < total * _EXACT:
            break
    return total * _scale(a, x)


def _upper(a: float, x: float) -> float:
    """Q(a, x) by its continued fraction, evaluated forwards (A. and S. 6.5.31, with Lentz's algorithm)."""
    b = x + 1 - a
    c = 1 / _TINY
    d = 1 / b
    fraction = d
    for step in range(1, _STEPS):
        numerator = -step * (step - a)
        b += 2
        d = 1 / _away_from_zero(numerator * d + b)
        c = _away_from_zero(b + numerator / c)
        factor = c * d
        fraction *= factor
        if abs(factor - 1) < _EXACT:
            break
    return fraction * _scale(a, x)


def _away_from_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY
