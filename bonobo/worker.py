"""One node at work: rows in, rows out, errors counted, barriers kept; always in the order of the input.

`Worker` works on one row at a time. `bonobo.ordered` has the one that works on several.
"""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Iterable, Mapping, Sequence
from threading import Thread
from types import GeneratorType
from typing import Any, Protocol

from bonobo.binding import Binding
from bonobo.channel import Barrier, Cancelled, Channel, Closed
from bonobo.constants import Flag, Row
from bonobo.errors import is_fatal
from bonobo.plan import PlannedNode
from bonobo.report import NodeReport

Emit = Callable[[Row | Flag], None]


class Coordinator(Protocol):
    """What a worker tells the run it belongs to; every method may be called from any thread."""

    def reject(self, node: NodeReport, sequence: int, error: BaseException) -> None:
        """A row failed; the node goes on."""

    def fail(self, error: BaseException, node: NodeReport) -> None:
        """The run is over: cancel everything."""

    def begin_barrier(self, node: PlannedNode) -> Barrier:
        """Announce a barrier of this node to all that are downstream."""

    def end_barrier(self, barrier: Barrier) -> None:
        """Forget a barrier."""

    def ended(self, node: int) -> None:
        """All threads of a node have ended."""


class Worker:
    """The thread of a node that takes one row at a time."""

    def __init__(
        self,
        plan: PlannedNode,
        services: Mapping[str, Any],
        inbox: Channel,
        report: NodeReport,
        run: Coordinator,
    ) -> None:
        self.plan = plan
        self.inbox = inbox
        self.report = report
        self.threads: list[Thread] = []
        # Read without a lock after each emitted value: an endless generator must see it.
        self.stopping = False
        self._binding = Binding(plan, services, self._send)
        self._produce = self._binding.produce
        self._row_of = self._binding.row_of
        self._run = run
        self._outputs: Sequence[Channel] = ()

    def connect(self, outputs: Iterable[Channel]) -> None:
        """Say where the rows go; every output receives every row."""
        self._outputs = tuple(outputs)

    def start(self) -> None:
        """Start the threads; each sees the context variables of the caller."""
        self.report.state = "running"
        for number in range(self.plan.workers):
            context = contextvars.copy_context()
            thread = Thread(
                target=context.run, args=(self._live,), name=f"{self.plan.name}-{number}", daemon=True
            )
            self.threads.append(thread)
            thread.start()

    def stop(self) -> None:
        """End after the rows in hand: generators are closed after what they emit now, the queue is left."""
        self.stopping = True
        self.inbox.drop()

    def cancel(self) -> None:
        """Wake every wait; `stopping` is set by then."""
        self.inbox.cancel()

    def _live(self) -> None:
        try:
            self._serve()
        except (Closed, Cancelled):
            pass
        except BaseException as error:
            # Not a node's error, those are met where they happen; whatever it is, nobody may wait for us.
            self._run.fail(error, self.report)
        finally:
            self._leave()

    def _serve(self) -> None:
        while not self.stopping:
            item = self.inbox.get()
            if isinstance(item, Barrier):
                self._pass_on(item)
            else:
                self.report.rows_in += 1
                self._process(item, self.report.rows_in, self._send)

    def _leave(self) -> None:
        if self.report.state == "running":
            self.report.state = "stopped" if self.stopping else "done"
        for output in self._outputs:
            output.close(self.plan.index)
        self._run.ended(self.plan.index)

    def _process(self, row: Row, sequence: int, emit: Emit) -> None:
        values: Iterable[Any] = ()
        try:
            try:
                values = self._produce(row)
                for value in values:
                    emit(self._row_of(value, row))
                    if self.stopping:
                        break
            finally:
                if isinstance(values, GeneratorType):
                    values.close()
        except Cancelled:
            raise
        except BaseException as error:
            self._failed(error, sequence)

    def _failed(self, error: BaseException, sequence: int) -> None:
        if is_fatal(error):
            self._run.fail(error, self.report)
            raise Cancelled
        self._run.reject(self.report, sequence, error)

    def _send(self, row: Row | Flag) -> None:
        if isinstance(row, Flag):
            self._wait_behind_barrier()
            return
        self.report.rows_out += 1
        for output in self._outputs:
            output.put(row)

    def _wait_behind_barrier(self) -> None:
        barrier = self._run.begin_barrier(self.plan)
        try:
            for output in self._outputs:
                output.arrive(barrier, self.plan.index)
            barrier.wait()
        finally:
            self._run.end_barrier(barrier)

    def _pass_on(self, barrier: Barrier) -> None:
        for output in self._outputs:
            output.arrive(barrier, self.plan.index)
        barrier.acknowledge(self.plan.index)
