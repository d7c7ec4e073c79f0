"""Types that only the query engine has are told as it writes them, as text, also within lists and structures.

Arrow has no such type, or one that programs print as bytes or cannot hold: 128 bits without a sign, 24:00:00.
"""

from __future__ import annotations

import duckdb
from duckdb.sqltypes import DuckDBPyType

from warehouse.errors import QueryError

DEEPEST = 50
"""Levels of lists and structures: Arrow takes some sixty from another library."""

_TOLD_AS_TEXT = frozenset(
    (
        "interval",
        "bit",
        "bignum",
        "uhugeint",
        "time",
        "time_ns",
        "time with time zone",
        "variant",
        "geometry",
        "union",
    )
)


def in_plain_types(relation: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """The same rows, with columns that others can read. Raises QueryError for what is nested too deeply."""
    plain = [_plain(kind) for kind in relation.types]
    if plain == list(map(str, relation.types)):
        return relation
    columns = (
        f"#{number}::{kind} AS {_quoted(name)}"
        for number, (name, kind) in enumerate(zip(relation.columns, plain, strict=True), 1)
    )
    return relation.project(", ".join(columns))


def _plain(kind: DuckDBPyType | int | list[str], level: int = 0) -> str:
    """The type that a value is told in, as SQL writes it; the other parts of a type as they are."""
    if not isinstance(kind, DuckDBPyType):
        return str(kind)
    if level > DEEPEST:
        raise QueryError("the query makes a value that is nested too deeply: ask for its parts")
    if kind.id in _TOLD_AS_TEXT:
        return "VARCHAR"
    match kind.id:
        case "list":
            ((_, item),) = kind.children
            return f"{_plain(item, level + 1)}[]"
        case "array":
            (_, item), (_, size) = kind.children
            return f"{_plain(item, level + 1)}[{_plain(size)}]"
        case "map":
            (_, key), (_, value) = kind.children
            return f"MAP({_plain(key, level + 1)}, {_plain(value, level + 1)})"
        case "struct":
            parts = (f"{_quoted(name)} {_plain(one, level + 1)}" for name, one in kind.children)
            return f"STRUCT({', '.join(parts)})"
    return str(kind)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
