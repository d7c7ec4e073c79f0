"""Limit, Filter, Tee, FixedWindow, count, identity and noop: what comes out; runs share nothing."""

import threading

import pytest

import bonobo
from bonobo.config import use_raw_input
from bonobo.constants import NOT_MODIFIED
from bonobo.testing import run_node


def named(*rows):
    """A source of rows with the fields x and y."""
    return bonobo.Graph(list(rows), bonobo.SetFields(["x", "y"]))


def behind(graph, *nodes):
    graph.add_chain(*nodes, _input=len(graph) - 1)
    return graph


def test_identity_and_noop_pass_rows_on():
    assert run_node(bonobo.identity, 0, None, [1]).rows == [(0,), ([1],)]
    assert run_node(bonobo.noop, (), (1,), (1, 2), ("", None)).rows == [(), (1,), (1, 2), ("", None)]
    with pytest.raises(TypeError):
        run_node(bonobo.identity, (1, 2))


def test_noop_keeps_names(run_graph):
    (row,) = run_graph(behind(named((1, 2)), bonobo.noop)).rows
    assert row._fields == ("x", "y")


@pytest.mark.parametrize(("given", "passed"), [((), 10), ((0,), 0), ((3,), 3), (("4",), 4), ((99,), 20)])
def test_limit_passes_the_first_rows(given, passed):
    assert run_node(bonobo.Limit(*given), *range(20)).rows == [(x,) for x in range(passed)]


def test_limit_takes_in_every_row():
    result = run_node(bonobo.Limit(limit=3), *range(20))
    assert [(node.rows_in, node.rows_out) for node in result.report.nodes[1:2]] == [(20, 3)]


def test_limit_counts_anew_in_each_run_and_place(run_graph):
    limit = bonobo.Limit(2)
    graph = bonobo.Graph(range(5), limit)
    graph.add_chain(range(5, 10), limit)
    for _ in range(2):
        assert sorted(run_graph(graph).rows) == [(0,), (1,), (5,), (6,)]


def test_limit_is_exact_where_it_is_parallel():
    assert run_node(bonobo.parallel(bonobo.Limit(50), 8), *range(200)).rows == [(x,) for x in range(50)]


def test_count(run_graph):
    assert run_node(bonobo.count, *range(7)).rows == [(7,)]
    nothing = bonobo.Graph([1, 2], bonobo.Filter(lambda self, x: False), bonobo.count)
    assert run_graph(nothing).rows == [(0,)]
    for _ in range(2):
        assert run_graph(bonobo.Graph(range(3), bonobo.count)).rows == [(3,)]


def test_count_counts_each_place_for_itself(run_graph):
    graph = bonobo.Graph(range(3), bonobo.count)
    graph.add_chain(range(5), bonobo.count)
    assert sorted(run_graph(graph).rows) == [(3,), (5,)]


def test_tee_calls_and_passes_on():
    seen = []
    assert run_node(bonobo.Tee(lambda *row: seen.append(row)), (1, 2), (3, 4)).rows == [(1, 2), (3, 4)]
    assert seen == [(1, 2), (3, 4)]


def test_tee_is_named_after_its_function_and_keeps_its_declarations():
    @bonobo.Tee
    @bonobo.use("seen")
    @use_raw_input
    def remember(row, *, seen):
        """Remember a row."""
        seen.append(row)
        return "lost"

    seen = []
    assert run_node(remember, (1, 2), services={"seen": seen}).rows == [(1, 2)]
    assert seen == [(1, 2)]
    assert (remember.__name__, remember.__doc__) == ("remember", "Remember a row.")


def test_tee_lets_errors_through():
    result = run_node(bonobo.Tee(lambda x: 1 / x), 1, 0, 2, check=False)
    assert result.rows == [(1,), (2,)]
    assert [type(error) for error in result.errors] == [ZeroDivisionError]


class Small(bonobo.Filter):
    def filter(self, x):
        return x < 3


@bonobo.Filter
def small(self, x):
    return x < 3


@pytest.mark.parametrize(
    "node",
    [Small(), small, bonobo.Filter(lambda self, x: x < 3), bonobo.Filter(filter=lambda self, x: x < 3)],
)
def test_filter_in_each_of_its_forms(node):
    assert run_node(node, *range(5)).rows == [(0,), (1,), (2,)]


@pytest.mark.parametrize(
    ("answer", "rows"), [([], []), (0, []), (None, []), ("no", [(1,)]), (NOT_MODIFIED, [(1,)])]
)
def test_filter_asks_for_truth(answer, rows):
    assert run_node(bonobo.Filter(lambda self, x: answer), 1).rows == rows


def test_filter_keeps_names_and_order_where_it_is_parallel(run_graph):
    node = bonobo.parallel(bonobo.Filter(lambda self, x, y: x % 3), 8)
    rows = run_graph(behind(named(*((x, -x) for x in range(100))), node)).rows
    assert rows == [(x, -x) for x in range(100) if x % 3]
    assert {row._fields for row in rows} == {("x", "y")}


@pytest.mark.parametrize(
    ("length", "windows"),
    [
        (1, [(0,), (1,), (2,), (3,), (4,)]),
        (2, [(0, 1), (2, 3), (4, None)]),
        ("3", [(0, 1, 2), (3, 4, None)]),
        (5, [(0, 1, 2, 3, 4)]),
        (7, [(0, 1, 2, 3, 4, None, None)]),
    ],
)
def test_windows(length, windows):
    assert run_node(bonobo.FixedWindow(length), *range(5)).rows == windows


def test_windows_hold_rows_of_several_fields_as_rows(run_graph):
    assert run_node(bonobo.FixedWindow(2), (1, 2), (3, 4), ()).rows == [((1, 2), (3, 4)), ((), None)]
    ((first, second),) = run_graph(behind(named((1, 2), (3, 4)), bonobo.FixedWindow(2))).rows
    assert (first.x, second.y) == (1, 4)


def test_windows_of_no_rows(run_graph):
    graph = bonobo.Graph([1], bonobo.Filter(lambda self, x: False), bonobo.FixedWindow(2))
    assert run_graph(graph).rows == []


@pytest.mark.parametrize("length", [0, -1, "two"])
def test_windows_have_a_length(length):
    with pytest.raises(ValueError, match=r"window|invalid literal"):
        bonobo.FixedWindow(length)


def test_windows_are_whole_where_the_node_is_parallel():
    rows = run_node(bonobo.parallel(bonobo.FixedWindow(10), 8), *range(100)).rows
    assert rows == [tuple(range(start, start + 10)) for start in range(0, 100, 10)]


def test_nodes_without_state_run_in_many_threads():
    together = threading.Barrier(4, timeout=20)
    node = bonobo.parallel(bonobo.Tee(lambda x: together.wait()), 4)
    assert run_node(node, *range(8)).rows == [(x,) for x in range(8)]
