"""Whatever the graph, and whenever it is stopped or breaks: the run ends, and its counts add up."""

import io
import itertools
import signal
import threading
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

import bonobo.plan
from bonobo import BARRIER, Graph, parallel
from bonobo.console import Console
from bonobo.constants import BEGIN
from bonobo.session import Surroundings, surrounded
from bonobo.signals import SignalWatch

SILENT = Console(quiet=True, stream=io.StringIO())

patient = settings(
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@dataclass(frozen=True)
class Drawn:
    """One node: what it does, how many rows at once, by which key, and which earlier nodes feed it."""

    kind: str
    workers: int
    modulus: int | None
    inputs: tuple[int, ...]


@st.composite
def drawn_node(draw, index):
    return Drawn(
        kind=draw(st.sampled_from(["pass", "drop", "twice", "fail", "barrier", "returned_barrier"])),
        workers=draw(st.integers(1, 4)),
        modulus=draw(st.none() | st.integers(1, 3)),
        inputs=tuple(sorted(draw(st.sets(st.integers(0, index - 1), max_size=2)))) if index else (),
    )


def graphs():
    return st.integers(1, 6).flatmap(lambda size: st.tuples(*(drawn_node(index) for index in range(size))))


def doing(kind):
    def generator(x):
        yield x
        if kind == "twice":
            yield x
        if kind == "barrier" and x % 3 == 0:
            yield BARRIER
        if kind == "fail" and x % 4 == 0:
            raise ValueError

    def function(x):
        if kind == "returned_barrier" and x % 5 == 0:
            return BARRIER
        return None if kind == "drop" and x % 2 else generator(x)

    return function


def build(drawn, rows, breaks):
    """A graph with a source before each node that nothing else feeds; `breaks(x)` runs in the last node."""
    graph = Graph()
    for index, node in enumerate(drawn):
        work = doing(node.kind)
        if index == len(drawn) - 1:

            def work(x, work=work):
                breaks(x)
                return work(x)

        modulus = node.modulus
        key = None if modulus is None else lambda x, modulus=modulus: x % modulus
        graph.add_chain(parallel(work, node.workers, key=key), _input=None, _name=f"node {index}")
    for index, node in enumerate(drawn):
        for source in node.inputs:
            graph.add_chain(_input=f"node {source}", _output=f"node {index}")
        if not node.inputs:

            def source():
                for x in itertools.count() if rows is None else range(rows):
                    yield x
                    if x % 7 == 6:
                        yield BARRIER

            graph.add_chain(source, _output=f"node {index}")
    return graph


def counts_add_up(graph, report):
    """Every row that a node emitted was taken by each of its outputs, unless the output was cut short."""
    by_index = dict(
        zip((node.index for node in bonobo.plan.make_plan(graph).nodes), report.nodes, strict=True)
    )
    for index, node in by_index.items():
        given = sum(by_index[other].rows_out for other in by_index if index in graph.outputs_of(other))
        given += index in graph.outputs_of(BEGIN)
        assert node.rows_in == given if node.state == "done" else node.rows_in <= given
    fatal = sum(node.state == "failed" for node in report.nodes)
    assert report.rejected_count == sum(node.errors for node in report.nodes) - fatal


@patient
@given(drawn=graphs(), rows=st.integers(0, 20), rows_per_edge=st.integers(1, 4))
def test_a_run_that_nothing_ends(run, drawn, rows, rows_per_edge):
    graph = build(drawn, rows, lambda x: None)
    report = run(graph, rows_per_edge=rows_per_edge)
    assert report.fatal is None
    assert {node.state for node in report.nodes} == {"done"}
    counts_add_up(graph, report)


@patient
@given(drawn=graphs(), after=st.integers(0, 60), rows_per_edge=st.integers(1, 4), bounded=st.booleans())
def test_a_fatal_error_at_any_moment(run, drawn, after, rows_per_edge, bounded):
    countdown = itertools.count(after, -1)

    def breaks(x):
        if next(countdown) == 0:
            raise SystemExit(9)

    graph = build(drawn, 30 if bounded else None, breaks)
    report = run(graph, rows_per_edge=rows_per_edge)
    event(f"exit code {report.exit_code}")
    assert report.abandoned == 0
    if report.fatal is not None:
        assert report.exit_code == 9
        assert [node.state for node in report.nodes].count("failed") == 1
    counts_add_up(graph, report)


@pytest.mark.parametrize("drain", ["0", "20"])
@patient
@given(drawn=graphs(), after=st.integers(0, 60), rows_per_edge=st.integers(1, 4))
def test_a_stop_at_any_moment(in_time, monkeypatch, drain, drawn, after, rows_per_edge):
    monkeypatch.setenv("BONOBO_DRAIN", drain)
    countdown = itertools.count(after, -1)
    watch = SignalWatch()
    stopped = threading.Lock()

    def stop(x):
        # The second signal of one run would leave the process.
        if next(countdown) <= 0 and stopped.acquire(blocking=False):
            watch._handle(signal.SIGTERM, None)

    graph = build(drawn, None, stop)

    def under_a_watch(**keywords):
        with surrounded(Surroundings(SILENT, watch=watch)):
            return bonobo.run(graph, **keywords)

    report = in_time(under_a_watch, rows_per_edge=rows_per_edge)
    assert report.exit_code == 143
    assert report.abandoned == 0
    assert {node.state for node in report.nodes} <= {"done", "stopped"}
    counts_add_up(graph, report)
    if drain == "20":
        sources = [node for node in report.nodes if node.name == "source"]
        assert all(node.state == "stopped" for node in sources)
        assert all(node.state == "done" for node in report.nodes if node.name != "source")
