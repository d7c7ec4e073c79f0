"""What can leave a process is what a graph says is parallel or pure; what cannot is refused, by name."""

import pytest

from bonobo import Graph, Limit, identity, parallel, use
from bonobo.config import use_context_processor
from bonobo.division import divide
from bonobo.errors import GraphError
from bonobo.plan import START, make_plan


def source(): ...


def first(x): ...


def second(x): ...


def third(x): ...


def pure(x): ...


def sink(x): ...


@use("ledger")
def sequential(x, ledger): ...


def counting(node, context):
    yield []


@use_context_processor(counting)
def stateful(seen, x): ...


def division(*nodes):
    return divide(make_plan(Graph(*nodes)))


def names(segment):
    return [node.name for node in segment.nodes]


def test_what_is_parallel_leaves_with_what_is_pure_beside_it():
    parted = division(source, parallel(first), pure, parallel(second, 4, key=len), pure, sequential, sink)
    (segment,) = parted.segments.values()
    assert names(segment) == ["first", "pure", "second", "pure"]
    assert [node.name for node in parted.plan.nodes] == [
        "source",
        "first > pure > second > pure",
        "sequential",
        "sink",
    ]


def test_rows_meet_where_a_node_has_a_key():
    parted = division(
        source, parallel(first), parallel(second, 2, key=len), pure, parallel(third, key=len), sink
    )
    (segment,) = parted.segments.values()
    assert [[node.name for node in stage] for stage in segment.stages] == [
        ["first"],
        ["second", "pure"],
        ["third"],
    ]


def test_the_rest_of_the_plan_is_joined_to_what_stands_for_a_segment():
    graph = Graph(source, parallel(first), parallel(second), sink)
    graph.add_chain(sequential, _input=source)
    parted = divide(make_plan(graph))
    begin, segment, end, other = parted.plan.nodes
    assert (begin.inputs, begin.outputs, begin.downstream) == ({START}, (1, 4), {1, 3, 4})
    assert (segment.index, segment.inputs, segment.outputs, segment.downstream) == (1, {0}, (3,), {3})
    assert (end.inputs, other.inputs) == ({1}, {0})


def test_branches_leave_each_by_itself():
    graph = Graph(sink)
    graph.add_chain(source, parallel(first), _output=sink)
    graph.add_chain(lambda: None, parallel(second), pure, _output=sink)
    assert [names(segment) for segment in divide(make_plan(graph)).segments.values()] == [
        ["first"],
        ["second", "pure"],
    ]


def test_whoever_feeds_nobody_is_there_for_its_effect():
    (segment,) = division(source, parallel(first), print).segments.values()
    assert names(segment) == ["first"]
    (segment,) = division(source, parallel(first)).segments.values()
    assert names(segment) == ["first"]


@pytest.mark.parametrize("node", [sequential, stateful, parallel(stateful), Limit(3)])
def test_a_sequential_or_stateful_node_between_parallel_ones_is_refused_by_name(node):
    shown = getattr(getattr(node, "node", node), "__name__", "Limit")
    with pytest.raises(GraphError, match=f"between parallel nodes: {shown} .*between first and second"):
        division(source, parallel(first), node, parallel(second), sink)


def test_it_is_refused_also_behind_a_pure_one():
    with pytest.raises(GraphError, match=r"between parallel nodes: sequential \(between pure and second"):
        division(source, parallel(first), pure, sequential, pure, parallel(second), sink)


def test_in_front_of_the_first_and_behind_the_last_it_stays():
    parted = division(source, sequential, stateful, parallel(first), stateful, sequential)
    assert [names(segment) for segment in parted.segments.values()] == [["first"]]


def test_rows_that_fork_or_meet_between_parallel_nodes_are_refused():
    forked = Graph(source, parallel(first), parallel(second), sink)
    forked.add_chain(parallel(third), sink, _input=first)
    with pytest.raises(GraphError, match="fork or meet between the parallel nodes first and second"):
        divide(make_plan(forked))


def test_without_anything_parallel_there_is_nothing_to_leave():
    with pytest.raises(GraphError, match="no node is parallel"):
        division(source, identity, parallel(stateful), sink)


def test_a_parallel_node_with_state_is_named_where_nothing_else_could_leave():
    with pytest.raises(GraphError, match="with state, and therefore not parallel: Limit;"):
        divide(make_plan(Graph(source, parallel(Limit(3)), first)))


def test_dead_letters_are_asked_for_where_the_run_is():
    parted = division(source, parallel(first), parallel(second, on_error="dead_letter"), sink)
    assert parted.plan.required == {"dead_letters"}


def test_the_services_of_a_segment_are_not_asked_for_here():
    parted = division(source, parallel(sequential), sink)
    assert parted.plan.required == frozenset()
