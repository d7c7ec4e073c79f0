"""A graph is a pure description: chains, references, forks, joins."""

import functools

import pytest

import bonobo
from bonobo import Graph, parallel
from bonobo.constants import BEGIN, END
from bonobo.graph import GraphRange, name_of


def a(): ...


def b(x): ...


def c(x): ...


def d(x): ...


def test_a_chain_by_index():
    graph = Graph(a, b, c)
    assert list(graph) == [a, b, c]
    assert len(graph) == 3
    assert graph[1] is b
    assert [graph.outputs_of(place) for place in (BEGIN, 0, 1, 2)] == [{0}, {1}, {2}, frozenset()]


def test_add_chain_says_what_it_added():
    graph = Graph(a)
    assert graph.add_chain(b, c, _input=a) == GraphRange(graph, 1, 2)
    assert graph.add_chain() == GraphRange(graph, None, None)


@pytest.mark.parametrize("reference", [1, "second", b])
def test_references_by_index_name_and_node(reference):
    graph = Graph(a)
    graph.add_chain(b, _input=0, _name="second")
    graph.add_chain(c, _input=reference)
    assert graph.outputs_of(reference) == {2}
    assert graph.index_of(reference) == 1


def test_a_parallel_node_is_found_by_itself_by_an_equal_one_and_by_what_it_wraps():
    node = parallel(b, 4)
    graph = Graph(a, node)
    assert graph.index_of(node) == graph.index_of(b) == graph.index_of(parallel(b, 4)) == 1


def test_a_bound_method_is_found_though_it_is_a_new_object_each_time():
    word = "word"
    assert Graph(a, word.count).index_of(word.count) == 1


def test_a_node_added_twice_is_found_where_it_came_first():
    assert Graph(a, b, b).index_of(b) == 1


@pytest.mark.parametrize("reference", [7, -1, "nobody", d, END, True])
@pytest.mark.parametrize("side", ["_input", "_output"])
def test_an_unknown_reference_changes_nothing(reference, side):
    graph = Graph(a)
    with pytest.raises(ValueError):
        graph.add_chain(b, **{side: reference, "_name": "b"})
    assert list(graph) == [a]
    assert graph.named == {}


def test_begin_cannot_be_fed():
    with pytest.raises(ValueError, match="BEGIN"):
        Graph(a).add_chain(b, _output=BEGIN)


def test_a_name_is_given_once():
    graph = Graph()
    graph.add_chain(a, _name="one")
    with pytest.raises(KeyError, match="one"):
        graph.add_chain(b, _name="one")
    assert list(graph) == [a]


def test_an_orphan_chain_is_fed_by_anothers_output():
    graph = Graph()
    graph.add_chain(c, d, _input=None, _name="store")
    graph.add_chain(a, _output="store")
    graph.add_chain(b, _output=c)
    assert graph.outputs_of(BEGIN) == {2, 3}
    assert graph.outputs_of(a) == graph.outputs_of(b) == {0}


def test_a_chain_without_nodes_joins_two_that_are_there():
    graph = Graph(a, b)
    graph.add_chain(c, _input=None)
    graph.add_chain(_input=b, _output=c)
    assert graph.outputs_of(b) == {2}


def test_shift_appends_forks_and_joins():
    graph = Graph()
    assert (graph >> a >> b >> c).last == 2
    graph.get_cursor(a) >> d >> c
    assert list(graph) == [a, b, c, d]
    assert [graph.outputs_of(node) for node in (BEGIN, a, b, d)] == [{0}, {1, 3}, {2}, {2}]


def test_a_cursor_without_a_place_begins_an_orphan():
    graph = Graph(a)
    graph.get_cursor(None) >> b >> c
    assert graph.outputs_of(BEGIN) == {0}
    assert graph.outputs_of(b) == {2}


def test_a_copy_does_not_follow():
    graph = Graph(a)
    copy = graph.copy()
    copy.add_chain(b, _input=a, _name="b")
    assert (len(graph), len(copy)) == (1, 2)
    assert graph.outputs_of(a) == frozenset()
    assert graph.named == {}


class Named:
    def __call__(self): ...


@pytest.mark.parametrize(
    ("node", "name"),
    [
        (a, "a"),
        (parallel(a, 2), "a"),
        (functools.partial(b, 1), "b"),
        (Named(), "Named"),
        (parallel(Named(), 2), "Named"),
        ([1], "list"),
        (print, "print"),
        (bonobo.SetFields(["a" * 100]), f"SetFields(['{'a' * 45}..."),
        (bonobo.SetFields(["a"]), "SetFields(['a'])"),
        (type("\x1b[31mred\n", (), {})(), r"\x1b[31mred\n"),
    ],
)
def test_names(node, name):
    assert name_of(node) == name


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ((a, 0), ValueError),
        ((a, -1), ValueError),
        ((a, 1.5), TypeError),
        ((a, True), TypeError),
        ((a, "many"), TypeError),
        ((a, 2, "key"), TypeError),
        ((parallel(a, 2), 2), TypeError),
    ],
)
def test_parallel_refuses(arguments, error):
    with pytest.raises(error):
        parallel(*arguments)


@pytest.mark.parametrize(
    "settings",
    [
        {"executor": "fork"},
        {"on_error": "ignore"},
        {"retries": -1},
        {"retries": 1.5},
        {"retries": True},
        {"backoff": -1},
        {"backoff": float("nan")},
        {"timeout": 0},
        {"timeout": float("inf")},
    ],
)
def test_parallel_refuses_settings(settings):
    with pytest.raises(ValueError):
        parallel(a, **settings)
