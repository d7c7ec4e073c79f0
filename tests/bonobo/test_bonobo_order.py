"""Order: at any concurrency a chain gives what it gives one row at a time; keys never overlap."""

import random
import threading
import time
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import bonobo
from bonobo import Graph, parallel
from bonobo.ordered import AHEAD
from bonobo.report import REJECTED_KEPT

unhurried = settings(
    deadline=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

KINDS = ("same", "drop", "twice", "many", "fail", "late_fail", "function")


def node_of(kinds, seed, jitter):
    """A node that does to each row what the table says for its value, taking its time at random."""
    chance = random.Random(seed)
    pauses = [chance.choice([0, 0, 0, jitter]) for _ in range(17)]

    def generator(x, kind):
        for copy in range({"same": 1, "drop": 0, "twice": 2, "many": 4}.get(kind, 1)):
            time.sleep(pauses[(x + copy) % 17])
            yield x * 3 + copy
        if kind == "late_fail":
            raise ValueError

    def node(x):
        kind = kinds[x % len(kinds)]
        time.sleep(pauses[x % 17])
        if kind == "fail":
            raise ValueError
        return x + 1 if kind == "function" else generator(x, kind)

    return node


steps = st.lists(
    st.tuples(
        st.integers(1, 6), st.lists(st.sampled_from(KINDS), min_size=1, max_size=5), st.integers(0, 99)
    ),
    min_size=1,
    max_size=3,
)


def chain(rows, steps, concurrent, key=None):
    nodes = []
    for n, kinds, seed in steps:
        node = node_of(kinds, seed, 0.0005 if concurrent else 0)
        nodes.append(parallel(node, n, key=key) if concurrent else node)
    return Graph(range(rows), *nodes)


@unhurried
@given(steps=steps, rows=st.integers(0, 40), modulus=st.none() | st.integers(1, 4))
def test_a_chain_gives_what_it_gives_sequentially(run_graph, steps, rows, modulus):
    key = None if modulus is None else lambda x: x % modulus
    expected = run_graph(chain(rows, steps, False), check=False)
    result = run_graph(chain(rows, steps, True, key), check=False)
    assert result.rows == expected.rows
    assert list(result.report.lines()) == list(expected.report.lines())

    def rejected(report):
        assert report.rejected_count < REJECTED_KEPT
        return Counter((row.node, row.sequence, row.exception) for row in report.rejected)

    assert rejected(result.report) == rejected(expected.report)


@unhurried
@given(
    branches=st.lists(st.tuples(st.integers(0, 80), st.integers(1, 4)), min_size=1, max_size=4),
    n=st.integers(1, 4),
)
def test_a_join_keeps_every_row_and_each_branchs_order(run_graph, branches, n):
    graph = Graph()
    graph.add_chain(parallel(lambda *row: row, n), _input=None, _name="join")
    for branch, (rows, workers) in enumerate(branches):

        def tag(x, branch=branch):
            time.sleep(0)
            return branch, x

        graph.add_chain(range(rows), parallel(tag, workers), _output="join")
    joined = run_graph(graph).rows
    for branch, (rows, _) in enumerate(branches):
        assert [x for owner, x in joined if owner == branch] == list(range(rows))
    assert len(joined) == sum(rows for rows, _ in branches)


@unhurried
@given(n=st.integers(1, 5), rows=st.integers(0, 200))
def test_a_fork_gives_every_row_to_every_output(run, n, rows):
    seen = [[], [], []]
    graph = Graph(range(rows))
    graph.add_chain(parallel(seen[0].append, 1), _input=0)
    graph.add_chain(lambda x: x, seen[1].append, _input=0)
    graph.add_chain(parallel(lambda x: x, n), seen[2].append, _input=0)
    assert run(graph).exit_code == 0
    assert seen == [list(range(rows))] * 3


def test_up_to_n_rows_are_in_work_at_once(run_graph):
    together = threading.Barrier(4, timeout=30)

    def node(x):
        together.wait()
        return x

    assert run_graph(Graph(range(12), parallel(node, 4))).rows == [(x,) for x in range(12)]


@pytest.mark.parametrize("kept", ["dropped", "failed", "done", "generator"])
def test_a_slow_first_row_holds_back_the_others_and_not_their_work(run_graph, gate, kept):
    last = AHEAD

    def later(x):
        yield x
        yield x

    def node(x):
        if x == 0:
            gate.wait()
            return x
        if x == last:
            gate.open()
        if kept == "failed":
            raise ValueError
        return {"dropped": None, "done": x, "generator": later(x)}[kept]

    expected = {"dropped": 0, "failed": 0, "done": 1, "generator": 2}[kept]
    result = run_graph(Graph(range(last + 1), parallel(node, 2)), check=False)
    assert result.rows == [(0,)] + [(x,) for x in range(1, last + 1) for _ in range(expected)]


def test_what_a_row_behind_the_head_keeps_is_bounded(run, gate):
    emitted = []

    def node(x):
        if x == 0:
            gate.wait()
        for number in range(1000):
            emitted.append(x)
            yield x, number

    counts = []

    def watch():
        while emitted.count(1) < bonobo.channel.ROWS_PER_EDGE:
            time.sleep(0.001)
        time.sleep(0.05)
        counts.append(emitted.count(1))
        gate.open()

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    rows = []
    assert run(Graph(range(2), parallel(node, 2), lambda *row: rows.append(row))).exit_code == 0
    watcher.join(30)
    assert counts == [bonobo.channel.ROWS_PER_EDGE + 1]
    assert rows == [(x, number) for x in range(2) for number in range(1000)]


def test_the_head_streams_and_does_not_wait_for_its_end(run, gate):
    def node(x):
        yield x
        gate.wait()

    def sink(x):
        if x == 1:
            gate.open()

    def first(x):
        yield from node(x) if x == 1 else ()

    assert run(Graph([0, 1], parallel(first, 3), sink)).exit_code == 0


def test_what_a_row_kept_is_sent_when_it_comes_to_the_head_though_it_is_still_in_work(run, gates):
    kept, seen = gates(), gates()

    def node(x):
        if x == 0:
            kept.wait()
            return
        yield x
        kept.open()
        seen.wait()

    assert run(Graph([0, 1], parallel(node, 2), lambda x: seen.open())).exit_code == 0


class TestKeys:
    @unhurried
    @given(
        rows=st.lists(st.tuples(st.integers(0, 4), st.integers(0, 2)), max_size=80),
        n=st.integers(2, 6),
    )
    def test_equal_keys_never_overlap_and_keep_their_order(self, run_graph, rows, n):
        lock = threading.Lock()
        begun, working, overlaps = {}, Counter(), []

        def node(number, key, pause):
            with lock:
                working[key] += 1
                overlaps.append(working[key] > 1)
                begun.setdefault(key, []).append(number)
            time.sleep(pause * 0.0003)
            with lock:
                working[key] -= 1
            if pause == 2:
                raise ValueError
            return number

        numbered = [(number, key, pause) for number, (key, pause) in enumerate(rows)]
        graph = Graph(numbered, parallel(node, n, key=lambda number, key, pause: key))
        result = run_graph(graph, check=False)
        assert not any(overlaps)
        assert all(numbers == sorted(numbers) for numbers in begun.values())
        assert result.rows == [(number,) for number, _, pause in numbered if pause != 2]

    def test_a_row_that_waits_for_its_key_keeps_no_other_from_work(self, run_graph, gate):
        def node(key, x):
            if (key, x) == ("a", 0):
                gate.wait()
            if key == "b":
                gate.open()
            return x

        rows = [("a", 0), ("a", 1), ("a", 2), ("b", 3)]
        result = run_graph(Graph(rows, parallel(node, 2, key=lambda key, x: key)))
        assert result.rows == [(0,), (1,), (2,), (3,)]

    @pytest.mark.parametrize("key", [lambda x: 1 // x, lambda x: [x] if x == 0 else x, lambda: 0])
    def test_a_key_that_fails_rejects_its_row(self, run_graph, key):
        result = run_graph(Graph([0, 1, 0, 2], parallel(lambda x: x, 3, key=key)), check=False)
        bad = {0} if key.__code__.co_argcount else {0, 1, 2}
        assert result.rows == [(x,) for x in (1, 2) if x not in bad]
        assert {row.sequence for row in result.report.rejected} == ({1, 3} if bad == {0} else {1, 2, 3, 4})


class TestBackpressure:
    def pulled_while_the_first_row_is_held(self, run, least, rows_per_edge, nodes):
        """Run nodes behind a long source; the last holds its first row until the source was pulled so far."""
        pulled, full = [], []

        def source():
            for number in range(10 * least):
                pulled.append(number)
                yield number

        def held(x):
            if x == 0:
                deadline = time.monotonic() + 20
                while len(pulled) < least and time.monotonic() < deadline:
                    time.sleep(0.001)
                time.sleep(0.05)
                full.append(len(pulled))

        assert run(Graph(source, *nodes(held)), rows_per_edge=rows_per_edge).exit_code == 0
        assert len(pulled) == 10 * least
        return full[0]

    @pytest.mark.parametrize("rows_per_edge", [1, 5, 128])
    @pytest.mark.parametrize("hops", [0, 2])
    def test_a_source_is_pulled_only_as_far_as_the_edges_hold(self, run, rows_per_edge, hops):
        # A channel before each node, and a row in the hands of each node and of the source.
        bound = (rows_per_edge + 1) * (hops + 1) + 1
        least = rows_per_edge * (hops + 1) // 2
        pulled = self.pulled_while_the_first_row_is_held(
            run, max(least, 1), rows_per_edge, lambda held: [*[lambda x: x] * hops, held]
        )
        assert least <= pulled <= bound

    def test_a_parallel_node_takes_no_more_than_its_line_holds(self, run):
        n, rows_per_edge = 4, 8
        line = n + AHEAD
        pulled = self.pulled_while_the_first_row_is_held(
            run, line, rows_per_edge, lambda held: [parallel(held, n)]
        )
        assert line <= pulled <= line + rows_per_edge + 1

    def test_a_row_is_handed_over_at_once_and_not_when_a_batch_is_full(self, run, gate):
        def source():
            yield 1
            gate.wait()

        assert run(Graph(source, lambda x: x, lambda x: gate.open())).exit_code == 0
