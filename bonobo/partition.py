"""One stage of a segment over one partition of its rows, by the local runner, in whatever process that is.

A row travels with its position, which says where it stands among the rows of its run: whatever else happens,
rows of equal key are worked on in the order of their positions, and come out in it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Hashable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from threading import Lock, Thread
from types import GeneratorType
from typing import Any

from bonobo.channel import Barrier, Cancelled, Channel, Closed, Heavy
from bonobo.child import packed
from bonobo.config.declarations import Declaration
from bonobo.console import QUIET
from bonobo.constants import Flag, Row
from bonobo.emission import Produce, producer, row_of
from bonobo.errors import UsageError
from bonobo.graph import Graph
from bonobo.plan import Plan, PlannedNode, make_plan
from bonobo.report import NodeReport, Report
from bonobo.runner import Limits, Runner
from bonobo.services import with_defaults
from bonobo.sizes import size_of
from bonobo.stage import (
    Account,
    Counts,
    Flow,
    PartitionFailed,
    Placed,
    Position,
    Record,
    RowRejected,
    Stage,
    StageNode,
    key_of,
)
from bonobo.worker import FailedRow


def run_stage(stage: Stage, records: Iterable[Record], services: Mapping[str, Any]) -> Generator[Record]:
    """Give what becomes of the rows of one partition, in their order; other records are passed on.

    Memory is bounded: the rows are worked on as fast as what is given is taken. Raises PartitionFailed.
    """
    try:
        made = _Partition(stage, services)
    except Exception as error:
        raise PartitionFailed(None, packed([], error)) from None
    with closing(made) as running:
        yield from running.records(iter(records))
        yield running.account()


class _Partition:
    """One execution of a stage."""

    def __init__(self, stage: Stage, services: Mapping[str, Any]) -> None:
        self._stage = stage
        self._services = with_defaults(services, stage.required)
        self._taken, self._given, self._given_up = Flow(), Flow(), Flow()
        self._lock = Lock()
        self._out = Channel([0], stage.rows_per_edge)
        self._report = Report()
        self._begun = _counted(self._services)
        self._passing: Iterator[Record] = iter(())
        graph = Graph(_Feed(self._feed), *map(_placed_node, stage.nodes), self._put)
        plan = make_plan(graph)
        plan.require(self._services)
        self._report.nodes.extend(NodeReport(node.name) for node in plan.nodes)
        limits = Limits(rows_per_edge=stage.rows_per_edge, memory=stage.memory)
        self._runner = _StageRunner(plan, self._services, self._report, limits, self._rejected)
        self._thread = Thread(target=self._run, name=f"stage {stage.number}", daemon=True)

    def records(self, records: Iterator[Record]) -> Iterator[Record]:
        self._passing = records
        self._thread.start()
        while True:
            try:
                batch = self._out.take()
            except Closed:
                break
            for item in batch:
                assert not isinstance(item, Barrier)
                (record,) = item.row if isinstance(item, Heavy) else item
                yield record
                if isinstance(item, Heavy):
                    self._out.release(item.size)
        self._thread.join()
        if self._report.fatal is not None:
            raise PartitionFailed(self._failed_node(), packed([], self._report.fatal))

    def account(self) -> Account:
        lines = self._report.nodes[1:-1]
        return Account(
            stage=self._stage.number,
            nodes={
                node.index: (line.rows_in, line.rows_out)
                for node, line in zip(self._stage.nodes, lines, strict=True)
            },
            taken=self._taken,
            given=self._given,
            rejected=self._given_up,
            services={
                name: {kind: count - self._begun[name].get(kind, 0) for kind, count in counts.items()}
                for name, counts in _counted(self._services).items()
            },
        )

    def close(self) -> None:
        """End whatever still runs: nobody takes what it gives."""
        if self._thread.is_alive():
            self._out.cancel()
            self._runner.fail(Cancelled())
            self._thread.join()

    def _run(self) -> None:
        try:
            self._runner.run()
        except BaseException as error:
            self._report.fail(error)
        finally:
            self._out.close(0)

    def _feed(self) -> Iterator[Row]:
        for record in self._passing:
            if isinstance(record, Placed):
                self._taken.add(record.position)
                yield record.position, record.row
            else:
                self._out.put((record,))

    def _put(self, position: Position, row: Row) -> None:
        self._given.add(position)
        record = Placed(key_of(self._stage.key, position, row), position, row)
        self._out.put((record,), size_of(row))

    def _rejected(self, place: int, failed: FailedRow) -> None:
        position, row = failed.row
        node = self._stage.nodes[place - 1]
        # Nodes reject in threads of their own.
        with self._lock:
            self._given_up.add(position)
        self._out.put((RowRejected(position, node.index, row, failed.attempts, packed([], failed.error)),))

    def _failed_node(self) -> int | None:
        place = self._runner.failed
        inner = place is not None and 0 < place <= len(self._stage.nodes)
        return self._stage.nodes[place - 1].index if inner else None  # type: ignore[operator]


class _StageRunner(Runner):
    """A runner that passes on rejected rows, and keeps the place of the node that ended the run."""

    def __init__(
        self,
        plan: Plan,
        services: Mapping[str, Any],
        report: Report,
        limits: Limits,
        rejected: Callable[[int, FailedRow], None],
    ) -> None:
        super().__init__(plan, services, report, QUIET, limits)
        self.failed: int | None = None
        self._rejected = rejected

    def reject(self, node: PlannedNode, report: NodeReport, failed: FailedRow) -> None:
        super().reject(node, report, failed)
        self._rejected(node.index, failed)

    def fail(self, error: BaseException, node: NodeReport | None = None) -> None:
        if self.failed is None and node is not None:
            self.failed = next(place for place, line in enumerate(self._report.nodes) if line is node)
        super().fail(error, node)


class _Feed:
    """A node that gives the rows of a partition, whatever it is called with."""

    def __init__(self, rows: Callable[[], Iterator[Row]]) -> None:
        self._rows = rows

    def __iter__(self) -> Iterator[Row]:
        return self._rows()


class _PlacedNode:
    """A node, called with a row and its position; what it emits goes on with a position of its own."""

    def __init__(self, node: StageNode) -> None:
        self.__name__ = node.name
        self.__bonobo_declared__ = Declaration(services=node.declared.services)
        self._node = node
        self._produce: Produce | None = None

    def __call__(self, position: Position, row: Row, **services: Any) -> Iterator[tuple[Position, Row]]:
        if self._produce is None:
            node = self._node
            self._produce = producer(node.settings.node, services, input=node.declared.input)
        values = self._produce(row)
        try:
            for number, value in enumerate(values):
                emitted = row_of(value, row)
                if isinstance(emitted, Flag):
                    raise _BarrierElsewhere(self.__name__)
                yield (*position, number), emitted
        finally:
            if isinstance(values, GeneratorType):
                values.close()


class _BarrierElsewhere(UsageError):
    """A node that left its process announced a barrier, which could hold up one partition only."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(
            f"{name} emits a barrier, which only nodes in front of the first parallel one may do here"
        )

    def __reduce__(self) -> tuple[type[_BarrierElsewhere], tuple[str]]:
        return type(self), (self.name,)


class _PlacedKey:
    """The key of a node, called with a row and its position."""

    def __init__(self, key: Callable[..., Hashable]) -> None:
        self._key = key

    def __call__(self, position: Position, row: Row) -> Hashable:
        return self._key(*row)


def _placed_node(node: StageNode) -> Any:
    settings = node.settings
    return replace(
        settings,
        node=_PlacedNode(node),
        key=None if settings.key is None else _PlacedKey(settings.key),
        # What is to become of a rejected row is decided where the run is.
        on_error="skip" if settings.on_error == "dead_letter" else settings.on_error,
    )


def _counted(services: Mapping[str, Any]) -> dict[str, Counts]:
    """What services count by now, where they do, and can be told what others counted."""
    return {
        name: dict(service.counts())
        for name, service in services.items()
        if all(callable(getattr(service, verb, None)) for verb in ("counts", "add_counts"))
    }
