"""What a node's result emits. One table: a value becomes one row, or BARRIER.

============================  =========================================
``return None``               nothing
``yield None``, ``yield ()``  the row without fields
a tuple                       one row of several fields
``NOT_MODIFIED``              the input row
``INHERIT`` first, values     the input row and the values
``BARRIER``                   no row: a barrier in the stream
a generator object            each of its items, by this table
any other value               one row of one field
============================  =========================================
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from types import GeneratorType
from typing import Any

from bonobo.config.declarations import Input
from bonobo.constants import BARRIER, EMPTY, INHERIT, NOT_MODIFIED, Flag, Row
from bonobo.rows import extended

Produce = Callable[[Row], Iterable[Any]]


def row_of(value: Any, source: Row) -> Row | Flag:
    """Turn one emitted value into a row, or into BARRIER; `source` is the input row.

    Raises ValueError where flags stand together that exclude each other.

    >>> row_of((INHERIT, 3), (1, 2))
    (1, 2, 3)
    """
    # The true type: a field may say of itself that it is something else.
    kind: type = type(value)
    if kind is tuple or issubclass(kind, tuple):
        row: Row = value
        return _flagged(row[0], row[1:], source) if row and row[0].__class__ is Flag else row
    if value is None:
        return EMPTY
    if value.__class__ is Flag:
        return _flagged(value, EMPTY, source)
    return (value,)


def _flagged(flag: Flag, values: Row, source: Row) -> Row | Flag:
    if values and (flag is not INHERIT or values[0].__class__ is Flag):
        raise ValueError(f"{flag!r} cannot be followed by these values")
    return _MEANING[flag](source, values)


_MEANING: Mapping[Flag, Callable[[Row, Row], Row | Flag]] = {
    NOT_MODIFIED: lambda source, values: source,
    INHERIT: extended,
    BARRIER: lambda source, values: BARRIER,
}


def producer(node: Any, services: Mapping[str, Any], values: Row = EMPTY, input: Input = "fields") -> Produce:
    """Give the function that maps an input row to the values that a node emits for it.

    A callable is called with `values`, then with the row as `input` says, and with its services by keyword;
    any other iterable gives its items, once per row. Generators are returned as they are, so that whoever
    abandons one can close it.
    """
    if not callable(node):
        return lambda row: iter(node)
    return _PRODUCERS[input](partial(node, *values, **services) if values or services else node)


def _of_fields(call: Callable[..., Any]) -> Produce:
    def produce(row: Row) -> Iterable[Any]:
        result = call(*row)
        if result is None:
            return EMPTY
        return result if isinstance(result, GeneratorType) else (result,)

    return produce


def _of_row(call: Callable[..., Any]) -> Produce:
    # The other one's only argument, so that the row keeps its type.
    produce = _of_fields(call)
    return lambda row: produce((row,))


def _of_nothing(call: Callable[..., Any]) -> Produce:
    produce = _of_fields(call)
    return lambda row: produce(EMPTY)


_PRODUCERS: Mapping[Input, Callable[[Callable[..., Any]], Produce]] = {
    "fields": _of_fields,
    "row": _of_row,
    "nothing": _of_nothing,
}
