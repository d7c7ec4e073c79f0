"""Nodes that name, order, format and change the fields of rows. They keep nothing from one row to the next.

Because of that they may be parallel. The one exception is `UnpackItems` without `fields`, which takes the
names from the first row. Errors name fields, never values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import chain
from typing import Any

from bonobo.config import transformation_factory, use_context, use_raw_input
from bonobo.constants import Row
from bonobo.context import NodeContext
from bonobo.rows import cast, fields_of, row_type


@transformation_factory
def SetFields(fields: Iterable[str]) -> Callable[[Row], Row]:
    """Name the fields of rows; the values stay. A row of another length is a ValueError.

    >>> import bonobo
    >>> from bonobo.testing import run_node
    >>> run_node(bonobo.SetFields(["name", "age"]), ("Ada", 36)).rows[0]._asdict()
    {'name': 'Ada', 'age': 36}
    """
    named = row_type(_names(fields))

    @use_raw_input
    def set_fields(row: Row) -> Row:
        if len(row) != len(named._fields):
            raise ValueError(f"SetFields names {len(named._fields)} fields, and the row has {len(row)}")
        return named._make(row)

    return set_fields


@transformation_factory
def OrderFields(fields: Iterable[str]) -> Callable[[Row], Row]:
    """Put these fields first, and the others behind them in the order of their names.

    >>> import bonobo
    >>> from bonobo.testing import run_graph
    >>> graph = bonobo.Graph([(1, 2, 3)], bonobo.SetFields(["c", "b", "a"]), bonobo.OrderFields(["b"]))
    >>> run_graph(graph).rows[0]._asdict()
    {'b': 2, 'a': 3, 'c': 1}
    """
    first = _names(fields)

    @use_raw_input
    def order_fields(row: Row) -> Row:
        known = _fields_of(row, "OrderFields", first)
        ordered = (*first, *sorted(set(known).difference(first)))
        values = dict(zip(known, row, strict=True))
        return row_type(ordered)._make(values[name] for name in ordered)

    return order_fields


@transformation_factory
def Rename(**translations: str) -> Callable[[Row], Row]:
    """Give fields other names: `Rename(new="old")`. Order and values stay.

    >>> import bonobo
    >>> from bonobo.testing import run_graph
    >>> graph = bonobo.Graph([("Ada", 36)], bonobo.SetFields(["name", "age"]), bonobo.Rename(years="age"))
    >>> run_graph(graph).rows[0]._asdict()
    {'name': 'Ada', 'years': 36}
    """
    new_names = {old: new for new, old in translations.items()}

    @use_raw_input
    def rename(row: Row) -> Row:
        fields = _fields_of(row, "Rename", new_names)
        return row_type(tuple(new_names.get(name, name) for name in fields))._make(row)

    return rename


@transformation_factory
def Format(**formats: str) -> Callable[[Row], Row]:
    """Set fields to texts that are made of the row's fields, by `str.format`; names not there are added.

    >>> import bonobo
    >>> from bonobo.testing import run_graph
    >>> label = bonobo.Format(label="{name}, {age}")
    >>> graph = bonobo.Graph([("Ada", 36)], bonobo.SetFields(["name", "age"]), label)
    >>> run_graph(graph).rows[0]._asdict()
    {'name': 'Ada', 'age': 36, 'label': 'Ada, 36'}
    """

    @use_raw_input
    def format_fields(row: Row) -> Row:
        fields = _fields_of(row, "Format")
        values = _Values(zip(fields, row, strict=True))
        texts = {name: template.format_map(values) for name, template in formats.items()}
        return row_type((*fields, *(name for name in formats if name not in values)))._make(
            {**values, **texts}.values()
        )

    return format_fields


@transformation_factory
def MapFields(
    function: Callable[[Any], Any], key: bool | Callable[[str], object] = True
) -> Callable[[Row], Row]:
    """Replace each field by what a function makes of it, or only those whose names `key` lets through.

    `key` is called with a name; True and False stand for all fields and none. The names stay.

    >>> import bonobo
    >>> from bonobo.testing import run_node
    >>> run_node(bonobo.MapFields(str.upper), ("a", "b")).rows
    [('A', 'B')]
    """

    @use_raw_input
    def map_fields(row: Row) -> Row:
        if callable(key):
            chosen = [bool(key(name)) for name in _fields_of(row, "MapFields")]
        else:
            chosen = [bool(key)] * len(row)
        values = (function(value) if mapped else value for value, mapped in zip(row, chosen, strict=True))
        return cast(tuple(values), type(row))

    return map_fields


@transformation_factory
def UnpackItems(
    *items: int, fields: Iterable[str] | None = None, defaults: Mapping[str, Any] | None = None
) -> Callable[..., Row]:
    """Make a row of the values of mappings that stand in a row; `items` are their positions.

    `fields` are the names to look for, each in the first of the mappings that has it. Without `fields`, those
    of the mappings in the first row are the names for all rows. A value that is missing is taken from
    `defaults`, else it is None.

    >>> import bonobo
    >>> from bonobo.testing import run_node
    >>> rows = run_node(bonobo.UnpackItems(0), {"name": "Ada", "age": 36}, {"name": "Grace"}).rows
    >>> [row._asdict() for row in rows]
    [{'name': 'Ada', 'age': 36}, {'name': 'Grace', 'age': None}]
    """
    missing = dict(defaults or {})

    def unpack(row: Row, names: tuple[str, ...]) -> Row:
        mappings = _mappings(row, items)
        values = (
            next((mapping[name] for mapping in mappings if name in mapping), missing.get(name))
            for name in names
        )
        return row_type(names)._make(values)

    if fields is not None:
        given = _names(fields)

        @use_raw_input
        def unpack_given(row: Row) -> Row:
            return unpack(row, given)

        return unpack_given

    @use_context
    @use_raw_input
    def unpack_found(context: NodeContext, row: Row) -> Row:
        context.setdefault("unpacked", None)
        if context.unpacked is None:
            context.unpacked = tuple(chain.from_iterable(_mappings(row, items)))
        return unpack(row, context.unpacked)

    return unpack_found


class _Values(dict[str, Any]):
    """The fields of a row by name, for `str.format_map`."""

    def __missing__(self, name: str) -> Any:
        raise _no_fields("Format", [name], self)


def _mappings(row: Row, items: Iterable[int]) -> list[Mapping[str, Any]]:
    for item in items:
        if not isinstance(row[item], Mapping):
            raise TypeError(f"UnpackItems: there is no mapping at position {item} of the row")
    return [row[item] for item in items]


def _names(fields: Iterable[str]) -> tuple[str, ...]:
    if isinstance(fields, str):
        raise TypeError("fields must be a list of names, not one string")
    return tuple(fields)


def _fields_of(row: Row, node: str, wanted: Iterable[str] = ()) -> tuple[str, ...]:
    """Give the names of a row's fields. Raises ValueError for a row without, and for one that lacks some."""
    fields = fields_of(type(row))
    if fields is None:
        raise ValueError(f"{node} needs rows with named fields; put SetFields before it")
    known = frozenset(fields)
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise _no_fields(node, unknown, fields)
    return fields


def _no_fields(node: str, unknown: Iterable[str], known: Iterable[str]) -> ValueError:
    return ValueError(
        f"{node}: the row has no field {', '.join(map(repr, unknown))}; it has {', '.join(map(repr, known))}"
    )
