"""Plan and services -> a filled Report: threads, bounded channels, one supervisor. No wait is for ever.

The calling thread supervises: nodes that end, failures and signals reach it as events of one queue. A
fatal error cancels every wait at once. A stop lets what is in flight drain for a while, then cancels.
After a cancellation threads have a bounded time to unwind; those still in somebody's code are abandoned.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import TIMEOUT_MAX, Lock, Thread
from typing import Any, Protocol

from bonobo.budget import MEMORY, Budget
from bonobo.channel import ROWS_PER_EDGE, Barrier, Channel
from bonobo.console import Display
from bonobo.constants import EMPTY
from bonobo.dead_letters import DeadLetters
from bonobo.errors import Stopped, TooManyErrors
from bonobo.limits import MaxErrors
from bonobo.ordered import OrderedWorker
from bonobo.plan import DEAD_LETTERS, START, Plan, PlannedNode
from bonobo.report import NodeReport, Report
from bonobo.worker import Coordinator, FailedRow, Worker

DRAIN_SECONDS = 20.0
GRACE_SECONDS = 3.0
"""How long cancelled threads may take to unwind before they are abandoned."""

TEARDOWN_SECONDS = 1.0
"""How long the teardowns of abandoned nodes may take; services are closed after that."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a run may use: rows an edge, bytes in all rows, rejected rows, seconds to drain once stopped."""

    rows_per_edge: int = ROWS_PER_EDGE
    memory: int = MEMORY
    max_errors: MaxErrors | None = None
    drain: float = DRAIN_SECONDS


class Elsewhere(Protocol):
    """How a plan is carried out where a part of it is not worked on in this process."""

    @property
    def plan(self) -> Plan:
        """The plan in which one node stands for each such part, under an index of its own part."""

    def worker(
        self,
        node: PlannedNode,
        services: Mapping[str, Any],
        inbox: Channel,
        lines: Mapping[int, NodeReport],
        run: Coordinator,
        limits: Limits,
    ) -> Worker | None:
        """The worker of such a part, None for a node of this process; `lines` are those of all nodes."""


class Runner:
    """One execution of a plan. `events.put(Stopped)` stops it; a signal handler may call that."""

    def __init__(
        self,
        plan: Plan,
        services: Mapping[str, Any],
        report: Report,
        display: Display,
        limits: Limits,
        letters: DeadLetters | None = None,
        elsewhere: Elsewhere | None = None,
    ) -> None:
        self.events: SimpleQueue[Stopped | None] = SimpleQueue()
        self._report = report
        self._display = display
        self._limits = limits
        here = plan if elsewhere is None else elsewhere.plan
        self._budget = Budget(
            limits.memory, {node.index: node.downstream | {node.index} for node in here.nodes}
        )
        # The first takes every rejected row, the other those of nodes that ask for it.
        self._letters = letters
        self._dead_letters = services.get(DEAD_LETTERS)
        self._deadline = math.inf
        self._cancelled = False
        self._over = False
        # Guards what follows: which nodes have not ended, and the barriers that are under way.
        self._lock = Lock()
        self._running: set[int] = set()
        self._barriers: set[Barrier] = set()
        lines = {node.index: line for node, line in zip(plan.nodes, report.nodes, strict=True)}
        self._workers = {node.index: self._worker(node, services, lines, elsewhere) for node in here.nodes}
        for worker in self._workers.values():
            worker.connect(self._workers[index].inbox for index in worker.plan.outputs)

    def _worker(
        self,
        node: PlannedNode,
        services: Mapping[str, Any],
        lines: Mapping[int, NodeReport],
        elsewhere: Elsewhere | None,
    ) -> Worker:
        inbox = Channel(node.inputs, self._limits.rows_per_edge, node=node.index, budget=self._budget)
        if elsewhere is not None:
            segment = elsewhere.worker(node, services, inbox, lines, self, self._limits)
            if segment is not None:
                return segment
        kind = OrderedWorker if node.workers > 1 else Worker
        return kind(node, services, inbox, lines[node.index], self)

    def run(self) -> None:
        """Run to the end. Failures of the run are in the report; an interruption of this thread raises."""
        try:
            self._start()
            self._supervise()
            limit = self._limits.max_errors
            if limit is not None and limit.exceeded_at_end(self._report):
                self.fail(TooManyErrors(str(limit)))
        except BaseException:
            self._cancel()
            self._supervise()
            raise
        finally:
            self._abandon()

    def reject(self, node: PlannedNode, report: NodeReport, failed: FailedRow) -> None:
        """Count a row error, and do what the node was told to do about it."""
        if self._over:
            return
        rejected = self._report.reject(report, failed.sequence, failed.error, failed.attempts)
        self._display.row_failed(rejected, failed.error)
        asked = self._dead_letters if node.settings.on_error == "dead_letter" else None
        for take in filter(None, (self._letters, asked)):
            try:
                take(rejected, failed.row)
            except BaseException as error:
                self.fail(error)
        limit = self._limits.max_errors
        if limit is not None and limit.exceeded(self._report, report):
            self.fail(TooManyErrors(str(limit)))

    def fail(self, error: BaseException, node: NodeReport | None = None) -> None:
        """End the run: the first cause stays, and everything is cancelled."""
        if not self._over:
            self._report.fail(error, node)
            self._cancel()

    def begin_barrier(self, node: PlannedNode) -> Barrier:
        """Announce a barrier to all nodes downstream of `node`."""
        with self._lock:
            barrier = Barrier(node.downstream & self._running)
            self._barriers.add(barrier)
            if self._cancelled:
                barrier.cancel()
        reached = node.downstream | {node.index}
        for index in node.downstream:
            worker = self._workers[index]
            worker.inbox.expect(barrier, worker.plan.inputs & reached)
        return barrier

    def end_barrier(self, barrier: Barrier) -> None:
        """Forget a barrier."""
        with self._lock:
            self._barriers.discard(barrier)

    def ended(self, node: int) -> None:
        """Note that a node ended; no barrier waits for it any longer."""
        with self._lock:
            self._running.discard(node)
            barriers = list(self._barriers)
        for barrier in barriers:
            barrier.acknowledge(node)
        self.events.put(None)

    def _start(self) -> None:
        for worker in self._workers.values():
            if START in worker.plan.inputs:
                worker.inbox.put(EMPTY)
                worker.inbox.close(START)
        self._running.update(self._workers)
        for worker in self._workers.values():
            worker.start()

    def _supervise(self) -> None:
        while self._unended():
            stopped = self._next_event()
            if stopped is not None:
                self._stop(stopped)
            if time.monotonic() >= self._deadline:
                if self._cancelled:
                    return
                self._cancel()
            self._sample()
            self._display.progress(self._report)

    def _sample(self) -> None:
        for worker in self._workers.values():
            worker.sample()

    def _unended(self) -> bool:
        with self._lock:
            return bool(self._running)

    def _next_event(self) -> Stopped | None:
        patience = min(self._deadline - time.monotonic(), self._display.interval, TIMEOUT_MAX)
        try:
            return self.events.get(timeout=max(patience, 0.0))
        except Empty:
            return None

    def _stop(self, stopped: Stopped) -> None:
        """End the sources; the others drain.

        A node that got one row and no more, as a lister gets its configuration, is a source once what fed it
        has ended.
        """
        self._report.fail(stopped)
        with self._lock:
            running = frozenset(self._running)
            if not self._cancelled:
                self._deadline = time.monotonic() + self._limits.drain
        for index in running:
            worker = self._workers[index]
            fed_once = worker.report.rows_in + len(worker.inbox) <= 1
            if START in worker.plan.inputs or (fed_once and not worker.plan.inputs & running):
                worker.stop()

    def _cancel(self) -> None:
        with self._lock:
            if self._cancelled:
                return
            # All flags before any wait is woken: no node that is cut short, or fed by one, may end as done.
            for worker in self._workers.values():
                worker.stopping = True
            self._cancelled = True
            self._deadline = time.monotonic() + GRACE_SECONDS
            barriers = list(self._barriers)
        for barrier in barriers:
            barrier.cancel()
        self._budget.cancel()
        for worker in self._workers.values():
            worker.cancel()
        self.events.put(None)

    def _abandon(self) -> None:
        """Give up on threads stuck in somebody's code; what they set up is torn down without them."""
        with self._lock:
            stuck = [self._workers[index] for index in self._running]
        teardowns = [Thread(target=worker.tear_down, daemon=True) for worker in stuck]
        for thread in teardowns:
            thread.start()
        deadline = time.monotonic() + TEARDOWN_SECONDS
        for thread in teardowns:
            thread.join(max(0.0, deadline - time.monotonic()))
        self._over = True
        for worker in stuck:
            self._report.abandoned += sum(thread.is_alive() for thread in worker.threads)
            if worker.report.state != "failed":
                worker.report.state = "stopped"
            worker.sample()
        self._report.abandoned += sum(worker.abandoned() for worker in self._workers.values())
