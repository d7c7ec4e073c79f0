"""A planned node joined to its services: what the runner sets up, calls for each row, and tears down.

A node without context processors costs nothing here: it is called as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sized
from inspect import signature
from typing import Any

from bonobo.config.processors import ContextProcessor
from bonobo.constants import Flag, Row
from bonobo.context import NodeContext
from bonobo.emission import Produce, producer, row_of
from bonobo.errors import BonoboError
from bonobo.plan import START, PlannedNode
from bonobo.rows import cast


class Binding:
    """One node of one run. `send` takes rows, and `reject` errors, that its context tells of by itself.

    `produce` gives the values that the node emits for a row, and `row_of` the row that a value is. Both may
    be read before `setup`, which has to end before `produce` is called.
    """

    def __init__(
        self,
        node: PlannedNode,
        services: Mapping[str, Any],
        send: Callable[[Row | Flag], None],
        reject: Callable[[Exception, Row], None],
    ) -> None:
        self.context = NodeContext(node.name, services, send, reject)
        self._node = node
        self._services = {keyword: services[name] for keyword, name in node.declared.services.items()}
        self._length = _length_of(node)
        self._opened: list[_Opened] = []
        self._call = producer(node.target, self._services, input=node.declared.input)
        self.produce: Produce = self._call
        self.row_of: Callable[[Any, Row], Row | Flag] = row_of
        if node.declared.processors:
            self.produce = self._produce
            self.row_of = self._row_of

    @property
    def expected(self) -> int | None:
        """How many rows the node says it will emit: by its context, or as a source that has a length."""
        declared = self.context.expected
        return self._length if declared is None else declared

    def setup(self) -> None:
        """Open the node's context processors, before its first row, in the thread of the first worker.

        Raises what they raise, and BonoboError for one that is no generator or does not yield; those that
        were opened are then closed again.
        """
        values: Row = ()
        try:
            for processor in self._node.declared.processors:
                opened = _Opened(processor, self._node, self.context, values, self._services)
                self._opened.append(opened)
                values += opened.arguments
        except BaseException as error:
            self._close(error)
        self._call = producer(self._node.target, self._services, values, self._node.declared.input)

    def cancel(self) -> None:
        """Wake whatever the node waits for by its context."""
        self.context.cancel()

    def teardown(self) -> None:
        """Close them after its last row, in reverse order; they may still send rows.

        All are closed, whatever one of them raises; then the first error is raised.
        """
        self.context.leave()
        self._close(None)

    def _produce(self, row: Row) -> Any:
        self.context.enter(row)
        return self._call(row)

    def _row_of(self, value: Any, source: Row) -> Row | Flag:
        row = row_of(value, source)
        return row if isinstance(row, Flag) else cast(row, self.context.output_type)

    def _close(self, cause: BaseException | None) -> None:
        """Close what is open; then raise `cause`, or the first error that closing raised."""
        while self._opened:
            try:
                self._opened.pop().close()
            except BaseException as error:
                cause = error if cause is None else cause
        if cause is not None:
            raise cause


def _length_of(node: PlannedNode) -> int | None:
    if callable(node.target) or node.inputs != {START} or not isinstance(node.target, Sized):
        return None
    try:
        return len(node.target)
    except Exception:
        # Somebody's `__len__`: no reason not to run.
        return None


class _Opened:
    """A context processor that has yielded: what it adds to the node's arguments, and how it is closed."""

    def __init__(
        self,
        processor: ContextProcessor,
        node: PlannedNode,
        context: NodeContext,
        values: Row,
        services: Mapping[str, Any],
    ) -> None:
        self._name = f"the context processor {processor.__name__} of {node.name}"
        given = (node.target, context, *values)
        try:
            signature(processor.function).bind(*given, **services)
        except TypeError as error:
            raise BonoboError(
                f"{self._name} cannot be called: {error}; it is called with the node, its context, "
                f"{len(values)} values of processors before it and the services {sorted(services)}"
            ) from None
        generator = processor(*given, **services)
        if not isinstance(generator, Generator):
            raise BonoboError(f"{self._name} must be a generator; it returned {type(generator).__name__}")
        self._generator = generator
        try:
            self._value = next(generator)
        except StopIteration:
            raise BonoboError(
                f"{self._name} ended without a yield; let it yield once, None for nothing"
            ) from None

    @property
    def arguments(self) -> Row:
        if self._value is None:
            return ()
        return self._value if isinstance(self._value, tuple) else (self._value,)

    def close(self) -> None:
        """Go on behind the yield, which gives the value back, to the end."""
        try:
            self._generator.send(self._value)
        except StopIteration:
            return
        self._generator.close()
        raise BonoboError(f"{self._name} yielded twice; what ends the node stands behind its one yield")
