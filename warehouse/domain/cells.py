"""How a value stands in a table: as text in CSV, where no cell may be taken for a formula, or as it came.

A spreadsheet evaluates text that begins with one of a few signs; an apostrophe before it keeps it text.
Where its list separator is a semicolon, it cuts cells there and at line breaks too, whatever the quotes say.
Numbers are left alone.
"""

from __future__ import annotations

import json
import re
from datetime import date
from typing import Any

# OWASP, "CSV Injection": the signs, in full width as well, what of the white space is skipped before them,
# and that a separator of another country begins a cell in the middle of one.
_SIGN = "=+\\-@\uff1d\uff0b\uff0d\uff20"
_FORMULA = re.compile(rf"\A(?=[{_SIGN}\t\r\n])|(?<=[;\t\r\n])(?=\"*[{_SIGN}])")


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
    """A JSON value as a CSV cell: its JSON text where it is no text; numbers alone are not neutralised."""
    text = original_text(value) or ""
    return text if isinstance(value, int | float) else neutral(text)


def original_text(value: Any) -> str | None:
    """A JSON value as text: text as it came, null as None, every other value as JSON text.

    >>> original_text([1, None]), original_text(2.50), original_text(True)
    ('[1, null]', '2.5', 'true')
    """
    if value is None or isinstance(value, str):
        return None if value is None else storable(value)
    return storable(json.dumps(value, ensure_ascii=False))


def neutral(text: str) -> str:
    """Text of which no spreadsheet takes any part for a formula.

    >>> neutral("=1+1"), neutral("Clinic;=1+1"), neutral("1-2; 3-4")
    ("'=1+1", "Clinic;'=1+1", '1-2; 3-4')
    """
    return _FORMULA.sub("'", storable(text))


def storable(text: str) -> str:
    """Text that UTF-8 can hold: lone surrogates, which JSON admits, are replaced."""
    return text.encode("utf-8", "replace").decode("utf-8")
