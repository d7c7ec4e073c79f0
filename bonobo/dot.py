"""Graph -> DOT text. The same graph gives the same text; labels are the names of the nodes."""

from __future__ import annotations

import json

from bonobo.constants import BEGIN
from bonobo.graph import Graph, name_of


def dot(graph: Graph) -> str:
    """Draw a graph in the DOT language, from left to right. It may be one that cannot be run.

    >>> print(dot(Graph("ab", print)))
    digraph {
        rankdir=LR
        BEGIN [shape=point]
        0 [label="str"]
        1 [label="print"]
        BEGIN -> 0
        0 -> 1
    }
    """
    lines = ["rankdir=LR", "BEGIN [shape=point]"]
    lines += [f"{index} [label={_quoted(name_of(node))}]" for index, node in enumerate(graph)]
    lines += [f"BEGIN -> {target}" for target in sorted(graph.outputs_of(BEGIN))]
    lines += [
        f"{index} -> {target}" for index in range(len(graph)) for target in sorted(graph.outputs_of(index))
    ]
    return "\n".join(["digraph {", *(f"    {line}" for line in lines), "}"])


def _quoted(text: str) -> str:
    # A DOT string escapes quotes and backslashes as JSON does, and takes UTF-8 as it is.
    return json.dumps(text, ensure_ascii=False)
