"""What is wrong with a graph is found before row one, by name."""

import functools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bonobo import Graph, parallel, use
from bonobo.config import Configurable
from bonobo.config.declarations import declaration_of
from bonobo.errors import GraphError, MissingService
from bonobo.plan import START, make_plan


def a(): ...


def b(x): ...


def c(x): ...


def test_a_plan_says_all_that_a_runner_needs():
    graph = Graph(a, parallel(b, 3, key=len))
    graph.add_chain(c, _input=a)
    first, second, third = make_plan(graph).nodes
    assert (first.name, first.inputs, first.outputs, first.downstream) == ("a", {START}, (1, 2), {1, 2})
    assert (second.target, second.workers, second.settings.key, second.inputs) == (b, 3, len, {0})
    assert (third.workers, third.settings.key, third.outputs, third.downstream) == (1, None, (), frozenset())


async def coroutine(x): ...


async def generator(x):
    yield x


class Asynchronous:
    async def __call__(self, x): ...


class AsynchronousNode(Configurable):
    async def __call__(self, x):
        yield x


@pytest.mark.parametrize(
    ("node", "name"),
    [
        (coroutine, "coroutine"),
        (generator, "generator"),
        (Asynchronous(), "Asynchronous"),
        (Asynchronous().__call__, "__call__"),
        (AsynchronousNode(), "AsynchronousNode"),
        (functools.partial(coroutine, 1), "coroutine"),
        (parallel(coroutine, 2), "coroutine"),
        (use("store")(coroutine), "coroutine"),
    ],
)
def test_nothing_awaits_a_node(node, name):
    with pytest.raises(GraphError, match=f"^asynchronous: {name}; a node is called in a thread"):
        make_plan(Graph(a, node))


def test_a_node_may_be_fed_by_begin_and_by_others():
    graph = Graph(a, b)
    graph.add_chain(_output=b)
    assert make_plan(graph).nodes[1].inputs == {START, 0}


@pytest.mark.parametrize("graph", [Graph(), "no graph", None])
def test_there_must_be_a_graph_with_nodes(graph):
    with pytest.raises(GraphError):
        make_plan(graph)


def test_a_cycle_is_named():
    graph = Graph(a, b, c)
    graph.add_chain(_input=c, _output=b)
    with pytest.raises(GraphError, match="cycle among b, c"):
        make_plan(graph)


def test_a_node_that_feeds_itself_is_a_cycle():
    graph = Graph(a)
    graph.add_chain(_input=a, _output=a)
    with pytest.raises(GraphError, match="cycle"):
        make_plan(graph)


def test_what_nothing_feeds_is_named():
    graph = Graph(a)
    graph.add_chain(b, c, _input=None)
    with pytest.raises(GraphError, match="nothing feeds b;"):
        make_plan(graph)


def test_what_is_no_node_is_named():
    with pytest.raises(GraphError, match="neither callable nor iterable: int, object"):
        make_plan(Graph(a, 5, parallel(object(), 2)))


def test_missing_services_are_all_named():
    @use("store", "clock")
    def first(*, store, clock): ...

    @use("store")
    def second(x, *, store): ...

    @use("clock")
    def third(x, *, clock): ...

    plan = make_plan(Graph(first, second, third))
    plan.require({"store", "clock"})
    with pytest.raises(MissingService, match=r"missing services: store \(used by first, second\)") as caught:
        plan.require({"clock"})
    assert caught.value.names == ("store",)
    with pytest.raises(MissingService) as caught:
        plan.require({})
    assert caught.value.names == ("clock", "store")


class TestUse:
    def test_adds_up_without_repeating(self):
        @use("b", "a")
        @use("a")
        def node(*, a, b): ...

        assert list(declaration_of(node).services) == ["a", "b"]

    def test_reaches_partials_methods_and_instances(self):
        @use("store")
        class Node:
            def __call__(self, *, store): ...

            @use("clock")
            def method(self, *, clock): ...

        @use("store")
        def node(x, *, store): ...

        assert list(declaration_of(functools.partial(functools.partial(node), 1)).services) == ["store"]
        assert list(declaration_of(Node()).services) == ["store"]
        assert list(declaration_of(Node().method).services) == ["clock"]
        assert not declaration_of(print).services

    def test_refuses_a_node_that_can_hold_no_declaration(self):
        with pytest.raises(TypeError, match="wrap it"):
            use("store")(print)

    @pytest.mark.parametrize("name", ["", "two words", "a.", "3a", 3])
    def test_refuses_what_is_no_name(self, name):
        with pytest.raises(ValueError):
            use(name)


@given(st.sets(st.tuples(st.integers(0, 7), st.integers(0, 7)).filter(lambda edge: edge[0] < edge[1])))
def test_every_graph_without_a_cycle_is_ordered(edges):
    # Nodes are added in an order that is not the order of the plan.
    shuffled = [5, 2, 7, 0, 3, 6, 1, 4]
    graph = Graph()
    for number in shuffled:
        graph.add_chain(functools.partial(b, number))
    for source, target in edges:
        graph.add_chain(_input=shuffled.index(source), _output=shuffled.index(target))
    nodes = make_plan(graph).nodes
    position = {node.index: place for place, node in enumerate(nodes)}
    assert sorted(position) == list(range(8))
    for node in nodes:
        reached = set(node.outputs).union(*(nodes[position[output]].downstream for output in node.outputs))
        assert node.downstream == reached
        assert all(position[node.index] < position[output] for output in node.outputs)
