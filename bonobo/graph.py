"""A graph is a pure description: nodes, and which node feeds which. It runs nothing and checks only itself.

The runner, the DOT writer and other engines each read the same Graph.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from bonobo.constants import BEGIN, Token
from bonobo.text import printable

Node = Any
Reference = Any
Place = int | Token
"""Where an edge begins: a node's index, or BEGIN."""


EXECUTORS = ("thread", "process")
ON_ERROR = ("skip", "dead_letter", "fail")
AUTO = "auto"


@dataclass(frozen=True, slots=True)
class Parallel:
    """A node and how its rows are worked on; the fields are what `parallel` was told."""

    node: Node
    n: int | Literal["auto"] = 1
    key: Callable[..., Hashable] | None = None
    executor: str = "thread"
    on_error: str = "skip"
    retries: int = 0
    backoff: float = 0.1
    timeout: float | None = None


def parallel(
    node: Node,
    n: int | Literal["auto"] = 1,
    key: Callable[..., Hashable] | None = None,
    *,
    executor: Literal["thread", "process"] = "thread",
    on_error: Literal["skip", "dead_letter", "fail"] = "skip",
    retries: int = 0,
    backoff: float = 0.1,
    timeout: float | None = None,
) -> Parallel:
    """Let up to `n` rows be worked on at once; outputs still appear in the order of the inputs.

    `n="auto"` finds by trial how many rows at once pay, up to 64, and halves on errors that have a true
    attribute `throttled`. With `key`, called with the row's fields, rows of equal key are worked on one at a
    time, in their order. A node that keeps state in a context processor takes one row at a time all the same.

    `executor="process"` works on rows in processes of their own, for work that keeps a core busy: node, rows
    and results are pickled. `timeout` is in seconds and for one attempt; the row fails with RowTimeout. A
    thread that is late cannot be ended, only left behind, and may still be at work beside the next row; a
    process is killed. `retries` is how often a failed row is tried again, after a random wait of up to
    `backoff` seconds that doubles each time, to 30 at most; with either, what a row emits goes on when its
    attempt has ended.

    A row that fails in the end is rejected: `on_error="skip"` counts it and keeps its number in the report,
    "dead_letter" also calls the service `dead_letters` with a Rejected and the row, "fail" ends the run.

    Raises ValueError or TypeError for what makes no sense, and TypeError for a node that is parallel already.

    >>> import bonobo
    >>> from bonobo.testing import run_node
    >>> def double(x):
    ...     return 2 * x
    >>> run_node(bonobo.parallel(double, 4), 1, 2, 3).rows
    [(2,), (4,), (6,)]
    """
    if isinstance(node, Parallel):
        raise TypeError("the node is parallel already")
    if n != AUTO:
        if isinstance(n, bool) or not isinstance(n, int):
            raise TypeError('n must be a whole number of rows, or "auto"')
        if n < 1:
            raise ValueError("n must be at least 1")
    if key is not None and not callable(key):
        raise TypeError("key must be callable: it receives the row's fields")
    if executor not in EXECUTORS:
        raise ValueError(f"executor must be one of {', '.join(EXECUTORS)}; got {executor!r}")
    if on_error not in ON_ERROR:
        raise ValueError(f"on_error must be one of {', '.join(ON_ERROR)}; got {on_error!r}")
    if isinstance(retries, bool) or not isinstance(retries, int) or retries < 0:
        raise ValueError("retries must be a whole number, 0 or more")
    if not 0 <= backoff < math.inf:
        raise ValueError("backoff must be a number of seconds, 0 or more")
    if timeout is not None and not 0 < timeout < math.inf:
        raise ValueError("timeout must be a number of seconds above 0")
    return Parallel(node, n, key, executor, on_error, retries, backoff, timeout)


def unwrap(node: Node) -> Node:
    """Give the node itself, without what `parallel` says of it."""
    return node.node if isinstance(node, Parallel) else node


def name_of(node: Node) -> str:
    """Give the name by which a node is shown: its `__name__`, else that of its type; what is long is cut."""
    node = unwrap(node)
    name = getattr(node, "__name__", None)
    if isinstance(name, str):
        return printable(name)
    return name_of(node.func) if isinstance(node, functools.partial) else printable(type(node).__name__)


class GraphRange(NamedTuple):
    """What `add_chain` added: the indexes of its first and last node, None where it added none."""

    graph: Graph
    input: int | None
    output: int | None


class Graph:
    """A directed graph of nodes, by index in the order of their addition.

    >>> import bonobo
    >>> def greet(name):
    ...     print(f"Hello, {name}")
    >>> report = bonobo.run(bonobo.Graph(["Ada", "Grace"], greet), console=bonobo.QUIET)
    Hello, Ada
    Hello, Grace
    """

    def __init__(self, *chain: Node) -> None:
        self.nodes: list[Node] = []
        self.named: dict[str, int] = {}
        self._outputs: dict[Place, set[int]] = {BEGIN: set()}
        self.add_chain(*chain)

    def __len__(self) -> int:
        return len(self.nodes)

    def __iter__(self) -> Iterator[Node]:
        return iter(self.nodes)

    def __getitem__(self, index: int) -> Node:
        return self.nodes[index]

    def outputs_of(self, reference: Reference) -> frozenset[int]:
        """Give the indexes of the nodes that receive every row of this one (or of BEGIN).

        >>> Graph("ab", print).outputs_of(0)
        frozenset({1})
        """
        return frozenset(self._outputs[self.index_of(reference)])

    def add_chain(
        self,
        *nodes: Node,
        _input: Reference | None = BEGIN,
        _output: Reference | None = None,
        _name: str | None = None,
    ) -> GraphRange:
        """Add nodes that feed one another in turn, and say what feeds the first and what the last feeds.

        References are an index, a name or a node. `_input=None` leaves the chain unfed, for another chain's
        `_output` to feed. `_name` names the first node. Without nodes, `_input` feeds `_output` directly.
        Raises ValueError for an unknown reference and KeyError for a name that is taken; the graph is then
        as it was.

        >>> graph = Graph()
        >>> store = graph.add_chain(print, _input=None, _name="store")
        >>> _ = graph.add_chain("ab", _output="store")
        >>> _ = graph.add_chain("cd", _output=print)
        >>> graph.outputs_of(1) == graph.outputs_of(2) == {0}
        True
        """
        source = None if _input is None else self.index_of(_input)
        target = None if _output is None else self._index_of_node(_output)
        if _name is not None and _name in self.named:
            raise KeyError(f"there is a node named {_name!r} already")
        first = len(self.nodes) if nodes else None
        for node in nodes:
            source = self._feed(source, self._add(node))
        if first is not None and _name is not None:
            self.named[_name] = first
        if target is not None:
            self._feed(source, target)
        return GraphRange(self, first, len(self.nodes) - 1 if nodes else None)

    def copy(self) -> Graph:
        """Give a graph of the same nodes that can be added to without changing this one.

        >>> graph = Graph("ab")
        >>> _ = graph.copy().add_chain(print, _input=0)
        >>> len(graph)
        1
        """
        copy = Graph()
        copy.nodes = list(self.nodes)
        copy.named = dict(self.named)
        copy._outputs = {place: set(targets) for place, targets in self._outputs.items()}
        return copy

    def get_cursor(self, reference: Reference | None = BEGIN) -> GraphCursor:
        """Give a cursor behind a node, which `>>` appends to; None for a chain that nothing feeds yet.

        >>> graph = Graph()
        >>> end = graph.get_cursor() >> [3, 4] >> str
        >>> fork = graph.get_cursor(str) >> print
        >>> [name_of(node) for node in graph]
        ['list', 'str', 'print']
        """
        return GraphCursor(self, None if reference is None else self.index_of(reference))

    def __rshift__(self, node: Node) -> GraphCursor:
        return self.get_cursor().__rshift__(node)

    def index_of(self, reference: Reference) -> Place:
        """Resolve a reference: BEGIN, an index, a name or a node. Raises ValueError.

        >>> Graph("ab", print).index_of(print)
        1
        """
        if isinstance(reference, Token) and reference is BEGIN:
            return reference
        if isinstance(reference, int) and not isinstance(reference, bool):
            if 0 <= reference < len(self.nodes):
                return reference
            raise ValueError(f"there is no node {reference} among {len(self.nodes)}")
        if isinstance(reference, str) and reference in self.named:
            return self.named[reference]
        found = self._position(reference)
        if found is None:
            try:
                # Bound methods and small literals are made anew each time they are written.
                return self.nodes.index(reference)
            except ValueError:
                shown = repr(reference) if isinstance(reference, str) else name_of(reference)
                raise ValueError(f"there is no node that matches {shown}") from None
        return found

    def _index_of_node(self, reference: Reference) -> int:
        place = self.index_of(reference)
        if isinstance(place, Token):
            raise ValueError("nothing can feed BEGIN")
        return place

    def _position(self, node: Node) -> int | None:
        for index, known in enumerate(self.nodes):
            if known is node or unwrap(known) is node:
                return index
        return None

    def _add(self, node: Node) -> int:
        self.nodes.append(node)
        index = len(self.nodes) - 1
        self._outputs[index] = set()
        return index

    def _feed(self, source: Place | None, target: int) -> int:
        if source is not None:
            self._outputs[source].add(target)
        return target


@dataclass(frozen=True, slots=True)
class GraphCursor:
    """A place in a graph behind which `>>` adds nodes; a node that the graph holds already is joined."""

    graph: Graph
    last: Place | None

    def __rshift__(self, node: Node) -> GraphCursor:
        known = self.graph._position(node)
        index = self.graph._add(node) if known is None else known
        return GraphCursor(self.graph, self.graph._feed(self.last, index))
