"""Whatever graph, concurrency, delays, failures and budget: the rows that a plain reading of the graph gives.

A row carries the path it came by. What arrives at an end of the graph by one path must come in the order of
the sequential reading, and all together must be its multiset: at a chain's end that is equality.
"""

import random
import threading
import time
from collections import Counter, defaultdict
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from bonobo import Graph, parallel

EXAMPLES = 150
"""Of each of four kinds: 600 in all, each a run of the engine beside a reading of its graph."""

KINDS = ("same", "same", "drop", "twice", "late", "fail", "flaky", "partly")


@dataclass(frozen=True)
class Step:
    """One node: what it does to rows by their number, which nodes feed it, and how it is run."""

    kinds: tuple[str, ...]
    inputs: tuple[int, ...]
    n: int | str
    keyed: bool
    retries: int
    grows: bool


def emitted(step, number, attempt):
    """What a node emits for a row at an attempt (from 1), and whether it then fails."""
    kind = step.kinds[number % len(step.kinds)]
    copies = {"drop": 0, "twice": 2, "late": 2, "partly": 1}.get(kind, 1)
    failed = kind in ("fail", "partly") or (kind == "flaky" and attempt == 1)
    if failed and kind != "partly":
        copies = 0
    return [number * 2 + copy for copy in range(copies)], failed


def reading(steps, rows):
    """The rows that each node emits, one row at a time; the failures of each node."""
    out, failures = [[((), number) for number in range(rows)]], []
    for index, step in enumerate(steps):
        produced, failed = [], 0
        for source in step.inputs:
            for path, number in out[source]:
                for attempt in range(1, step.retries + 2):
                    numbers, fails = emitted(step, number, attempt)
                    if not fails:
                        break
                failed += fails
                produced += [((*path, index), made) for made in numbers]
        out.append(produced)
        failures.append(failed)
    return out, failures


def node_of(step, index, seed):
    chance = random.Random(seed * 100 + index)
    pauses = [chance.choice([0, 0, 0, 0.0002, 0.001]) for _ in range(13)]
    lock, attempts = threading.Lock(), Counter()

    def node(path, number, body):
        with lock:
            attempts[path, number] += 1
            attempt = attempts[path, number]
        numbers, fails = emitted(step, number, attempt)
        time.sleep(pauses[number % 13])
        for made in numbers:
            yield (*path, index), made, body * (2 if step.grows else 1)
            time.sleep(pauses[made % 13])
        if fails:
            raise ValueError(number)

    node.__name__ = f"step_{index}"
    settings = {"retries": step.retries, "backoff": 0}
    if step.keyed and step.n != 1:
        settings["key"] = lambda path, number, body: number % 3
    return parallel(node, step.n, **settings)


class Collector:
    def __init__(self):
        self.rows = []

    def __call__(self, *row):
        self.rows.append(row)


def built(steps, rows, size, seed):
    graph = Graph()
    collectors = {}
    graph.add_chain(*[lambda: (((), number, bytes(size)) for number in range(rows))])
    for index, step in enumerate(steps):
        graph.add_chain(node_of(step, index, seed), _input=None)
        for source in step.inputs:
            graph.add_chain(_input=source, _output=index + 1)
    for index in range(len(steps) + 1):
        if not graph.outputs_of(index):
            collectors[index] = Collector()
            graph.add_chain(collectors[index], _input=index)
    return graph, collectors


def steps_of(inputs, **fixed):
    return st.builds(
        Step,
        kinds=st.lists(st.sampled_from(KINDS), min_size=1, max_size=4).map(tuple),
        inputs=inputs,
        n=fixed.get("n", st.sampled_from([1, 1, 2, 3, 6, "auto"])),
        keyed=st.booleans(),
        retries=st.sampled_from([0, 0, 1, 2]),
        grows=st.booleans(),
    )


@st.composite
def chains(draw):
    return [draw(steps_of(st.just((index,)))) for index in range(draw(st.integers(1, 4)))]


@st.composite
def trees(draw):
    count = draw(st.integers(2, 6))
    return [draw(steps_of(st.tuples(st.integers(0, index)))) for index in range(count)]


@st.composite
def webs(draw):
    count = draw(st.integers(2, 5))
    inputs = [
        st.sets(st.integers(0, index), min_size=1, max_size=2).map(lambda found: tuple(sorted(found)))
        for index in range(count)
    ]
    return [draw(steps_of(feeding)) for feeding in inputs]


@st.composite
def diamonds(draw):
    width = draw(st.integers(2, 4))
    first = draw(steps_of(st.just((0,))))
    arms = [draw(steps_of(st.just((1,)))) for _ in range(width)]
    join = draw(steps_of(st.just(tuple(range(2, 2 + width)))))
    return [first, *arms, join, draw(steps_of(st.just((2 + width,))))]


def check(run, steps, rows, size, memory, rows_per_edge, seed):
    note(f"seed of the delays: {seed}")
    graph, collectors = built(steps, rows, size, seed)
    report = run(graph, memory=memory, rows_per_edge=rows_per_edge)
    expected, failures = reading(steps, rows)
    for index, collector in collectors.items():
        got = [(path, number) for path, number, body in collector.rows]
        assert by_path(got) == by_path(expected[index])
        if all(len(step.inputs) == 1 for step in steps):
            assert got == expected[index]
    assert Counter(row.node for row in report.rejected) == Counter(
        {f"step_{index}": count for index, count in enumerate(failures) if count}
    )
    assert report.exit_code == (1 if sum(failures) else 0)


def by_path(rows):
    paths = defaultdict(list)
    for path, number in rows:
        paths[path].append(number)
    return paths


@pytest.mark.parametrize("shape", [chains, trees, webs, diamonds])
def test_a_graph_gives_what_its_plain_reading_gives(run, shape):
    @settings(deadline=None, max_examples=EXAMPLES, print_blob=True, suppress_health_check=list(HealthCheck))
    @given(
        steps=shape(),
        rows=st.integers(0, 12),
        size=st.sampled_from([0, 0, 1500, 6000]),
        memory=st.sampled_from([1, 10_000, 100_000, 1 << 28]),
        rows_per_edge=st.sampled_from([1, 2, 128]),
        seed=st.integers(0, 10_000),
    )
    def checked(steps, rows, size, memory, rows_per_edge, seed):
        check(run, steps, rows, size, memory, rows_per_edge, seed)

    checked()
