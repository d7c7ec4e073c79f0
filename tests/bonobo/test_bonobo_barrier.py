"""A barrier: what comes before it is fully processed downstream before anything after it starts."""

import threading
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bonobo import BARRIER, Graph, parallel

unhurried = settings(
    deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


class Log:
    """Who begins and ends which row, in the order in which it happens."""

    def __init__(self):
        self.entries = []
        self._lock = threading.Lock()

    def write(self, *entry):
        with self._lock:
            self.entries.append(entry)

    def node(self, name, pause=0.0005):
        def node(phase, x):
            self.write(phase, "begin", name)
            time.sleep(pause if x % 3 else 0)
            yield phase, x
            self.write(phase, "end", name)

        return node

    def phases(self):
        return [entry[0] for entry in self.entries]


def source(sizes):
    """Phases of rows with a barrier between each two."""

    def source():
        for phase, size in enumerate(sizes):
            for x in range(size):
                yield phase, x
            yield BARRIER

    return source


workers = st.integers(1, 4)
sizes = st.lists(st.integers(0, 25), min_size=1, max_size=4)


@unhurried
@given(sizes=sizes, first=workers, second=workers)
def test_in_a_chain(run, sizes, first, second):
    log = Log()
    graph = Graph(
        source(sizes), parallel(log.node("a"), first), parallel(log.node("b"), second), log.node("c")
    )
    report = run(graph)
    assert report.exit_code == 0
    assert log.phases() == sorted(log.phases())
    assert len(log.phases()) == 6 * sum(sizes)


@unhurried
@given(sizes=sizes, left=workers, right=workers, join=workers)
def test_through_a_fork_and_a_join(run, sizes, left, right, join):
    log = Log()
    graph = Graph(source(sizes), lambda *row: row)
    graph.add_chain(parallel(log.node("join"), join), log.node("end"), _input=None, _name="join")
    graph.add_chain(parallel(log.node("left"), left), _input=1, _output="join")
    graph.add_chain(log.node("right"), parallel(log.node("more"), right), _input=1, _output="join")
    graph.add_chain(log.node("leaf"), _input=1)
    graph.add_chain(_input=1, _output="join")
    assert run(graph).exit_code == 0
    assert log.phases() == sorted(log.phases())
    # left, right, more, leaf; and join and end for each of three ways in
    assert len(log.phases()) == 2 * sum(sizes) * (4 + 2 * 3)


@unhurried
@given(n=workers, rows=st.integers(0, 12), first=workers)
def test_from_a_parallel_node(run, n, rows, first):
    log = Log()

    def node(x):
        yield x, 1
        yield x, 2
        yield BARRIER

    graph = Graph(range(rows), parallel(node, n), parallel(log.node("a"), first), log.node("b"))
    assert run(graph).exit_code == 0
    assert log.phases() == sorted(log.phases())
    assert len(log.phases()) == 8 * rows


def test_two_sources_do_not_wait_for_each_other(run):
    logs = Log(), Log()
    total = []

    def join(phase, x):
        total.append(x)

    graph = Graph()
    graph.add_chain(parallel(lambda *row: row, 3), join, _input=None, _name="join")
    for log in logs:
        graph.add_chain(source([1] * 30), log.node("own", 0), _output="join")
    assert run(graph).exit_code == 0
    assert all(log.phases() == sorted(log.phases()) for log in logs)
    assert len(total) == 60


def test_it_waits_for_the_last_node_downstream(run, gate):
    done = []

    def source():
        yield 1
        yield BARRIER
        done.append("after")
        yield 2

    def slow(x):
        if x == 1:
            time.sleep(0.02)
            done.append("before")

    assert run(Graph(source, lambda x: x, parallel(lambda x: x, 2), slow)).exit_code == 0
    assert done == ["before", "after"]


def test_a_node_that_another_source_feeds_goes_on_meanwhile(run, gates):
    held, passed = gates(), gates()

    def first():
        yield "a"
        yield BARRIER

    def second():
        yield "b"

    def hold(x):
        held.wait()
        return x

    def leaf(x):
        if x == "b":
            held.open()
            passed.open()

    graph = Graph()
    graph.add_chain(leaf, _input=None)
    graph.add_chain(first, hold, _output=leaf)
    graph.add_chain(second, _output=leaf)
    assert run(graph).exit_code == 0
    passed.wait()


@pytest.mark.parametrize("n", [1, 3])
def test_returned_it_is_a_barrier_too(run, n):
    seen = []

    def node(x):
        return BARRIER if x % 2 else x

    report = run(Graph(range(6), parallel(node, n), seen.append))
    assert seen == [0, 2, 4]
    assert [node.rows_out for node in report.nodes] == [6, 3, 0]
    assert report.exit_code == 0


def test_at_the_last_node_it_does_nothing(run):
    assert run(Graph(range(3), lambda x: BARRIER)).exit_code == 0
    assert run(Graph(lambda: BARRIER)).exit_code == 0


def test_a_row_that_fails_before_it_does_not_hold_it(run):
    seen = []

    def source():
        yield 0
        yield BARRIER
        yield 1

    def node(x):
        seen.append(x)
        return 1 // x

    report = run(Graph(source, parallel(node, 2), parallel(lambda x: x, 2)))
    assert (report.exit_code, seen) == (1, [0, 1])


@pytest.mark.parametrize("n", [1, 4])
def test_a_fatal_error_behind_a_barrier_ends_the_wait(run, n):
    def node(x):
        yield x
        yield BARRIER
        yield x

    def fatal(x):
        raise SystemExit(9)

    assert run(Graph(range(100), parallel(node, n), fatal)).exit_code == 9


def test_many_barriers_from_many_sources_at_once(run):
    count = 8
    sizes = [2] * 20
    seen = []
    graph = Graph()
    graph.add_chain(parallel(lambda *row: row, 4), lambda *row: seen.append(row), _input=None, _name="join")
    for number in range(count):
        graph.add_chain(source(sizes), parallel(lambda *row: row, number % 3 + 1), _output="join")
    assert run(graph).exit_code == 0
    assert len(seen) == count * sum(sizes)
