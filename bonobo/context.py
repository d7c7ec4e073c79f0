"""A node's context: what it knows of the row in hand, says of its output, and keeps from row to row.

One for each node of a run. Types follow the rows: they may change from one to the next.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from threading import Event, local
from types import TracebackType
from typing import TYPE_CHECKING, Any

from bonobo.channel import Cancelled
from bonobo.constants import EMPTY, Flag, Row
from bonobo.emission import row_of
from bonobo.errors import MissingService
from bonobo.rows import cast, fields_of, row_type

RowType = type[tuple[Any, ...]]


class NodeContext:
    """What context processors receive, and nodes that `use_context`; any other attribute is the node's own.

    Attributes: `name`, the node's; `expected`, how many rows it said it will emit, or None.
    The input is that of the calling thread's row; before and after its rows, that of the last one.

    >>> from bonobo.config import use_context
    >>> from bonobo.testing import run_node
    >>> @use_context
    ... def numbered(context, value):
    ...     context.setdefault("count", 0)
    ...     context.count += 1
    ...     return context.count, value
    >>> run_node(numbered, "a", "b").rows
    [(1, 'a'), (2, 'b')]
    """

    def __init__(
        self,
        name: str,
        services: Mapping[str, Any],
        send: Callable[[Row | Flag], None],
        reject: Callable[[Exception, Row], None],
    ) -> None:
        self.name = name
        self.expected: int | None = None
        self._services = services
        self._send = send
        self._reject = reject
        self._output_type: RowType | None = None
        self._input_type: RowType | None = None
        self._own = local()
        self._cancelled = Event()

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"the node's context has no {name!r}; set it first, or use setdefault")

    if TYPE_CHECKING:

        def __setattr__(self, name: str, value: Any) -> None: ...

    def enter(self, row: Row) -> None:
        """Note the row that the calling thread works on from now; the engine says so."""
        self._own.row = row
        self._input_type = type(row)

    def leave(self) -> None:
        """Note that no row is worked on any more; the engine says so, before the processors are torn down."""
        self._own = local()

    @property
    def input_type(self) -> RowType | None:
        """The type of the row in hand, None before the first.

        >>> from bonobo.config import use_context
        >>> from bonobo.testing import run_node
        >>> run_node(use_context(lambda context, x: context.input_type), "a").rows
        [(<class 'tuple'>,)]
        """
        row = getattr(self._own, "row", None)
        return self._input_type if row is None else type(row)

    def get_input_fields(self) -> tuple[str, ...] | None:
        """Give the fields of the row in hand, None where it has no names.

        >>> import bonobo
        >>> from bonobo.config import use_context
        >>> from bonobo.testing import run_graph
        >>> fields = use_context(lambda context, *values: context.get_input_fields())
        >>> run_graph(bonobo.Graph([("Ada", 36)], bonobo.SetFields(["name", "age"]), fields)).rows
        [('name', 'age')]
        """
        return fields_of(self.input_type)

    @property
    def output_type(self) -> RowType | None:
        """The type that rows are emitted as, None until it is set: rows are then emitted as they are.

        >>> from bonobo.config import use_context
        >>> from bonobo.testing import run_node
        >>> run_node(use_context(lambda context: context.output_type is None)).rows
        [(True,)]
        """
        return self._output_type

    def set_output_type(self, output_type: RowType) -> None:
        """Emit rows as this type of tuple from now on, whatever they were. Raises TypeError.

        >>> from typing import NamedTuple
        >>> from bonobo.config import use_context
        >>> from bonobo.testing import run_node
        >>> class Point(NamedTuple):
        ...     x: int
        ...     y: int
        >>> @use_context
        ... def points(context):
        ...     context.set_output_type(Point)
        ...     yield 1, 2
        >>> run_node(points).rows
        [Point(x=1, y=2)]
        """
        if not isinstance(output_type, type) or not issubclass(output_type, tuple):
            raise TypeError("the type of rows must be a subclass of tuple")
        self._output_type = output_type

    def get_output_fields(self) -> tuple[str, ...] | None:
        """Give the fields that rows are emitted with, None where they have no names or none are set.

        >>> from bonobo.config import use_context
        >>> from bonobo.testing import run_node
        >>> @use_context
        ... def fields(context):
        ...     context.set_output_fields(["field"])
        ...     yield from context.get_output_fields()
        >>> run_node(fields).rows
        [Bag(field='field')]
        """
        return fields_of(self._output_type)

    def set_output_fields(self, fields: Iterable[str], typename: str = "Bag") -> None:
        """Emit named rows with these fields from now on. Raises what `bonobo.rows.row_type` raises.

        >>> from bonobo.config import use_context
        >>> from bonobo.testing import run_node
        >>> @use_context
        ... def split(context, text):
        ...     context.set_output_fields(["first", "last"])
        ...     return tuple(text.split())
        >>> run_node(split, "Ada Lovelace").rows[0]._asdict()
        {'first': 'Ada', 'last': 'Lovelace'}
        """
        self.set_output_type(row_type(fields, typename))

    def send(self, *values: Any) -> None:
        """Emit a row of these values at once, by the same rules as one that the node yields.

        >>> from bonobo.config import use_context_processor
        >>> from bonobo.testing import run_node
        >>> def framed(node, context):
        ...     context.send("begin")
        ...     yield
        ...     context.send("end")
        >>> run_node(use_context_processor(framed)(lambda x: x), "row").rows
        [('begin',), ('row',), ('end',)]
        """
        row = row_of(values, getattr(self._own, "row", EMPTY))
        self._send(row if isinstance(row, Flag) else cast(row, self._output_type))

    def reject(self, error: Exception, *row: Any) -> None:
        """Reject a part of the input, and go on with the rest: count it as a failed row, with its error.

        What a node is told of errors holds for it, as if it had raised: with `on_error="dead_letter"` the
        service is given `row`, with "fail" the run ends. It is not tried again.

        >>> from bonobo.config import use_context
        >>> from bonobo.testing import run_node
        >>> @use_context
        ... def numbers(context, text):
        ...     for word in text.split():
        ...         try:
        ...             yield int(word)
        ...         except ValueError as error:
        ...             context.reject(error, word)
        >>> result = run_node(numbers, "1 x 3", check=False)
        >>> result.rows, result.report.rejected_count
        ([(1,), (3,)], 1)
        """
        if error.__traceback__ is None:
            # Never raised: the place to show is the caller's.
            frame = sys._getframe(1)
            error = error.with_traceback(TracebackType(None, frame, frame.f_lasti, frame.f_lineno))
        self._reject(error, row)

    def expect(self, rows: int) -> None:
        """Say how many rows the node will emit in all, so that progress can say how long it will take.

        Raises ValueError below 0.

        >>> from bonobo.config import use_context
        >>> from bonobo.testing import run_node
        >>> @use_context
        ... def load(context):
        ...     context.expect(2)
        ...     yield from "ab"
        >>> run_node(load).rows
        [('a',), ('b',)]
        """
        if isinstance(rows, bool) or not isinstance(rows, int) or rows < 0:
            raise ValueError("the rows to expect must be a whole number, 0 or more")
        self.expected = rows

    def wait(self, seconds: float) -> None:
        """Sleep, but never past the end of the run: once it is cancelled, the row in hand is given up.

        >>> from bonobo.config import use_context
        >>> from bonobo.testing import run_node
        >>> @use_context
        ... def politely(context, page):
        ...     context.wait(0.001)
        ...     return page
        >>> run_node(politely, 1, 2).rows
        [(1,), (2,)]
        """
        if self._cancelled.wait(seconds):
            raise Cancelled

    def cancel(self) -> None:
        """Wake every `wait`, now and later; the engine says so."""
        self._cancelled.set()

    def setdefault(self, name: str, value: Any) -> Any:
        """Set an attribute unless it is there; give what it is then.

        >>> from bonobo.config import use_context
        >>> from bonobo.testing import run_node
        >>> @use_context
        ... def first_seen(context, x):
        ...     seen = context.setdefault("seen", set())
        ...     if x not in seen:
        ...         seen.add(x)
        ...         return x
        >>> run_node(first_seen, "a", "b", "a").rows
        [('a',), ('b',)]
        """
        return vars(self).setdefault(name, value)

    def get_service(self, name: str) -> Any:
        """Give a service of the run. Raises MissingService.

        >>> from bonobo.config import use_context
        >>> from bonobo.testing import run_node
        >>> translate = use_context(lambda context, word: context.get_service("dictionary")[word])
        >>> run_node(translate, "one", services={"dictionary": {"one": "uno"}}).rows
        [('uno',)]
        """
        if name not in self._services:
            raise MissingService([name], [self.name])
        return self._services[name]
