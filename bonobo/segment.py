"""A segment on its way: the rows of a run between two barriers leave together, and what becomes of them comes
back in their order, to be sent on as if its nodes had worked here.

Only a slice of the rows is ever held: those that came before lie where the cluster keeps them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from bonobo.channel import Barrier, Cancelled, Channel, Closed
from bonobo.child import unpacked
from bonobo.constants import Row
from bonobo.division import Division, Segment
from bonobo.errors import BonoboError
from bonobo.plan import PlannedNode
from bonobo.report import NodeReport
from bonobo.runner import Limits
from bonobo.sizes import size_of
from bonobo.stage import Account, Flow, PartitionFailed, Placed, Record, RowRejected, Stage, stages_of
from bonobo.worker import Coordinator, Emit, FailedRow, Worker

SLICE_ROWS = 10_000
SLICE_BYTES = 32 * 1024 * 1024
"""How much of the rows is held here at most before it is handed over: whichever comes first."""


class Job(Protocol):
    """The rows of one run between two barriers."""

    def add(self, first: int, rows: Sequence[Row]) -> None:
        """Take a slice; `first` is the place of its first row, from 0."""

    def run(self, rows: int) -> Iterator[Record]:
        """Do the work on all `rows`, and give every record, rows in the order of their positions.

        Raises PartitionFailed, and BonoboError where the cluster itself failed.
        """

    def close(self) -> None:
        """Forget the rows."""


class Cluster(Protocol):
    """Where segments are worked on. Any thread may cancel."""

    def job(self, stages: Sequence[Stage]) -> Job:
        """Begin a job of these stages."""

    def cancel(self) -> None:
        """End what is under way; whoever waits for it gets an error."""


class Engine(Protocol):
    """What `bonobo.run` is told of another engine."""

    def cluster(self) -> AbstractContextManager[Cluster]:
        """Reach the cluster, or raise UsageError; entered once the services stand, left after the run."""


class RowsLost(BonoboError):
    """What one stage gave is not what the next took: a part of the work was done twice, and differently."""

    exit_code = 4

    def __init__(self) -> None:
        super().__init__(
            "an executor was lost, and what it had done came out differently the second time, so that rows "
            "may be missing or there twice: run again"
        )


class Elsewhere:
    """A division of a plan, and the cluster that its segments are worked on."""

    def __init__(self, division: Division, cluster: Cluster) -> None:
        self.plan = division.plan
        self._segments = division.segments
        self._cluster = cluster

    def worker(
        self,
        node: PlannedNode,
        services: Mapping[str, Any],
        inbox: Channel,
        lines: Mapping[int, NodeReport],
        run: Coordinator,
        limits: Limits,
    ) -> Worker | None:
        """Give the thread of a segment; None for a node that stands for itself."""
        segment = self._segments.get(node.index)
        if segment is None:
            return None
        own = {inner.index: lines[inner.index] for inner in segment.nodes}
        stages = stages_of(segment.stages, rows_per_edge=limits.rows_per_edge, memory=limits.memory)
        return SegmentWorker(node, services, inbox, run, segment, own, self._cluster, stages)


class SegmentWorker(Worker):
    """The thread of a segment; `plan` is the node that stands for it, `lines` are those of its nodes."""

    def __init__(
        self,
        plan: PlannedNode,
        services: Mapping[str, Any],
        inbox: Channel,
        run: Coordinator,
        segment: Segment,
        lines: Mapping[int, NodeReport],
        cluster: Cluster,
        stages: Sequence[Stage],
    ) -> None:
        super().__init__(plan, services, inbox, NodeReport(segment.name), run)
        self._services = services
        self._nodes = {node.index: node for node in segment.nodes}
        self._lines = lines
        self._cluster = cluster
        self._stages = stages
        self._job: Job | None = None
        self._slice: list[Row] = []
        self._slice_bytes = 0
        self._handed = 0
        self._given = Flow()

    def cancel(self) -> None:
        """Wake every wait; `stopping` is set by then."""
        super().cancel()
        self._cluster.cancel()

    def sample(self) -> None:
        """Bring the reports of the segment's nodes up to date."""
        super().sample()
        first, *others = self._lines.values()
        first.queued, first.capacity = self.report.queued, self.report.capacity
        for line in (first, *others):
            if line.state != "failed":
                line.state = self.report.state

    def _serve(self) -> None:
        try:
            super()._serve()
        except Closed:
            if not self.stopping:
                self._work()
            raise
        finally:
            self._forget_job()

    def _process(self, row: Row, sequence: int, emit: Emit) -> None:
        self._slice.append(row)
        self._slice_bytes += size_of(row)
        if len(self._slice) >= SLICE_ROWS or self._slice_bytes >= SLICE_BYTES:
            self._hand_over()

    def _pass_on(self, barrier: Barrier) -> None:
        if not self.stopping:
            self._work()
        super()._pass_on(barrier)

    def _leave(self) -> None:
        super()._leave()
        self.sample()

    def _hand_over(self) -> None:
        if self._job is None:
            self._job = self._cluster.job(self._stages)
        for place in range(self._handed, self._handed + len(self._slice)):
            self._given.add((place,))
        self._job.add(self._handed, self._slice)
        self._handed += len(self._slice)
        self._slice, self._slice_bytes = [], 0

    def _work(self) -> None:
        """Have the job done, and send on what comes of it."""
        if self._slice:
            self._hand_over()
        if self._job is None:
            return
        before = self.report.rows_in - self._handed
        try:
            self._take(self._job.run(self._handed), before)
        except PartitionFailed as failure:
            line = None if failure.node is None else self._lines[failure.node]
            self._run.fail(failure.cause(), line)
            raise Cancelled from None
        finally:
            self._forget_job()

    def _take(self, records: Iterable[Record], before: int) -> None:
        accounts = _Accounts(self._given, len(self._stages))
        for record in records:
            if self.stopping:
                raise Cancelled
            match record:
                case Placed():
                    accounts.arrived.add(record.position)
                    self._send(record.row)
                case RowRejected():
                    accounts.given_up.add(record.position)
                    self._reject(record, before)
                case Account():
                    accounts.add(record)
                    self._count(record)
        if not accounts.agree():
            raise RowsLost

    def _reject(self, rejected: RowRejected, before: int) -> None:
        _, error = unpacked(rejected.error)
        assert error is not None
        node, line = self._nodes[rejected.node], self._lines[rejected.node]
        sequence = before + rejected.position[0] + 1
        self._run.reject(node, line, FailedRow(rejected.row, sequence, error, rejected.attempts))

    def _count(self, account: Account) -> None:
        for index, (rows_in, rows_out) in account.nodes.items():
            line = self._lines[index]
            line.rows_in += rows_in
            line.rows_out += rows_out
        for name, counts in account.services.items():
            service = self._services.get(name)
            if service is not None:
                service.add_counts(counts)

    def _forget_job(self) -> None:
        job, self._job = self._job, None
        self._slice, self._slice_bytes, self._handed, self._given = [], 0, 0, Flow()
        if job is not None:
            job.close()


class _Accounts:
    """What each stage took, gave and rejected, over all partitions, beside what left and what arrived."""

    def __init__(self, handed_over: Flow, stages: int) -> None:
        self.arrived, self.given_up = Flow(), Flow()
        self._handed_over = handed_over
        self._taken = [Flow() for _ in range(stages)]
        self._given = [Flow() for _ in range(stages)]
        self._rejected = Flow()

    def add(self, account: Account) -> None:
        self._taken[account.stage].join(account.taken)
        self._given[account.stage].join(account.given)
        self._rejected.join(account.rejected)

    def agree(self) -> bool:
        """Whether every row that was given was taken, and every one that was rejected is here, once."""
        given = [self._handed_over, *self._given, self._rejected]
        return given == [*self._taken, self.arrived, self.given_up]
