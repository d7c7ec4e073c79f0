"""Graph -> DOT text, and a drawing of it. The same graph gives the same text; labels are names of nodes.

A drawing is a whole file or none: what was there before stays until the new one is complete.
"""

from __future__ import annotations

import json
import os
import subprocess
from contextlib import suppress
from pathlib import Path

from bonobo.constants import BEGIN
from bonobo.errors import BonoboError, UsageError
from bonobo.graph import Graph, name_of

ENDINGS = (".png", ".svg", ".pdf", ".dot")
"""The kinds of files that a graph can be drawn into; `.dot` is its text."""


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


def draw(graph: Graph, path: Path) -> None:
    """Draw a graph into a file, of the kind that its ending names; all but `.dot` need Graphviz's `dot`.

    Raises UsageError for another ending, where `dot` is not installed and where the file cannot be made;
    BonoboError where drawing or writing fails.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     draw(Graph("ab", print), Path(folder, "graph.dot"))
    ...     Path(folder, "graph.dot").read_text().startswith("digraph {")
    True
    """
    draw_dot(dot(graph) + "\n", path)


def draw_dot(text: str, path: Path) -> None:
    """Draw what is in the DOT language already; raises as `draw` does.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     draw_dot("digraph {}", Path(folder, "nothing.dot"))
    ...     Path(folder, "nothing.dot").read_text()
    'digraph {}'
    """
    ending = path.suffix.lower()
    if ending not in ENDINGS:
        raise UsageError(
            f"{path.name!r} does not say what to draw; name a file that ends in one of {', '.join(ENDINGS)}"
        )
    _replace(path, text.encode() if ending == ".dot" else _rendered(text, ending[1:]))


def _rendered(text: str, kind: str) -> bytes:
    # Only whoever wants a picture pays for the import.
    import graphviz

    try:
        drawing: bytes = graphviz.Source(text).pipe(format=kind, quiet=True)
    except graphviz.ExecutableNotFound:
        raise UsageError(
            f"drawing {kind} needs the program dot: install Graphviz (its package is mostly named graphviz),"
            " or name a file that ends in .dot"
        ) from None
    except (OSError, subprocess.SubprocessError) as error:
        raise BonoboError(f"dot could not draw the graph: {type(error).__name__}") from None
    return drawing


def _replace(path: Path, content: bytes) -> None:
    """Put a file in the place of another in one step, under a link if there is one."""
    path = Path(os.path.realpath(path))
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    except OSError as error:
        raise UsageError(f"the drawing cannot be written to {str(path)!r}: {error.strerror}") from None
    try:
        with open(descriptor, "wb") as file:
            file.write(content)
        partial.replace(path)
    except OSError as error:
        raise BonoboError(f"the drawing could not be written to {str(path)!r}: {error.strerror}") from None
    finally:
        with suppress(OSError):
            partial.unlink()
