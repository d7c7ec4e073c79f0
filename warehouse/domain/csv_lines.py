"""A line of CSV (RFC 4180, section 2), with a line feed at its end: any text comes back as it was."""

from __future__ import annotations

import re
from collections.abc import Iterable

_SPECIAL = re.compile(r'[",\r\n]')


def line(cells: Iterable[str]) -> str:
    """The line of some cells. The standard library's writer leaves a carriage return bare.

    >>> line(["a", "b,c", 'd"e', ""])
    'a,"b,c","d""e",\\n'
    """
    row = ",".join(_quoted(cell) if _SPECIAL.search(cell) else cell for cell in cells)
    # A line without anything would be none.
    return (row or '""') + "\n"


def _quoted(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"'
