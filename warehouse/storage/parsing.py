"""SQL as the query engine parses it, and what the engine says of the functions that it calls."""

from __future__ import annotations

import json
from collections import defaultdict

import duckdb

from warehouse.domain.repeatable import Form, Forms
from warehouse.domain.sql_tree import Tree, calls
from warehouse.errors import QueryError

_FORMS = """
    SELECT function_name, len(parameters), varargs IS NOT NULL, stability <> 'CONSISTENT'
    FROM duckdb_functions() WHERE stability IS NOT NULL"""
_MACROS = """
    SELECT function_name, macro_definition FROM duckdb_functions()
    WHERE function_type = 'macro' AND macro_definition IS NOT NULL"""


def parse(connection: duckdb.DuckDBPyConnection, select: str) -> Tree:
    """The tree of one SELECT. Raises QueryError where it cannot be taken apart."""
    ((text,),) = connection.execute("SELECT json_serialize_sql(?::VARCHAR)", [select]).fetchall()
    try:
        tree = json.loads(text)
    except RecursionError:
        raise QueryError("the query is nested too deeply: ask it in parts") from None
    if tree["error"]:
        raise QueryError("the query asks for what the query engine cannot do")
    return tree


def require_condition(connection: duckdb.DuckDBPyConnection, where: str) -> None:
    """Raise QueryError unless a text is one condition: whole by itself, and whole between brackets.

    By itself, no bracket of it can close one that is not its own; between brackets, nothing stands behind it.
    """
    if not where.strip():
        raise QueryError("the condition is empty: say what is true of each image, or true for all of them")
    for form in ("SELECT 1 WHERE {}\n", "SELECT 1 WHERE (\n{}\n)"):
        select = form.format(where)
        ((text,),) = connection.execute("SELECT json_serialize_sql(?::VARCHAR)", [select]).fetchall()
        if text.startswith('{"error":true'):
            said = " ".join(json.loads(text)["error_message"].split())
            raise QueryError(f"that is not one condition: {said}")


def with_definitions(connection: duckdb.DuckDBPyConnection, tree: Tree) -> list[Tree]:
    """A tree, and those of the engine's macros that it calls, or that they call."""
    bodies = defaultdict(list)
    for name, body in connection.execute(_MACROS).fetchall():
        bodies[name].append(body)
    trees, left = [tree], [tree]
    while left:
        for name in {call.name for call in calls(left.pop())}:
            found = [parse(connection, f"SELECT {body}") for body in bodies.pop(name, ())]
            trees += found
            left += found
    return trees


def forms(connection: duckdb.DuckDBPyConnection) -> Forms:
    """All forms of the engine's functions."""
    found = defaultdict(list)
    for name, arguments, open, fickle in connection.execute(_FORMS).fetchall():
        found[name].append(Form(arguments, open, fickle))
    return found
