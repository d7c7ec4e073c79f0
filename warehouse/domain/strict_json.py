"""JSON as RFC 8259 leaves it, with the doubts refused: duplicate names, NaN, numbers without end.

A decision that stands for ever must not hang on which of two equal names a reader happens to keep.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn

MAXIMUM_DEPTH = 64
MAXIMUM_DIGITS = 4_000

# An unterminated string reaches to the end: looking for another beginning in it would be quadratic.
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)', re.DOTALL)
_NEITHER_BRACKET = bytes(set(range(256)) - set(b"[]{}"))
_BOM = b"\xef\xbb\xbf"


def loads(data: bytes) -> Any:
    """Read a whole UTF-8 document, with or without a byte order mark. Raises ValueError, saying why."""
    data = data.removeprefix(_BOM)
    if _depth(data) > MAXIMUM_DEPTH:
        raise ValueError(f"nested more than {MAXIMUM_DEPTH} levels deep")
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8 at byte {error.start}") from None
    return DECODER.decode(text)


def _depth(data: bytes) -> int:
    depth = deepest = 0
    for byte in _STRING.sub(b"", data).translate(None, _NEITHER_BRACKET):
        depth += 1 if byte in b"[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise ValueError("a name stands twice in one object")
    return document


def _refuse(constant: str) -> NoReturn:
    raise ValueError("not a number that JSON has")


def _bounded_int(digits: str) -> int:
    if len(digits) > MAXIMUM_DIGITS:
        raise ValueError("a number of too many digits")
    return int(digits)


def _bounded_float(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError("a number beyond what can be held")
    return number


DECODER = json.JSONDecoder(
    object_pairs_hook=_unique, parse_constant=_refuse, parse_int=_bounded_int, parse_float=_bounded_float
)
"""Reads one value of a text, as `loads` does but for its depth. Raises ValueError and RecursionError."""
