"""Tokens that stand for something other than data: compared by identity, never confused with a field.

`BEGIN` is where a graph begins: what it feeds gets one row without fields, `EMPTY`. `END` is where it ends.

A *flag* is a token that a node may yield or return:

- `NOT_MODIFIED` emits the row that came, as it came: with its names, if it has some.
- `INHERIT`, first in a tuple, emits the row that came with the tuple's other values behind it. Where that row
  has names, the new fields get `0`, `1` and so on: the numbers that are no name of it yet.
- `BARRIER` emits no row. All that was emitted before it is fully processed by every node downstream before
  anything after it begins.

>>> from bonobo import Graph
>>> from bonobo.testing import run_node
>>> def marked(x):
...     yield NOT_MODIFIED
...     yield BARRIER
...     yield INHERIT, "again"
>>> run_node(marked, "row").rows
[('row',), ('row', 'again')]
>>> Graph("ab", print).outputs_of(BEGIN)
frozenset({0})
>>> BEGIN, END
(<Begin>, <End>)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Row = tuple[Any, ...]


class Token:
    """A named marker; two tokens are equal only when they are the same object."""

    __slots__ = ("__name__",)

    def __init__(self, name: str) -> None:
        self.__name__ = name

    def __repr__(self) -> str:
        return f"<{self.__name__}>"

    def __reduce__(self) -> tuple[Callable[[str], Token], tuple[str]]:
        # Rows travel between processes, and a flag means nothing but itself there too.
        return _token, (self.__name__,)

    def __copy__(self) -> Token:
        return self

    def __deepcopy__(self, memo: object) -> Token:
        return self


class Flag(Token):
    """A token that means something in a node's result."""

    __slots__ = ()


BEGIN = Token("Begin")
"""Where a graph begins: what it feeds receives one empty row."""

END = Token("End")
"""Where a graph ends."""

NOT_MODIFIED = Flag("NotModified")
"""As a result: the input row, as it came."""

INHERIT = Flag("Inherit")
"""First in a tuple: the input row, followed by the tuple's other values."""

BARRIER = Flag("Barrier")
"""As a result: wait until everything emitted before it is fully processed by every downstream node."""

EMPTY: Row = ()
"""The row without fields, which each source node receives once."""

_TOKENS = {token.__name__: token for token in (BEGIN, END, NOT_MODIFIED, INHERIT, BARRIER)}


def _token(name: str) -> Token:
    return _TOKENS[name]
