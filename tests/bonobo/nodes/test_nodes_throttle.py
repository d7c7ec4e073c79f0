"""RateLimited: a bucket of tokens on a clock of the test's own, and a node that takes from one."""

import threading
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

import bonobo
from bonobo.nodes.throttle import Bucket
from bonobo.testing import run_node


def times_of(initial, period, amount, arrivals):
    """When each of the rows that arrive gets its token."""
    now = Fraction(0)

    def sleep(seconds):
        nonlocal now
        assert 0 < seconds <= period
        now += seconds

    bucket = Bucket(initial, Fraction(period), amount, sleep=sleep, clock=lambda: now)
    taken = []
    for arrival in arrivals:
        now = max(now, Fraction(arrival))
        bucket.wait()
        taken.append(now)
    return taken


def test_a_burst_and_then_one_a_period():
    assert times_of(3, 2, 1, [0] * 6) == [0, 0, 0, 2, 4, 6]


def test_several_a_period():
    assert times_of(1, 1, 3, [0] * 8) == [0, 1, 1, 1, 2, 2, 2, 3]


def test_what_is_not_taken_is_kept_up_to_the_capacity():
    assert times_of(2, 1, 1, [0, 0, 100, 100, 100]) == [0, 0, 100, 100, 101]


@given(
    initial=st.integers(1, 5),
    period=st.fractions(Fraction(1, 10), 3),
    amount=st.integers(1, 5),
    gaps=st.lists(st.fractions(0, 3), min_size=1, max_size=30),
)
def test_never_more_than_the_rate(initial, period, amount, gaps):
    arrivals = [sum(gaps[: place + 1]) for place in range(len(gaps))]
    taken = times_of(initial, period, amount, arrivals)
    assert taken == sorted(taken)
    for first, start in enumerate(taken):
        for last in range(first, len(taken)):
            periods = (taken[last] - start) // period + 1
            assert last - first + 1 <= max(initial, amount) + periods * amount


def test_the_handler_is_called_with_the_node_and_the_row():
    def joined(self, *row):
        yield self.initial, *row

    node = bonobo.RateLimited(joined, 10, 0.5, 2)
    assert (node.initial, node.period, node.amount) == (10, 0.5, 2)
    assert run_node(node, (1, 2), ("a",)).rows == [(10, 1, 2), (10, "a")]


def test_it_decorates():
    @bonobo.RateLimited
    def once(self, x):
        return x + 1

    assert (once.initial, once.period, once.amount) == (1, 1, 1)
    assert run_node(once, 1).rows == [(2,)]


def test_rows_wait_and_keep_their_order_in_many_threads():
    node = bonobo.RateLimited(lambda self, x: x, initial=1, period=0.001, amount=1)
    assert run_node(bonobo.parallel(node, 8), *range(40)).rows == [(x,) for x in range(40)]


def test_a_wait_ends_with_the_run(run, gate):
    """Without that the run would wait for an hour, and the test for its deadline."""

    def rows():
        yield from range(3)
        gate.wait()
        raise SystemExit(9)

    def handler(self, x):
        gate.open()
        return x

    node = bonobo.RateLimited(handler, period=3600)
    report = run(bonobo.Graph(rows, bonobo.parallel(node, 2)))
    assert (report.exit_code, report.abandoned) == (9, 0)


def test_threads_wait_side_by_side(run_graph):
    """A node with state has one thread at work; this one has as many as it is allowed."""
    inside = threading.Barrier(4, timeout=20)
    node = bonobo.parallel(bonobo.RateLimited(lambda self, x: inside.wait(), initial=8), 4)
    assert len(run_graph(bonobo.Graph(range(8), node)).rows) == 8


@pytest.mark.parametrize("options", [{"initial": 0}, {"amount": -1}, {"period": 0}, {"period": "inf"}])
def test_rates_that_let_nothing_pass_are_refused(options):
    with pytest.raises(ValueError, match="must be"):
        bonobo.RateLimited(lambda self, x: x, **options)
