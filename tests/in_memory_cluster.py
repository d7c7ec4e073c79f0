"""A cluster of one process: partitions and shuffles as Spark has them, records pickled on their way."""

import pickle
import threading
from contextlib import ExitStack, contextmanager
from functools import cache

from bonobo.partition import run_stage
from bonobo.services import hosted
from bonobo.stage import Placed, key_of


class InMemory:
    """The engine. `again` are stages of which the first partition is run twice; the later answer counts for
    the partitions of the next stage whose number is odd, as after the loss of an executor."""

    def __init__(self, services=dict, partitions=3, again=()):
        self.services = services
        self.partitions = partitions
        self.again = again
        self.jobs = []
        self.slices = []
        self.cancelled = threading.Event()

    @contextmanager
    def cluster(self):
        """Partitions of odd number are worked on in one process, as it were, the others in another."""
        with ExitStack() as stack:
            self.processes = [cache(lambda: stack.enter_context(hosted(self.services()))) for _ in range(2)]
            yield self

    def job(self, stages):
        return Job(self, stages)

    def cancel(self):
        self.cancelled.set()


class Job:
    def __init__(self, engine, stages):
        self.engine = engine
        self.stages = pickled(stages)
        self.rows = []

    def add(self, first, rows):
        assert first == len(self.rows)
        self.engine.slices.append(len(rows))
        self.rows += pickled(rows)

    def run(self, rows):
        assert rows == len(self.rows)
        self.engine.jobs.append(rows)
        key = self.stages[0].nodes[0].settings.key
        records = [Placed(key_of(key, (place,), row), (place,), row) for place, row in enumerate(self.rows)]
        partitions = self.together([records])
        for stage in self.stages:
            first = [self.ran(stage, number, taken) for number, taken in enumerate(partitions)]
            partitions = self.together(first)
            if stage.number in self.engine.again:
                second = self.together([self.ran(stage, 0, self.taken), *first[1:]])
                partitions[1::2] = second[1::2]
            self.taken = partitions[0]
        yield from sorted((record for taken in partitions for record in taken), key=lambda one: one.position)

    def ran(self, stage, number, records):
        if number == 0:
            self.taken = records
        services = self.engine.processes[number % 2]()
        return pickled(list(run_stage(stage, records, services)))

    def together(self, produced):
        count = self.engine.partitions
        partitions = [[] for _ in range(count)]
        for records in produced:
            for record in records:
                key = record.key if isinstance(record, Placed) else record.position
                partitions[hash(key) % count].append(record)
        return [sorted(records, key=lambda one: one.position) for records in partitions]

    def close(self):
        self.rows = []


def pickled(thing):
    # The nodes of tests are made on the spot, which only cloudpickle could send.
    try:
        return pickle.loads(pickle.dumps(thing))
    except (pickle.PicklingError, AttributeError, TypeError):
        return thing
