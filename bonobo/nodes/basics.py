"""Nodes that pass rows on, count them, gather them or stop passing them on, without looking into them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Generator, Iterator
from typing import Any

from bonobo.config import (
    Configurable,
    ContextProcessor,
    Option,
    use_context_processor,
    use_no_input,
    use_raw_input,
)
from bonobo.constants import NOT_MODIFIED, Flag, Row
from bonobo.context import NodeContext
from bonobo.util.objects import ValueHolder


def identity(x: Any) -> Any:
    """Give back what comes: a row of one field. `noop` passes on rows of any length.

    >>> import bonobo
    >>> from bonobo.testing import run_node
    >>> run_node(bonobo.identity, "a", "b").rows
    [('a',), ('b',)]
    """
    return x


@use_no_input
def noop(*args: Any, **kwargs: Any) -> Flag:
    """Pass every row on as it came, for example as the place behind which a graph forks.

    >>> import bonobo
    >>> from bonobo.testing import run_node
    >>> run_node(bonobo.noop, (1, 2), (3, 4)).rows
    [(1, 2), (3, 4)]
    """
    return NOT_MODIFIED


def _total(self: Any, context: NodeContext) -> Generator[ValueHolder, ValueHolder, None]:
    counter = yield ValueHolder(0)
    context.send(counter.get())


@use_no_input
@use_context_processor(_total)
def count(counter: ValueHolder) -> None:
    """Emit one row when no more rows come: how many there were.

    >>> import bonobo
    >>> from bonobo.testing import run_node
    >>> run_node(bonobo.count, "a", "b", "c").rows
    [(3,)]
    """
    counter += 1


def Tee(f: Callable[..., object]) -> Callable[..., Flag]:
    """Call a function for each row and pass the row on, whatever the function returns. Also a decorator.

    >>> import bonobo
    >>> from bonobo.testing import run_node
    >>> run_node(bonobo.Tee(print), "a", "b").rows
    a
    b
    [('a',), ('b',)]
    """

    @functools.wraps(f)
    def tee(*args: Any, **kwargs: Any) -> Flag:
        f(*args, **kwargs)
        return NOT_MODIFIED

    return tee


class Limit(Configurable):
    """Pass on the first rows, and take in the others without a trace. What feeds the node is not stopped.

    Options, by place or by name:

    - `limit` (10): how many rows to pass on.

    >>> import bonobo
    >>> from bonobo.testing import run_node
    >>> run_node(bonobo.Limit(2), "a", "b", "c").rows
    [('a',), ('b',)]
    """

    limit = Option(int, positional=True, default=10)

    @ContextProcessor
    def counter(self, context: NodeContext) -> Iterator[ValueHolder]:
        """How many rows came."""
        yield ValueHolder(0)

    def __call__(self, counter: ValueHolder, *args: Any, **kwargs: Any) -> Flag | None:
        counter += 1
        return NOT_MODIFIED if counter <= self.limit else None


def _length(value: Any) -> int:
    length = int(value)
    if length < 1:
        raise ValueError("the length of a window must be at least 1")
    return length


@use_raw_input
class FixedWindow(Configurable):
    """Gather so many rows into one row, without names; the last one is filled up with None.

    A row of one field stands in the window as that field, any other row as itself.

    Options, by place or by name:

    - `length` (required): how many rows a window has. Raises ValueError below 1.

    >>> import bonobo
    >>> from bonobo.testing import run_node
    >>> run_node(bonobo.FixedWindow(2), "a", "b", "c").rows
    [('a', 'b'), ('c', None)]
    """

    length = Option(_length, positional=True)

    @ContextProcessor
    def buffer(self, context: NodeContext) -> Iterator[list[Any]]:
        """The rows that wait for their window to be full."""
        window: list[Any] = []
        yield window
        if window:
            context.send(*window, *[None] * (self.length - len(window)))

    def __call__(self, buffer: list[Any], row: Row) -> Row | None:
        buffer.append(row[0] if len(row) == 1 else row)
        if len(buffer) < self.length:
            return None
        window = tuple(buffer)
        buffer.clear()
        return window
