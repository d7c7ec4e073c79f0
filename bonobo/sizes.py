"""How many bytes a row holds, near enough to bound memory: text and bytes count, what is small does not.

A row is looked at each time it is handed on, so that the look has to be cheap: a table from types to
functions, and of long containers a sample.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from itertools import islice
from operator import attrgetter
from typing import Any

from bonobo.constants import Row

SAMPLE = 100
"""How many items of a container are looked at; the others are taken to be like them."""

DEPTH = 8
"""How deep containers and dataclasses are followed; a row may hold itself."""

Sizer = Callable[[Any, int], int]


def size_of(row: Row) -> int:
    """Give the bytes that a row's fields hold: the length of its bytes and str, at any depth.

    What has an `nbytes` (arrays, tables, memoryviews) counts by it. Numbers and other objects count nothing.

    >>> size_of((b"abc", "de", 12345))
    5
    >>> size_of(([b"abc"] * 1000,))
    3000
    """
    return _held(row, DEPTH + 1)


def _held(values: Iterable[Any], depth: int) -> int:
    """What several values hold, one level below `depth`. Written out: most of a look is spent here."""
    below = depth - 1
    if below <= 0:
        return 0
    total = 0
    for value in values:
        kind = type(value)
        if kind is str or kind is bytes:
            total += len(value)
        else:
            sizer = _SIZERS.get(kind, _UNKNOWN)
            if sizer is not None:
                total += sizer(value, below)
    return total


def _length(value: Any, depth: int) -> int:
    return len(value)


def _sampled(values: Iterable[Any], count: int, depth: int) -> int:
    total = _held(islice(values, SAMPLE), depth)
    return total if count <= SAMPLE else total * count // SAMPLE


def _sequence(value: Any, depth: int) -> int:
    return _sampled(value, len(value), depth)


def _mapping(value: Any, depth: int) -> int:
    return _sampled(value, len(value), depth) + _sampled(value.values(), len(value), depth)


def _nbytes(value: Any, depth: int) -> int:
    size = value.nbytes
    return size if isinstance(size, int) else 0


def _fields(names: tuple[str, ...]) -> Sizer:
    if not names:
        return lambda value, depth: 0
    get = attrgetter(*names)
    if len(names) == 1:
        return lambda value, depth: _held((get(value),), depth)
    return lambda value, depth: _held(get(value), depth)


def _learn(value: Any, depth: int) -> int:
    """Find how a type is measured, once."""
    kind = type(value)
    sizer = _sizer_of(kind)
    if len(_SIZERS) < TYPES_KEPT:
        _SIZERS[kind] = sizer
    return 0 if sizer is None else sizer(value, depth)


def _sizer_of(kind: type) -> Sizer | None:
    for base, sizer in _BASES.items():
        if issubclass(kind, base):
            return _guarded(sizer)
    if dataclasses.is_dataclass(kind):
        return _guarded(_fields(tuple(field.name for field in dataclasses.fields(kind))))
    if hasattr(kind, "nbytes"):
        return _guarded(_nbytes)
    return None


def _guarded(sizer: Sizer) -> Sizer:
    # Somebody's class, whose attributes may be unset or whose container may change under way.
    def guarded(value: Any, depth: int) -> int:
        try:
            return sizer(value, depth)
        except Exception:
            return 0

    return guarded


_UNKNOWN: Sizer = _learn
_BASES: dict[type, Sizer] = {
    bytes: _length,
    bytearray: _length,
    str: _length,
    tuple: _sequence,
    list: _sequence,
    set: _sequence,
    frozenset: _sequence,
    dict: _mapping,
}
_SIZERS: dict[type, Sizer | None] = {
    bytes: _length,
    str: _length,
    **dict.fromkeys((int, float, bool, complex, type(None)), None),
}
TYPES_KEPT = 10_000
