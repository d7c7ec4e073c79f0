"""How a value stands in a table: as text in CSV, where no cell may be taken for a formula, or as it came.

A spreadsheet evaluates text that begins with one of a few signs; an apostrophe before it keeps it text.
Numbers are left alone.
"""

from __future__ import annotations

import json
from datetime import date
from typing import Any

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def cell(value: Any) -> str:
    """A typed value as a CSV cell: empty for None, ISO 8601 for dates, True and False as they are.

    >>> cell("=1+1"), cell(-1), cell(None)
    ("'=1+1", '-1', '')
    """
    if value is None:
        return ""
    if isinstance(value, str):
        return neutral(value)
    return value.isoformat() if isinstance(value, date) else str(value)


def original_cell(value: Any) -> str:
    """A JSON value as a CSV cell: text is neutralised, every other value is its JSON text."""
    return neutral(value) if isinstance(value, str) else original_text(value) or ""


def original_text(value: Any) -> str | None:
    """A JSON value as text: text as it came, null as None, every other value as JSON text.

    >>> original_text([1, None]), original_text(2.50), original_text(True)
    ('[1, null]', '2.5', 'true')
    """
    if value is None or isinstance(value, str):
        return None if value is None else storable(value)
    return storable(json.dumps(value, ensure_ascii=False))


def neutral(text: str) -> str:
    """Text that no spreadsheet takes for a formula."""
    text = storable(text)
    return "'" + text if text.startswith(_FORMULA) else text


def storable(text: str) -> str:
    """Text that UTF-8 can hold: lone surrogates, which JSON admits, are replaced."""
    return text.encode("utf-8", "replace").decode("utf-8")
