"""Whether a condition must choose the same images every time, from how it was parsed.

What the engine says of its functions decides: one is refused only if each of its forms that takes so many
arguments is fickle. What depends on the order in which rows come needs an ORDER BY.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from warehouse.domain.sql_tree import Call, Tree, calls, nodes


class Form(NamedTuple):
    """One form of a function: how many arguments it takes (`open`: or more), whether it may vary."""

    arguments: int
    open: bool
    fickle: bool


Forms = Mapping[str, Sequence[Form]]
"""The forms of each function, by its name in lower case."""

# Words that stand for a call (DuckDB, "Timestamp Functions"), unless a column has that name.
_MOMENTS = frozenset(("current_date", "current_time", "current_timestamp", "localtime", "localtimestamp"))

# Of these the engine does not say it: the age up to today, and a quantile of a sample.
_TAKES_TODAY = frozenset((("age", 1),))
_SAMPLES = frozenset(("reservoir_quantile",))

# Aggregates, and functions with an OVER, whose answer is another one if rows come in another order.
_ORDERED = frozenset(
    ("first", "last", "any_value", "arbitrary", "list", "array_agg", "string_agg", "group_concat", "listagg")
)
_ORDERED_WINDOWS = _ORDERED | {"row_number", "ntile", "lag", "lead", "first_value", "last_value", "nth_value"}


def why_not(trees: Iterable[Tree], forms: Forms) -> str | None:
    """A sentence on what may give another cohort the next time; None where nothing does.

    `trees` are those of the condition, and of the definitions that it calls.
    """
    for tree in trees:
        for name in _fickle(tree, forms):
            return f"{name} gives another cohort every time: use fold, or compare md5(patient)"
        for name in _unordered(tree):
            return f"{name} without ORDER BY need not give the same cohort every time: order by key"
    return None


def is_fickle(name: str, arguments: int, forms: Forms) -> bool:
    """Whether a call with so many arguments may give another value the next time, whatever they are."""
    fitting = [
        form.fickle
        for form in forms.get(name, ())
        if form.arguments == arguments or (form.open and form.arguments <= arguments)
    ]
    return bool(fitting and all(fitting)) or name in _SAMPLES or (name, arguments) in _TAKES_TODAY


def _fickle(tree: Tree, forms: Forms) -> Iterator[str]:
    yield from (call.name for call in calls(tree) if is_fickle(call.name, call.arguments, forms))
    for node in nodes(tree):
        if node.get("sample"):
            yield "a sample"
        if node.get("class") == "COLUMN_REF" and len(node["column_names"]) == 1:
            (name,) = node["column_names"]
            if name.lower() in _MOMENTS:
                yield name.lower()


def _unordered(tree: Tree) -> Iterator[str]:
    yield from (call.name for call in calls(tree) if _needs_order(call))
    for node in nodes(tree):
        kinds = {one["type"]: one for one in node.get("modifiers") or ()}
        if "ORDER_MODIFIER" not in kinds:
            if "LIMIT_MODIFIER" in kinds:
                yield "LIMIT"
            if kinds.get("DISTINCT_MODIFIER", {}).get("distinct_on_targets"):
                yield "DISTINCT ON"
        if node.get("ref_type") == "POSITIONAL":
            yield "POSITIONAL JOIN"


def _needs_order(call: Call) -> bool:
    node: Mapping[str, Any] = call.node
    if call.windowed:
        by_rows = any(str(node[end]).endswith("_ROWS") for end in ("start", "end"))
        ordered = node.get("orders") or node.get("arg_orders")
        return not ordered and (by_rows or call.name in _ORDERED_WINDOWS)
    return call.name in _ORDERED and not node["order_bys"]["orders"]
