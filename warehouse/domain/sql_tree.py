"""A question as the query engine parsed it, walked: which tables it names and which functions it calls.

The tree is what `json_serialize_sql` gives. No decision is taken from the text of a question: a name may be
quoted there, and stand behind a remark.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, TypeAlias

Tree: TypeAlias = Any
"""JSON: objects, lists and scalars."""

# Functions in a FROM that make their rows of what they are given. All others read files, networks, settings
# or SQL in text.
_TABLE_FUNCTIONS = frozenset(
    ("range", "generate_series", "unnest", "repeat", "repeat_row", "json_each", "json_tree")
)
_SETTINGS = frozenset(("current_setting",))
_CALLS = frozenset(("FUNCTION", "WINDOW"))
_LISTS_TABLES = frozenset(('"tables"', "__show_tables_expanded"))
# Tables of the question's own database, as they may be called in full.
_HOME = frozenset((("", ""), ("", "temp"), ("temp", "main")))


class Call(NamedTuple):
    """A call of a function: its name in lower case, its arguments counted, and the node itself."""

    name: str
    arguments: int
    node: Mapping[str, Any]

    @property
    def windowed(self) -> bool:
        """Whether it has an OVER."""
        return bool(self.node["class"] == "WINDOW")


def nodes(tree: Tree) -> Iterator[Mapping[str, Any]]:
    """Every object of a tree, each before what it holds."""
    left = [tree]
    while left:
        match left.pop():
            case dict() as node:
                yield node
                left.extend(node.values())
            case list() as some:
                left.extend(some)


def calls(tree: Tree) -> Iterator[Call]:
    """Every call of a function, operators among them."""
    for node in nodes(tree):
        if node.get("class") in _CALLS:
            yield Call(str(node["function_name"]).lower(), len(node["arguments"]), node)


def asks_for_the_tables(tree: Tree) -> bool:
    """Whether a question is SHOW TABLES, or one of its other spellings, and nothing else."""
    shown = tree["statements"][0]["node"].get("from_table") or {}
    return shown.get("type") == "SHOW_REF" and shown.get("table_name") in _LISTS_TABLES


def is_out_of_reach(tree: Tree) -> bool:
    """Whether a question calls what tells of more than tables: the machine, its settings, text as SQL."""
    if any(call.name in _SETTINGS for call in calls(tree)):
        return True
    return any(
        node["function"]["function_name"].lower() not in _TABLE_FUNCTIONS
        if node.get("type") == "TABLE_FUNCTION"
        else node.get("show_type") == "SHOW_SPECIAL"
        for node in nodes(tree)
    )


def tables(tree: Tree) -> Iterator[str]:
    """The tables that a question names and does not define by WITH, as it spells them."""
    left: list[tuple[Tree, frozenset[str]]] = [(tree, frozenset())]
    while left:
        node, defined = left.pop()
        match node:
            case list():
                left.extend((one, defined) for one in node)
            case dict():
                if node.get("type") == "RECURSIVE_CTE_NODE":
                    defined |= {node["cte_name"].lower()}
                # A definition sees those before it.
                for definition in (node.get("cte_map") or {}).get("map", ()):
                    left.append((definition["value"], defined))
                    defined |= {definition["key"].lower()}
                if (name := _table(node)) is not None and name.lower() not in defined:
                    yield name
                left.extend((value, defined) for key, value in node.items() if key != "cte_map")


def _table(node: Mapping[str, Any]) -> str | None:
    match node:
        case {"type": "BASE_TABLE", "table_name": str(name)}:
            home = node["catalog_name"].lower(), node["schema_name"].lower()
            return name if home in _HOME else f"{node['schema_name']}.{name}"
        case {"type": "SHOW_REF", "show_type": "SHOW", "table_name": str(name)}:
            return name.strip('"')
    return None
