"""One node at work: rows in, rows out, errors counted, barriers kept; always in the order of the input.

`Worker` works on one row at a time. `bonobo.ordered` has the one that works on several.
"""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from threading import Lock, Thread
from types import GeneratorType
from typing import TYPE_CHECKING, Any, Protocol

from bonobo.attempts import Attempts, Failed
from bonobo.binding import Binding
from bonobo.channel import Barrier, Cancelled, Channel, Closed, Heavy, Item
from bonobo.constants import Flag, Row
from bonobo.emission import Produce
from bonobo.errors import BonoboError, OutputLeft, is_fatal, output_left
from bonobo.plan import PlannedNode
from bonobo.report import NodeReport
from bonobo.sizes import size_of
from bonobo.time_limit import collected

if TYPE_CHECKING:
    from bonobo.processes import ProcessPool

Emit = Callable[[Row | Flag], None]


class Standing(Enum):
    """How far a node's context is: what was set up is torn down, once."""

    NEW = 0
    SETTING_UP = 1
    SET_UP = 2
    TORN_DOWN = 3


@dataclass(frozen=True, slots=True)
class FailedRow:
    """A row that its node could not process: its place among the node's inputs, the last error."""

    row: Row
    sequence: int
    error: BaseException
    attempts: int = 1


class Coordinator(Protocol):
    """What a worker tells the run it belongs to; every method may be called from any thread."""

    def reject(self, node: PlannedNode, report: NodeReport, failed: FailedRow) -> None:
        """A row failed; the node goes on, unless what it was told of errors says otherwise."""

    def fail(self, error: BaseException, node: NodeReport | None = None) -> None:
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
        self.working = 0
        self._run = run
        self._outputs: Sequence[Channel] = ()
        self._binding = Binding(plan, services, self._send_from_context, self._reject_from_context)
        self._row_of = self._binding.row_of
        self._pool = self._processes()
        self._produce: Produce = self._pool.produce if self._pool is not None else self._binding.produce
        self._attempts = self._attempting()
        self._produce = self._attempts or self._produce
        # Whoever still sends, a thread that was left behind or made by the node, comes too late.
        self._gone = False
        self._standing = Standing.NEW
        self._standing_lock = Lock()

    def _processes(self) -> ProcessPool | None:
        if self.plan.settings.executor != "process":
            return None
        # Whoever has no such node does without the import.
        from bonobo.processes import ProcessPool

        return ProcessPool(self.plan.target, self.plan.settings.timeout)

    def _attempting(self) -> Attempts | None:
        settings = self.plan.settings
        if not settings.retries and settings.timeout is None:
            return None
        return Attempts(self._produce, settings, workers=self.plan.workers, noticed=self._notice)

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
            try:
                thread.start()
            except RuntimeError:
                self._run.fail(BonoboError(f"{self.plan.name}: no thread can be started"), self.report)
                self._not_started(self.plan.workers - number)
                return
            self.threads.append(thread)

    def _not_started(self, threads: int) -> None:
        self._leave()

    def stop(self) -> None:
        """End after the rows in hand: generators are closed after what they emit now, the queue is left."""
        self.stopping = True
        self.inbox.drop()

    def cancel(self) -> None:
        """Wake every wait; `stopping` is set by then."""
        self.inbox.cancel()
        self._binding.cancel()
        if self._attempts is not None:
            self._attempts.cancel()
        if self._pool is not None:
            self._pool.cancel()

    def sample(self) -> None:
        """Bring the report's passing figures up to date: what waits, what is worked on, what is expected."""
        self.report.queued = len(self.inbox)
        self.report.capacity = self.inbox.capacity
        self.report.in_flight = self.working
        self.report.workers = self.allowed
        self.report.expected = self._binding.expected

    @property
    def allowed(self) -> int:
        """How many rows may be worked on at once."""
        return self.plan.workers

    def abandoned(self) -> int:
        """How many threads of rows that took too long are still in somebody's code."""
        return 0 if self._attempts is None else self._attempts.abandoned()

    def _live(self) -> None:
        try:
            self._serve()
        except (Closed, Cancelled):
            pass
        except BaseException as error:
            # Not a row's error, those are met where they happen; whatever it is, nobody may wait for us.
            self._run.fail(error, self.report)
        finally:
            self._leave()

    def _serve(self) -> None:
        self._set_up()
        while not self.stopping:
            batch = self.inbox.take()
            self.working = 1
            try:
                # What was processed must not be held by the batch that it came in.
                while batch and not self.stopping:
                    self._serve_item(batch.popleft())
            finally:
                self.working = 0
                self._forget(batch)

    def _serve_item(self, item: Item) -> None:
        if isinstance(item, Barrier):
            self._pass_on(item)
            return
        sequence = self.report.rows_in = self.report.rows_in + 1
        if isinstance(item, Heavy):
            try:
                self._process(item.row, sequence, self._send)
            finally:
                self.inbox.release(item.size)
        else:
            self._process(item, sequence, self._send)

    def _forget(self, items: Iterable[Item]) -> None:
        """Release what was taken and will not be processed."""
        for item in items:
            if isinstance(item, Heavy):
                self.inbox.release(item.size)

    def _leave(self) -> None:
        self.tear_down()
        if self._attempts is not None:
            self._attempts.close()
        if self._pool is not None:
            self._pool.close()
        self._gone = True
        if self.report.state == "running":
            self.report.state = "stopped" if self.stopping else "done"
        for output in self._outputs:
            output.close(self.plan.index)
        self._run.ended(self.plan.index)

    def _set_up(self) -> None:
        # A run that was over before this thread began has nothing to set up.
        if self.stopping or not self._step(Standing.NEW, Standing.SETTING_UP):
            return
        self._binding.setup()
        if not self._step(Standing.SETTING_UP, Standing.SET_UP):
            # Given up on while it was in somebody's setup.
            self._binding.teardown()

    def _step(self, before: Standing, after: Standing) -> bool:
        with self._standing_lock:
            if self._standing is not before:
                return False
            self._standing = after
            return True

    def tear_down(self) -> None:
        """Tear down what was set up, once, whichever thread comes first; what goes wrong ends the run."""
        with self._standing_lock:
            before, self._standing = self._standing, Standing.TORN_DOWN
        if before is not Standing.SET_UP:
            return
        try:
            self._binding.teardown()
        except Cancelled:
            pass
        except BaseException as error:
            self._run.fail(error, self.report)

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
            self._failed(error, row, sequence)

    def _failed(self, error: BaseException, row: Row, sequence: int) -> None:
        attempts = 1
        if isinstance(error, Failed):
            attempts, error = error.attempts, error.error
        else:
            self._notice(error)
        if output_left(error):
            error = OutputLeft()
        if is_fatal(error) or self.plan.settings.on_error == "fail":
            self._run.fail(error, self.report)
            raise Cancelled
        self._run.reject(self.plan, self.report, FailedRow(row, sequence, error, attempts))

    def _notice(self, error: BaseException) -> None:
        """An attempt failed, whether or not another one follows."""

    def _send(self, row: Row | Flag) -> None:
        if row.__class__ is Flag:
            self._wait_behind_barrier()
            return
        self.report.rows_out += 1
        outputs = self._outputs
        if outputs:
            size = size_of(row)  # type: ignore[arg-type]
            for output in outputs:
                output.put(row, size)  # type: ignore[arg-type]

    def _send_from_context(self, row: Row | Flag) -> None:
        values = collected()
        if values is not None:
            values.append(row)
        elif not self._gone:
            self._send_now(row)

    def _send_now(self, row: Row | Flag) -> None:
        try:
            self._send(row)
        except Cancelled:
            # A teardown goes on to its end; its rows have nowhere to go.
            if self._standing is not Standing.TORN_DOWN:
                raise

    def _reject_from_context(self, error: Exception, row: Row) -> None:
        self._failed(error, row, self.report.rows_in)

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
