"""Wherever a segment is worked on, its run ends as if it had stayed: rows, order, counts, failures."""

import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from in_memory_cluster import InMemory

import bonobo
from bonobo import BARRIER, Graph, parallel, use
from bonobo.segment import RowsLost


def both(graph_of, **options):
    """What comes of a graph here and elsewhere: the rows at its end, and its report."""
    found = []
    for engine in (None, InMemory(options.pop("services", dict))):
        rows = []
        graph = graph_of(lambda *row, rows=rows: rows.append(row))
        report = bonobo.run(graph, console=bonobo.QUIET, engine=engine, **options)
        found.append((rows, report))
    return found


def figures(report):
    return [(node.name, node.rows_in, node.rows_out, node.errors, node.state) for node in report.nodes]


def refused(report):
    return sorted((row.node, row.sequence, row.exception, row.attempts) for row in report.rejected)


def drop(x):
    if x % 3:
        yield x


def twice(x):
    yield x
    yield x + 1


def fail(x):
    return x + (0 if x % 5 else 1 // 0)


def same(x):
    return x


steps = st.lists(
    st.tuples(
        st.sampled_from([drop, twice, fail, same]),
        st.sampled_from([1, 2, 5]),
        st.sampled_from([None, 2, 7]),
        st.booleans(),
    ),
    min_size=1,
    max_size=5,
)


@given(steps, st.integers(0, 40), st.sets(st.integers(0, 40), max_size=3))
@settings(max_examples=60, deadline=None)
def test_any_chain_ends_as_it_does_here(chain, count, barriers):
    def source():
        for number in range(count):
            if number in barriers:
                yield BARRIER
            yield number

    def graph_of(sink):
        nodes = []
        for index, (function, n, modulus, plain) in enumerate(chain):
            key = None if modulus is None else (lambda x, modulus=modulus: x % modulus)
            nodes.append(function if plain and index else parallel(function, n, key=key))
        return Graph(source, *nodes, sink)

    (here, local), (there, spread) = both(graph_of)
    assert there == here
    assert figures(spread) == figures(local)
    # A rejected row is told by its place among the rows of the segment, which is that of its first node.
    first = local.nodes[1].name
    assert [row for row in refused(spread) if row[0] == first and len(chain) == 1] == [
        row for row in refused(local) if row[0] == first and len(chain) == 1
    ]
    assert [(row[0], row[2]) for row in refused(spread)] == [(row[0], row[2]) for row in refused(local)]
    assert spread.exit_code == local.exit_code


def test_what_stands_before_a_barrier_is_done_before_what_stands_behind_it_begins():
    seen = []

    def source():
        yield from "ab"
        yield BARRIER
        seen.append("barrier")
        yield from "cd"

    engine = InMemory()
    bonobo.run(Graph(source, parallel(same), seen.append), engine=engine, console=bonobo.QUIET)
    assert seen == ["a", "b", "barrier", "c", "d"]
    assert engine.jobs == [2, 2]


def test_without_a_row_nothing_is_begun():
    engine = InMemory()

    def nothing():
        yield BARRIER

    report = bonobo.run(Graph(nothing, parallel(same), same), engine=engine, console=bonobo.QUIET)
    assert (engine.jobs, report.exit_code) == ([], 0)


def test_rejected_rows_and_dead_letters_are_seen_where_the_run_is(tmp_path):
    letters = []
    services = {"dead_letters": lambda rejected, row: letters.append((rejected.node, rejected.sequence, row))}

    def source():
        yield from (1, 0)
        yield BARRIER
        yield from (2, 0)

    def inverse(x):
        return 1 // x

    graph = Graph(source, parallel(inverse, 2, on_error="dead_letter", retries=1, backoff=0), lambda x: None)
    report = bonobo.run(graph, services=services, engine=InMemory(), console=bonobo.QUIET)
    assert letters == [("inverse", 2, (0,)), ("inverse", 4, (0,))]
    assert [(row.exception, row.attempts) for row in report.rejected] == [("ZeroDivisionError", 2)] * 2
    assert report.rejected[0].where.startswith("test_bonobo_segment:")


def test_what_ends_a_run_there_ends_it_here():
    class Gone(Exception):
        exit_code = 4

    def broken(x):
        raise Gone("the bucket is gone: look at its name")

    report = bonobo.run(
        Graph(range(3), parallel(same), parallel(broken), same), engine=InMemory(), console=bonobo.QUIET
    )
    assert report.exit_code == 4
    assert str(report.fatal) == "the bucket is gone: look at its name"
    assert report.fatal_node == "broken"


def test_too_many_errors_end_the_run():
    report = bonobo.run(
        Graph(range(10), parallel(fail, 2), same), engine=InMemory(), max_errors=0, console=bonobo.QUIET
    )
    assert report.exit_code == 70


def test_a_graph_that_cannot_be_divided_is_refused_before_anything_is_begun():
    begun = []

    @use("ledger")
    def recording(x, ledger): ...

    def services():
        begun.append("services")
        yield {"ledger": None}

    engine = InMemory()
    report = bonobo.run(
        Graph(lambda: begun.append("source"), parallel(same), recording, parallel(fail), same),
        services={"ledger": object()},
        engine=engine,
        console=bonobo.QUIET,
    )
    assert (report.exit_code, begun, engine.jobs) == (2, [], [])
    assert "recording" in str(report.fatal)


def test_services_are_those_of_the_process_that_works():
    @use("name")
    def told(x, name):
        return x, name

    @use("name")
    def tells(x, there, name):
        told_here.append((x, there, name))

    told_here = []
    engine = InMemory(services=lambda: {"name": "there"})
    graph = Graph([1], parallel(told), tells)
    bonobo.run(graph, services={"name": "here"}, engine=engine, console=bonobo.QUIET)
    assert told_here == [(1, "there", "here")]


class Counter:
    def __init__(self):
        self.calls = 0

    def counts(self):
        return {"calls": self.calls}

    def add_counts(self, counts):
        self.calls += counts["calls"]


def test_what_services_count_there_is_counted_here():
    @use("store")
    def asking(x, store):
        store.calls += 1
        return x

    here = Counter()
    graph = Graph(range(10), parallel(asking, 4), same)
    bonobo.run(
        graph, services={"store": here}, engine=InMemory(lambda: {"store": Counter()}), console=bonobo.QUIET
    )
    assert here.calls == 10


def test_work_that_was_done_twice_and_alike_changes_nothing():
    graph = Graph(range(40), parallel(same), parallel(same, key=lambda x: x % 7), same)
    report = bonobo.run(graph, engine=InMemory(again={0}), console=bonobo.QUIET)
    assert (report.exit_code, report.nodes[-1].rows_in) == (0, 40)


def test_work_that_was_done_twice_and_came_out_differently_is_found():
    calls = {}

    def moody(x):
        calls[x] = calls.get(x, 0) + 1
        return x if calls[x] == 1 else -x - 1

    graph = Graph(range(40), parallel(moody), parallel(same, key=lambda x: x), same)
    report = bonobo.run(graph, engine=InMemory(again={0}), console=bonobo.QUIET)
    assert isinstance(report.fatal, RowsLost)
    assert report.exit_code == 4


@pytest.mark.parametrize("failing", [1, 2])
def test_a_row_that_only_one_of_two_attempts_rejected_is_not_lost_without_a_word(failing):
    """What is odd comes of the second attempt: neither the row, of one, nor its rejection, of the other."""
    engine = InMemory(again={1})

    def second(*position):
        return hash(position) % engine.partitions == 1

    place = next(
        place
        for place in range(100)
        if (second(place, 0), second(place, 0, 0)) == (failing == 1, failing == 2)
    )
    calls = []

    def moody(x):
        calls.append(x)
        if x == place and calls.count(x) == failing:
            raise OSError("out of reach")
        return x

    graph = Graph(range(100), parallel(same), parallel(moody, key=lambda x: 0), same)
    report = bonobo.run(graph, engine=engine, console=bonobo.QUIET)
    assert (calls.count(place), report.rejected_count) == (2, 0)
    assert isinstance(report.fatal, RowsLost)


def test_a_share_of_rejected_rows_is_judged_by_all_that_were_taken():
    def picky(x):
        return 1 // max(0, x - 3)

    (_, local), (_, spread) = both(lambda sink: Graph(range(1000), parallel(picky), sink), max_errors="0.4%")
    assert (local.exit_code, spread.exit_code) == (1, 1)
    assert spread.rejected_count == 4


def test_a_second_run_of_the_same_graph_is_a_run_of_its_own():
    graph = Graph([3, 4], parallel(same), same)
    engine = InMemory()
    for _ in range(2):
        assert bonobo.run(graph, engine=engine, console=bonobo.QUIET).nodes[1].rows_in == 2


def test_a_cancelled_run_cancels_the_job():
    class Stuck(InMemory):
        def job(self, stages):
            engine = self

            class Waiting:
                def add(self, first, rows): ...

                def run(self, rows):
                    yield from ()
                    assert engine.cancelled.wait(30)
                    raise RuntimeError("cancelled")

                def close(self):
                    engine.closed = True

            return Waiting()

    def source():
        yield 1
        yield BARRIER

    def other():
        assert started.wait(30)
        raise SystemExit(7)

    started = threading.Event()
    engine = Stuck()
    graph = Graph(source, parallel(same), same)
    graph.add_chain(other, same)
    timer = threading.Timer(0.1, started.set)
    timer.start()
    report = bonobo.run(graph, engine=engine, console=bonobo.QUIET)
    assert report.exit_code == 7
    assert engine.cancelled.is_set()
    assert engine.closed


@pytest.mark.parametrize("rows", [1, 9_999, 10_000, 20_001])
def test_rows_are_handed_over_in_slices(rows):
    engine = InMemory()
    report = bonobo.run(Graph(range(rows), parallel(same), same), engine=engine, console=bonobo.QUIET)
    assert report.nodes[-1].rows_in == rows
    assert sum(engine.slices) == rows
    assert max(engine.slices) <= 10_000


def test_heavy_rows_are_handed_over_by_their_bytes(monkeypatch):
    monkeypatch.setattr("bonobo.segment.SLICE_BYTES", 1000)
    engine = InMemory()
    graph = Graph([bytes(400)] * 7, parallel(lambda data: len(data)), same)
    assert bonobo.run(graph, engine=engine, console=bonobo.QUIET).nodes[-1].rows_in == 7
    assert engine.slices == [3, 3, 1]
