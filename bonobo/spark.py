"""Segments on Apache Spark: the same nodes, by the same runner, over partitions of the rows.

Spark moves rows and starts work again where it was lost; what keeps the result right is said elsewhere: the
order of rows by their positions, and doing things once by nodes whose effects bear repetition.
"""

from __future__ import annotations

import os
import pickle
import tempfile
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bonobo.child import packed
from bonobo.constants import Row
from bonobo.errors import UsageError
from bonobo.partition import run_stage
from bonobo.services import GivenServices, checked, hosted
from bonobo.spark_errors import not_to_be_made, of_executor, said_by_spark, translated
from bonobo.spark_start import (
    default_settings,
    in_a_thread,
    python_there,
    require_java,
    require_master,
    require_pyspark,
)
from bonobo.spark_watch import ExecutorWatch
from bonobo.stage import PartitionFailed, Placed, Record, RowRejected, Stage, key_of

if TYPE_CHECKING:
    from pyspark import SparkContext
    from pyspark.core.broadcast import Broadcast
    from pyspark.core.rdd import RDD

ServicesFactory = Callable[[], GivenServices]
"""Makes the services of one executor process: picklable, and so without clients and credentials."""

PARTITION_ROWS = 5_000
"""How many rows a partition has where there are many; also how many come back to the driver at once."""

FEW_ROWS = 50
"""Fewer are not worth a partition: the nodes of one work on many rows at once."""

TASKS_PER_SLOT = 2
"""Partitions for each task that can run at once: the last of few large ones would be waited for."""


@dataclass(frozen=True, kw_only=True)
class Spark:
    """The engine: `bonobo.run(graph, services=..., engine=Spark(services=...))`.

    The nodes in front of the first parallel node run here, and so do those behind the last that are not pure;
    `services` of `bonobo.run` are theirs. What lies between runs on executors, with the services that
    `services` makes in each executor process. `master` is Spark's (`spark://host:port`, `local[4]`), and may
    be left to spark-submit; without either it is this machine. `conf` are settings of Spark.

    A SparkContext that is there already is used, and left running.
    """

    services: ServicesFactory = dict
    master: str | None = None
    conf: Mapping[str, str] = field(default_factory=dict)
    name: str = "bonobo"

    @contextmanager
    def cluster(self) -> Iterator[SparkCluster]:
        """Reach Spark. Raises UsageError where pyspark or Java is missing, or no context can be made."""
        require_pyspark()
        from pyspark import SparkContext

        active = SparkContext._active_spark_context
        if active is not None:
            yield SparkCluster(active, self.services)
            return
        require_java()
        context = in_a_thread(self._context)
        _let_the_run_speak(context)
        try:
            yield SparkCluster(context, self.services)
        finally:
            context.stop()

    def _context(self) -> SparkContext:
        from pyspark import SparkConf, SparkContext

        if "PYSPARK_GATEWAY_PORT" in os.environ:
            # Started by spark-submit: what that was told is known to the Java side alone, once it is reached.
            SparkContext._ensure_initialized()
        conf = SparkConf()
        for name, value in default_settings(conf.get, self.conf).items():
            conf.set(name, value)
        if self.master is not None:
            conf.setMaster(self.master)
        conf.setIfMissing("spark.master", "local[*]")
        require_master(conf.get("spark.master", ""))
        conf.setAppName(self.name)
        os.environ["PYSPARK_PYTHON"] = python_there(conf.get, self.conf)
        try:
            return SparkContext(conf=conf)
        except Exception as error:
            raise UsageError(
                f"Spark cannot be started with master {conf.get('spark.master')}: {said_by_spark(error)}; "
                "look at the address, the settings, and whether the cluster runs this version of Spark"
            ) from error


class SparkCluster:
    """A SparkContext, and what makes the services of an executor process."""

    def __init__(self, context: SparkContext, services: ServicesFactory) -> None:
        self._context = context
        self._services = _pickled_services(services)
        # With a seed of its own in each executor, equal keys would go to partitions that differ.
        if context.environment.get("PYTHONHASHSEED") == "random":
            context.environment["PYTHONHASHSEED"] = "0"
        # Jobs of others on the same context are none of our business.
        self._group = f"bonobo-{id(self):x}"
        self._watch = ExecutorWatch(context)

    def job(self, stages: Sequence[Stage]) -> SparkJob:
        """Begin a job of these stages. Raises UsageError where they or the services cannot be pickled."""
        return SparkJob(self._context, stages, self._services, self._group, self._watch)

    def cancel(self) -> None:
        """End the job under way."""
        with suppress(Exception):
            self._context.cancelJobGroup(self._group)


class SparkJob:
    """Rows in slices, each a broadcast of its own: on the driver's disk, and fetched by who works on it."""

    def __init__(
        self,
        context: SparkContext,
        stages: Sequence[Stage],
        services: bytes,
        group: str,
        watch: ExecutorWatch,
    ) -> None:
        self._context = context
        self._stages = _pickled_stages(stages)
        self._services = services
        self._group = group
        self._watch = watch
        self._slices: list[tuple[int, Broadcast[bytes]]] = []

    def add(self, first: int, rows: Sequence[Row]) -> None:
        """Put a slice where executors fetch it from. Raises UsageError (not to be pickled), SparkFailed."""
        message = _pickled(rows, "rows cannot leave this process: what they hold", "pass on plain values")
        with translated():
            self._slices.append((first, self._context.broadcast(message)))

    def run(self, rows: int) -> Iterator[Record]:
        """Give all records, rows in order; raises PartitionFailed, UsageError and SparkFailed."""
        with self._watch.during_job(self._group), translated():
            self._context.setJobGroup(self._group, self._group, interruptOnCancel=True)
            partitions = partitions_for(rows, self._context.defaultParallelism)
            records = self._spread(partitions)
            for number, stage in enumerate(self._stages):
                following = self._stages[number + 1 :]
                records = records.mapPartitions(_OnExecutor(stage, self._services))
                if following:
                    records = _together(records, partitions)
            returning = -(-rows // PARTITION_ROWS)
            yield from _in_order(records, rows, returning).toLocalIterator(prefetchPartitions=True)

    def close(self) -> None:
        """Forget the rows, here and on the executors."""
        slices, self._slices = self._slices, []
        # Where Spark is gone, they are.
        with suppress(Exception):
            for _, rows in slices:
                rows.destroy()

    def _spread(self, partitions: int) -> RDD[Any]:
        slices = [
            self._context.parallelize([first], 1).mapPartitions(_Slice(rows, self._stages[0]))
            for first, rows in self._slices
        ]
        return _together(self._context.union(slices), partitions)


class _Slice:
    """Gives the rows of a slice, where they are wanted by a stage."""

    def __init__(self, rows: Broadcast[bytes], stage: bytes) -> None:
        self._rows = rows
        self._stage = stage

    def __call__(self, firsts: Iterable[int]) -> Iterator[Record]:
        key = _unpickled(self._stage, "the nodes").nodes[0].settings.key
        for first in firsts:
            for place, row in enumerate(_unpickled(self._rows.value, "the rows"), first):
                yield Placed(key_of(key, (place,), row), (place,), row)


class _OnExecutor:
    """A stage with its services, called with the records of a partition."""

    def __init__(self, stage: bytes, services: bytes) -> None:
        self._stage = stage
        self._services = services

    def __call__(self, records: Iterable[Record]) -> Iterator[Record]:
        stage: Stage = _unpickled(self._stage, "the nodes")
        try:
            services = _process.services(self._services)
        except Exception as error:
            raise PartitionFailed(None, packed([], of_executor(error, "the services"))) from None
        with closing(run_stage(stage, records, services)) as made:
            for record in made:
                _check_travels(record, stage)
                yield record


class _Process:
    """The services of this executor process: made by the first task that asks, kept for those after it."""

    def __init__(self) -> None:
        self._made: bytes | None = None
        self._services: Mapping[str, Any] = {}
        self._stack = ExitStack()

    def services(self, factory: bytes) -> Mapping[str, Any]:
        """The services that a pickled factory makes; those of another run are closed first."""
        if factory != self._made:
            self._made = None
            self._stack.close()
            _use_the_disk_of_spark()
            self._services = checked(self._stack.enter_context(hosted(pickle.loads(factory)())))
            self._made = factory
        return self._services


_process = _Process()


def _use_the_disk_of_spark() -> None:
    """Executor processes are killed, not ended; Spark removes what they leave where its own files are."""
    folders = os.environ.get("SPARK_LOCAL_DIRS", "").split(",")
    if os.path.isdir(folders[0]):
        tempfile.tempdir = folders[0]


def _let_the_run_speak(context: SparkContext) -> None:
    """Let what ends a run be said by the run alone: threads of Java and of pyspark print what befalls them.

    Lines of Spark's log still come, since its appender holds the standard error that it began with. The Java
    of spark-submit is not ours to quiet.
    """
    from pyspark.core import broadcast

    # It prints a traceback where a disk is full, and raises all the same.
    broadcast.print_exec = lambda stream: None  # type: ignore[attr-defined]
    # So does this thread, where Java ends; who waits for Java is told anyway.
    context._accumulatorServer.handle_error = lambda *connection: None  # type: ignore[attr-defined,method-assign,unused-ignore]
    if "PYSPARK_GATEWAY_PORT" not in os.environ:
        java: Any = context._jvm
        nowhere = java.java.io.OutputStream.nullOutputStream()
        java.java.lang.System.setErr(java.java.io.PrintStream(nowhere))


def partitions_for(rows: int, slots: int) -> int:
    """How many partitions so many rows are spread over, where so many tasks can run at once.

    >>> [partitions_for(rows, 8) for rows in (1, 200, 5_000, 1_000_000)]
    [1, 4, 16, 200]
    """
    return min(max(slots * TASKS_PER_SLOT, -(-rows // PARTITION_ROWS)), -(-rows // FEW_ROWS))


def _together(records: RDD[Record], partitions: int) -> RDD[Record]:
    """Bring records of equal key into one partition, in the order of their positions."""
    from pyspark.core.rdd import portable_hash

    return _shuffled(records, partitions, lambda key: portable_hash(key[0]))


def _in_order(records: RDD[Record], rows: int, partitions: int) -> RDD[Record]:
    """Bring records into the order of their positions, over all partitions; accounts come first."""
    return _shuffled(records, partitions, lambda key: key[1][0] * partitions // rows if key[1] else 0)


def _shuffled(records: RDD[Record], partitions: int, partition: Callable[[Any], int]) -> RDD[Record]:
    paired = records.map(lambda record: ((_key(record), record.position), record))
    sorted_ = paired.repartitionAndSortWithinPartitions(partitions, partition, keyfunc=lambda key: key[1])
    return sorted_.values()


def _pickled(thing: object, what: str, advice: str) -> bytes:
    """Pickle, also what a file that is run defines, which executors cannot import. Raises UsageError."""
    from pyspark import cloudpickle

    try:
        return bytes(cloudpickle.dumps(thing))  # type: ignore[no-untyped-call]
    except Exception as error:
        raise UsageError(f"{what} cannot be pickled ({type(error).__name__}); {advice}") from None


def _pickled_services(services: ServicesFactory) -> bytes:
    what = "the services cannot be made on executors: what makes them"
    return _pickled(services, what, "give a function that makes clients, not clients")


def _pickled_stages(stages: Sequence[Stage]) -> list[bytes]:
    advice = "let it make what it holds when it is called, or take it from a service"
    # One by one at first, for their names; a stage holds the key of the next one too.
    for node in (node for stage in stages for node in stage.nodes):
        _pickled(node, f"{node.name} cannot leave this process: it, or its key,", advice)
    return [_pickled(stage, "the nodes", advice) for stage in stages]


def _unpickled(message: bytes, what: str) -> Any:
    """Make anew what was pickled, on an executor. Raises PartitionFailed, which says what is not there."""
    try:
        return pickle.loads(message)
    except Exception as error:
        refused = of_executor(error, what)
        if refused is error:
            refused = not_to_be_made(what, type(error).__name__)
        raise PartitionFailed(None, packed([], refused)) from None


def _check_travels(record: Record, stage: Stage) -> None:
    """Raise PartitionFailed for a row that Spark could not pickle: it would say so with a traceback."""
    try:
        pickle.dumps(record, pickle.HIGHEST_PROTOCOL)
    except Exception:
        index = record.node if isinstance(record, RowRejected) else stage.nodes[-1].index
        name = next(node.name for node in stage.nodes if node.index == index)
        try:
            _pickled(record, f"rows cannot leave {name}: what they hold", "pass on plain values")
        except UsageError as error:
            raise PartitionFailed(index, packed([], error)) from None


def _key(record: Record) -> Hashable:
    return record.key if isinstance(record, Placed) else record.position
