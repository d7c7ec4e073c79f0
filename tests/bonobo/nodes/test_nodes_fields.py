"""Nodes on named fields: what they make of rows, and errors that name the field and never its value."""

from collections import namedtuple

import pytest

import bonobo
from bonobo.testing import run_node

Person = namedtuple("Person", "name age")
ADA, GRACE = Person("Ada", 36), Person("Grace", 85)


def made(node, *rows):
    """Rows as lists of pairs, so that names and order count."""
    return [list(zip(row._fields, row, strict=True)) for row in run_node(node, *rows).rows]


def failure(node, *rows):
    (error,) = run_node(node, *rows, check=False).errors
    assert "Ada" not in str(error)
    return str(error)


def test_set_fields_names_what_comes():
    assert made(bonobo.SetFields(["a", "b c"]), (1, 2), (3, 4)) == [
        [("a", 1), ("b c", 2)],
        [("a", 3), ("b c", 4)],
    ]
    assert made(bonobo.SetFields(name for name in "ab"), ADA) == [[("a", "Ada"), ("b", 36)]]


def test_set_fields_refuses_rows_of_another_length():
    assert failure(bonobo.SetFields(["a"]), ADA) == "SetFields names 1 fields, and the row has 2"


@pytest.mark.parametrize("factory", [bonobo.SetFields, bonobo.OrderFields])
def test_names_are_several(factory):
    with pytest.raises(TypeError, match="not one string"):
        factory("name")


def test_names_are_different():
    with pytest.raises(ValueError, match="'a'"):
        bonobo.SetFields(["a", "b", "a"])


def test_order_fields_puts_some_first_and_sorts_the_others():
    node = bonobo.OrderFields(["c", "a"])
    row = namedtuple("Row", "e a d c b")(*"EADCB")
    assert made(node, row) == [[("c", "C"), ("a", "A"), ("b", "B"), ("d", "D"), ("e", "E")]]


def test_order_fields_needs_the_fields():
    assert failure(bonobo.OrderFields(["age", "size"]), ADA) == (
        "OrderFields: the row has no field 'size'; it has 'name', 'age'"
    )


def test_rename():
    assert made(bonobo.Rename(years="age"), ADA, GRACE) == [
        [("name", "Ada"), ("years", 36)],
        [("name", "Grace"), ("years", 85)],
    ]


def test_rename_can_exchange_names():
    assert made(bonobo.Rename(age="name", name="age"), ADA) == [[("age", "Ada"), ("name", 36)]]


def test_rename_needs_the_fields_and_keeps_them_apart():
    assert failure(bonobo.Rename(a="size"), ADA).startswith("Rename: the row has no field 'size'")
    assert "'name'" in failure(bonobo.Rename(name="age"), ADA)


def test_rename_follows_rows_whose_fields_change():
    node = bonobo.Rename(id="name")
    other = namedtuple("Other", "size name")(9, "Joan")
    assert made(node, ADA, other, GRACE) == [
        [("id", "Ada"), ("age", 36)],
        [("size", 9), ("id", "Joan")],
        [("id", "Grace"), ("age", 85)],
    ]


def test_format_replaces_and_adds():
    node = bonobo.Format(age="{age:>4}", label="{name}/{age}", name="<{name}>")
    assert made(node, ADA) == [[("name", "<Ada>"), ("age", "  36"), ("label", "Ada/36")]]


def test_format_reaches_into_values():
    node = bonobo.Format(age="{age.imag}", name="{name[0]}!")
    assert made(node, ADA) == [[("name", "A!"), ("age", "0")]]


def test_format_needs_the_fields():
    assert (
        failure(bonobo.Format(label="{size}"), ADA)
        == "Format: the row has no field 'size'; it has 'name', 'age'"
    )


def test_format_takes_fields_that_are_no_identifiers(run_graph):
    graph = bonobo.Graph(
        [("Ada", 1)], bonobo.SetFields(["full name", "class"]), bonobo.Format(x="{full name} {class}")
    )
    assert [row.x for row in run_graph(graph).rows] == ["Ada 1"]


@pytest.mark.parametrize(
    "node",
    [
        bonobo.OrderFields(["a"]),
        bonobo.Rename(a="b"),
        bonobo.Format(a="{b}"),
        bonobo.MapFields(str, lambda name: True),
    ],
    ids=lambda node: node.__name__.partition("(")[0],
)
def test_rows_without_names_are_refused(node):
    assert failure(node, ("Ada", 36)).endswith("needs rows with named fields; put SetFields before it")


@pytest.mark.parametrize(
    ("key", "expected"),
    [(True, (2, 4)), (False, (1, 2)), (lambda name: name == "age", (1, 4))],
    ids=["all", "none", "some"],
)
def test_map_fields(key, expected):
    assert made(bonobo.MapFields(lambda x: 2 * x, key), Person(1, 2)) == [
        list(zip(Person._fields, expected, strict=True))
    ]


def test_map_fields_of_rows_without_names():
    assert run_node(bonobo.MapFields(str), (1, None), ()).rows == [("1", "None"), ()]
    assert run_node(bonobo.MapFields(str, key=False), (1, None)).rows == [(1, None)]


def test_unpack_names_fields_after_the_first_row():
    rows = made(bonobo.UnpackItems(0, defaults={"b": "?"}), {"a": 1, "b": 2}, {"c": 9, "a": 3}, {})
    assert rows == [[("a", 1), ("b", 2)], [("a", 3), ("b", "?")], [("a", None), ("b", "?")]]


def test_unpack_several_items():
    node = bonobo.UnpackItems(0, 2)
    assert made(node, ({"a": 1}, "between", {"b": 2}), ({"a": 3, "b": 4}, None, {})) == [
        [("a", 1), ("b", 2)],
        [("a", 3), ("b", 4)],
    ]
    assert "'a'" in failure(bonobo.UnpackItems(0, 1), ({"a": 1}, {"a": 2}))


def test_unpack_given_fields():
    node = bonobo.UnpackItems(0, 1, fields=["b", "a", "c"], defaults={"c": 0})
    assert made(node, ({"a": 1}, {"b": 2, "a": 9})) == [[("b", 2), ("a", 1), ("c", 0)]]


def test_unpack_needs_mappings():
    assert (
        failure(bonobo.UnpackItems(1), ({}, "Ada"))
        == "UnpackItems: there is no mapping at position 1 of the row"
    )


@pytest.mark.parametrize(
    ("node", "rows"),
    [
        (bonobo.UnpackItems(0), [[{"a": 1}], [{"b": 2}]]),
        (bonobo.Format(x="{name}"), [[ADA], [namedtuple("Other", "name")("B")]]),
        (bonobo.Rename(x="name"), [[ADA], [namedtuple("Other", "name")("B")]]),
    ],
    ids=["UnpackItems", "Format", "Rename"],
)
def test_runs_share_nothing(node, rows):
    alone = [made(node, *given) for given in rows]
    again = [made(node, *given) for given in reversed(rows)]
    assert alone == again[::-1]


@pytest.mark.parametrize(
    "node",
    [
        bonobo.SetFields(["a", "b"]),
        bonobo.OrderFields(["age"]),
        bonobo.Rename(years="age"),
        bonobo.Format(label="{name}"),
        bonobo.MapFields(str),
    ],
    ids=lambda node: node.__name__.partition("(")[0],
)
def test_they_may_be_parallel(node):
    rows = [Person(str(number), number) for number in range(200)]
    assert made(bonobo.parallel(node, 8), *rows) == made(node, *rows)


def test_they_are_named_after_their_arguments():
    nodes = [
        bonobo.SetFields(["a"]),
        bonobo.Rename(a="b"),
        bonobo.Format(a="{b}"),
        bonobo.UnpackItems(0, fields=["a"]),
        bonobo.OrderFields(fields=("a",)),
    ]
    assert [node.__name__ for node in nodes] == [
        "SetFields(['a'])",
        "Rename(a='b')",
        "Format(a='{b}')",
        "UnpackItems(0, fields=['a'])",
        "OrderFields(fields=('a',))",
    ]
