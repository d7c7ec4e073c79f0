"""How many rows may fail before a run is more failure than run: a count for all of it, or a ratio a node."""

from __future__ import annotations

import math
from dataclasses import dataclass

from bonobo.errors import UsageError
from bonobo.report import NodeReport, Report
from bonobo.text import printable

RATIO_ROWS = 100
"""How many rows a node takes before a ratio is judged: one error in the first row is no 100%."""

MOST_ROWS = 10**18
"""Counts beyond are no counts of rows."""

_EXPECTED = 'max_errors must be a whole number of rows, such as 100, or a ratio, such as 0.01 or "1%"'


@dataclass(frozen=True, slots=True)
class MaxErrors:
    """How many rows may be rejected: a `count` in the whole run, or else a `ratio` of each node's rows."""

    count: int | None = None
    ratio: float | None = None

    @classmethod
    def of(cls, given: str | int | float) -> MaxErrors:
        """Read a limit: 100 or "100" rows, 0.01, "0.01" or "1%" of the rows. Raises UsageError.

        >>> MaxErrors.of("1%") == MaxErrors.of(0.01) == MaxErrors(ratio=0.01)
        True
        """
        if isinstance(given, str):
            return cls._read(given.strip())
        if isinstance(given, float) and 0 <= given <= 1:
            return cls(ratio=given)
        if isinstance(given, int) and not isinstance(given, bool):
            if 0 <= given < MOST_ROWS:
                return cls(count=given)
            # Not every int can be written.
            raise UsageError(f"{_EXPECTED}; got one {'below 0' if given < 0 else 'that is too large'}")
        raise UsageError(f"{_EXPECTED}; got {printable(repr(given))}")

    @classmethod
    def _read(cls, text: str) -> MaxErrors:
        if text.isascii() and text.isdigit() and len(text) < len(str(MOST_ROWS)):
            return cls(count=int(text))
        number = text.removesuffix("%")
        try:
            # Python's own numbers may hold underscores.
            ratio = math.nan if "_" in number else float(number) / (100 if number != text else 1)
        except ValueError:
            ratio = math.nan
        if not 0 <= ratio <= 1:
            raise UsageError(f"{_EXPECTED}; got {printable(repr(text))}")
        return cls(ratio=ratio)

    def __str__(self) -> str:
        if self.ratio is None:
            return "1 row" if self.count == 1 else f"{self.count} rows"
        return f"{100 * self.ratio:g}% of a node's rows"

    def exceeded(self, report: Report, node: NodeReport) -> bool:
        """Judge a run in which `node` has just failed on a row."""
        if self.ratio is None:
            return self._too_many(report)
        return node.rows_in >= RATIO_ROWS and self._too_often(node)

    def exceeded_at_end(self, report: Report) -> bool:
        """Judge a run that took its last row: a ratio then holds however few rows a node took."""
        return self._too_many(report) or any(map(self._too_often, report.nodes))

    def _too_many(self, report: Report) -> bool:
        return self.count is not None and report.rejected_count > self.count

    def _too_often(self, node: NodeReport) -> bool:
        return self.ratio is not None and node.errors > self.ratio * node.rows_in
