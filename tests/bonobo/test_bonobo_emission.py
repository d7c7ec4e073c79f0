"""The emission table, row by row: through the pure function, and through a running node."""

import pytest

from bonobo import BARRIER
from bonobo.constants import BEGIN, INHERIT, NOT_MODIFIED, Flag
from bonobo.emission import row_of
from bonobo.rows import row_type
from bonobo.testing import run_node

SOURCE = (1, "a")
ITERATOR = iter([1, 2])


class Pair(tuple):
    __slots__ = ()


YIELDED = [
    (None, ()),
    ((), ()),
    (0, (0,)),
    ("", ("",)),
    (False, (False,)),
    ([], ([],)),
    ("word", ("word",)),
    ([1, 2], ([1, 2],)),
    ({"k": 1}, ({"k": 1},)),
    (ITERATOR, (ITERATOR,)),
    ((1, 2), (1, 2)),
    ((None,), (None,)),
    ((1, (2, 3)), (1, (2, 3))),
    (Pair((1, 2)), Pair((1, 2))),
    (NOT_MODIFIED, SOURCE),
    ((NOT_MODIFIED,), SOURCE),
    (INHERIT, SOURCE),
    ((INHERIT, 9), (1, "a", 9)),
    ((INHERIT, 9, None), (1, "a", 9, None)),
    ((INHERIT, (8, 9)), (1, "a", (8, 9))),
    ([NOT_MODIFIED], ([NOT_MODIFIED],)),
    ((3, INHERIT), (3, INHERIT)),
    (BEGIN, (BEGIN,)),
]


@pytest.mark.parametrize(("value", "row"), YIELDED)
def test_a_value_is_a_row(value, row):
    assert row_of(value, SOURCE) == row
    assert type(row_of(value, SOURCE)) is type(row)


@pytest.mark.parametrize(("value", "row"), YIELDED)
def test_yielded(value, row):
    def node(*fields):
        yield value

    assert run_node(node, SOURCE).rows == [row]


@pytest.mark.parametrize(("value", "row"), YIELDED)
def test_returned(value, row):
    def node(*fields):
        return value

    assert run_node(node, SOURCE).rows == ([] if value is None else [row])


@pytest.mark.parametrize("value", [BARRIER, (BARRIER,)])
def test_a_barrier_is_no_row(value):
    assert row_of(value, SOURCE) is BARRIER
    result = run_node(lambda *fields: value, SOURCE)
    assert result.rows == []
    assert result.report.nodes[1].rows_out == 0


@pytest.mark.parametrize(
    "value",
    [
        (NOT_MODIFIED, 3),
        (NOT_MODIFIED, INHERIT),
        (INHERIT, NOT_MODIFIED),
        (INHERIT, INHERIT),
        (BARRIER, 1),
        (INHERIT, BARRIER),
    ],
)
def test_flags_that_exclude_each_other_reject_the_row(value):
    with pytest.raises(ValueError, match="cannot be followed"):
        row_of(value, SOURCE)
    result = run_node(lambda *fields: value, SOURCE, check=False)
    assert (result.rows, result.report.rejected_count) == ([], 1)


def test_a_generator_object_gives_each_of_its_items():
    def node(n):
        return (number for number in range(n))

    assert run_node(node, 2, 0, 1).rows == [(0,), (1,), (0,)]


@pytest.mark.parametrize(
    ("node", "rows"),
    [
        ([1, (2, 3), None], [(1,), (2, 3), ()]),
        ("ab", [("a",), ("b",)]),
        ({"k": 1}, [("k",)]),
        (range(2), [(0,), (1,)]),
        ([NOT_MODIFIED, (INHERIT, 5)], [(7,), (7, 5)]),
    ],
)
def test_an_iterable_gives_its_items_once_per_input_row(node, rows):
    assert run_node(node, 7).rows == rows
    assert run_node(node, 7, 7).rows == rows * 2


def test_an_error_after_yields_keeps_the_earlier_rows_and_counts_once():
    def node(x):
        yield x
        yield x + 1
        raise ValueError

    result = run_node(node, 10, 20, check=False)
    assert result.rows == [(10,), (11,), (20,), (21,)]
    assert [type(error) for error in result.errors] == [ValueError, ValueError]
    assert (result.report.nodes[1].errors, result.report.nodes[1].rows_out) == (2, 4)


def test_a_source_gets_one_row_without_fields():
    assert run_node(lambda *fields: fields).rows == [()]


def test_tokens_stay_themselves():
    import copy

    for token in (NOT_MODIFIED, INHERIT, BARRIER, BEGIN):
        assert copy.deepcopy(token) is copy.copy(token) is token
    assert repr(INHERIT) == "<Inherit>"
    assert isinstance(BARRIER, Flag)
    assert not isinstance(BEGIN, Flag)


def test_a_named_row_keeps_its_names():
    named = row_type(["a", "b"])(*SOURCE)
    assert row_of(NOT_MODIFIED, named) is named
    inherited = row_of((INHERIT, 9), named)
    assert (inherited, inherited._fields) == ((1, "a", 9), ("a", "b", "0"))
    assert type(row_of((1, "a"), named)) is tuple
