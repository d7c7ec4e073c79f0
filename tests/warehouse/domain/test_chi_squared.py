"""The chi-squared test agrees with closed forms, with published values, and with itself."""

import doctest
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warehouse.domain import chi_squared
from warehouse.domain.chi_squared import ENOUGH, independence, merged, survival

STATISTICS = st.floats(0, 2000)
COUNTS = st.integers(1, 500)
TABLES = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), min_size=1, max_size=12)


def test_the_examples_hold():
    assert doctest.testmod(chi_squared) == (0, 4)


# Critical values of the chi-squared distribution, NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.6.7.4.
@pytest.mark.parametrize(
    ("degrees", "p", "statistic"),
    [
        (1, 0.05, 3.841),
        (1, 0.001, 10.828),
        (2, 0.01, 9.210),
        (5, 0.10, 9.236),
        (10, 0.05, 18.307),
        (10, 0.025, 20.483),
        (50, 0.01, 76.154),
        (100, 0.05, 124.342),
        (100, 0.001, 149.449),
    ],
)
def test_critical_values(degrees, p, statistic):
    assert survival(statistic, degrees) == pytest.approx(p, rel=2e-3)


@given(STATISTICS)
def test_closed_forms(x):
    assert survival(x, 1) == pytest.approx(math.erfc(math.sqrt(x / 2)), rel=1e-9, abs=1e-15)
    assert survival(x, 2) == pytest.approx(math.exp(-x / 2), rel=1e-9, abs=1e-15)
    assert survival(x, 4) == pytest.approx(math.exp(-x / 2) * (1 + x / 2), rel=1e-9, abs=1e-15)


@given(STATISTICS, STATISTICS, st.integers(1, 300))
def test_it_is_a_probability_that_falls(one, other, degrees):
    low, high = sorted((one, other))
    assert 0 <= survival(high, degrees) <= survival(low, degrees) + 1e-12 <= 1 + 1e-12


@given(STATISTICS, st.integers(1, 300))
def test_more_degrees_of_freedom_make_it_likelier(x, degrees):
    assert survival(x, degrees) <= survival(x, degrees + 1) + 1e-12


def test_the_ends_of_the_scale():
    assert survival(0, 7) == 1
    assert survival(math.inf, 7) == 0
    assert survival(1e6, 3) == 0
    assert survival(1e5, 100_000) == pytest.approx(0.4994, abs=1e-4)


@pytest.mark.parametrize(("statistic", "degrees"), [(-1, 1), (1, 0), (math.nan, 1)])
def test_what_is_no_statistic_is_refused(statistic, degrees):
    with pytest.raises(ValueError, match="not negative"):
        survival(statistic, degrees)


def test_sets_of_one_make_are_as_chance_has_them():
    assert independence([[30, 10], [60, 20], [90, 30]]).p == pytest.approx(1)


def test_sets_of_two_makes_are_not():
    result = independence([[100, 0], [0, 100]])
    assert (result.statistic, result.degrees) == (pytest.approx(200), 1)
    assert result.p < 1e-40


@given(st.lists(st.tuples(COUNTS, COUNTS, COUNTS), min_size=2, max_size=5))
def test_rows_and_columns_play_the_same_part(table):
    one, other = independence(table), independence(list(zip(*table, strict=True)))
    assert one.statistic == pytest.approx(other.statistic, rel=1e-9, abs=1e-9)
    assert one.degrees == other.degrees


@pytest.mark.parametrize("table", [[[1, 2]], [[1], [2]], [[1, 2], [0, 0]], [[1, 0], [2, 0]], []])
def test_what_cannot_be_tested_is_refused(table):
    with pytest.raises(ValueError, match="two rows and columns"):
        independence(table)


@given(TABLES)
def test_merging_accounts_for_every_row_and_observation(table):
    rows, small, observations = merged(table)
    total = sum(map(sum, table))
    kept = len(rows) - (len(rows) + small > sum(map(any, table)))
    assert kept + small == sum(map(any, table))
    assert sum(map(sum, rows[:kept])) + observations == total
    assert sum(map(sum, rows[kept:])) in (0, observations)


@given(TABLES)
def test_after_merging_enough_is_expected_in_each_cell(table):
    rows = merged(table).rows
    columns = [sum(column) for column in zip(*rows, strict=True)]
    total = sum(columns)
    assert all(sum(row) * column / total >= ENOUGH for row in rows for column in columns)


def test_what_is_large_enough_is_left_alone():
    assert merged([[20, 10], [50, 40], [10, 10]]) == ([[20, 10], [50, 40], [10, 10]], 0, 0)


def test_what_is_too_small_even_together_is_left_out():
    assert merged([[40, 40], [2, 1], [50, 40], [0, 1]]) == ([[40, 40], [50, 40]], 2, 4)
    assert merged([[2, 1], [0, 1]]) == ([], 2, 4)
