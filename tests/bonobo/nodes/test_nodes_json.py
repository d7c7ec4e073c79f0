"""JSON files: lists and lines, what rows become, and lists that are whole whatever happened."""

import json
import math
import uuid
from collections import namedtuple

import pytest

import bonobo
from bonobo.testing import run_node


@pytest.fixture
def fs():
    return bonobo.open_fs(f"memory://{uuid.uuid4()}", create=True)


def put(fs, text):
    with fs.open("a.json", "w") as file:
        file.write(text)


def content(fs):
    with fs.open("a.json") as file:
        return file.read()


def read(fs, node):
    return run_node(node, services={"fs": fs}).rows


VALUES = [{"a": 1}, [1, [2]], "é", 0, False, 1.5]
Row = namedtuple("Row", "a b")


@pytest.mark.parametrize(
    ("reader", "text"),
    [
        (bonobo.JsonReader, json.dumps(VALUES, indent=1)),
        (bonobo.LdjsonReader, "\n".join(map(json.dumps, VALUES))),
        (bonobo.LdjsonReader, "".join(json.dumps(value) + "\r\n\n" for value in VALUES)),
    ],
)
def test_items_are_rows_of_one_field(fs, reader, text):
    put(fs, text)
    assert read(fs, reader("a.json")) == [(value,) for value in VALUES]


def test_null_is_the_row_without_fields(fs):
    put(fs, "[null]")
    assert read(fs, bonobo.JsonReader("a.json")) == [()]


def test_lists_and_files_may_be_empty(fs):
    put(fs, "[]")
    assert read(fs, bonobo.JsonReader("a.json")) == []
    put(fs, "")
    assert read(fs, bonobo.LdjsonReader("a.json")) == []


def test_rows_may_be_named(fs):
    put(fs, '["x"]')
    (row,) = read(fs, bonobo.JsonReader("a.json", output_fields=["item"]))
    assert row._asdict() == {"item": "x"}


def test_another_loader_may_be_given(fs):
    put(fs, '{"items": [1, 2]}')
    node = bonobo.JsonReader("a.json", loader=lambda self, text: json.loads(text)["items"])
    assert read(fs, node) == [(1,), (2,)]


def test_lines_that_are_wrong_are_rejected_and_the_others_read(fs):
    put(fs, "1\n2\n{\n3\n")
    result = run_node(bonobo.LdjsonReader("a.json"), services={"fs": fs}, check=False)
    assert result.rows == [(1,), (2,), (3,)]
    assert [str(error).split(":")[0] for error in result.errors] == ["line 3 cannot be loaded"]


@pytest.mark.parametrize(
    ("rows", "items"),
    [
        ([Row(1, "é"), Row([], None)], [{"a": 1, "b": "é"}, {"a": [], "b": None}]),
        ([({"x": 1},), (2, "three"), ()], [{"x": 1}, 2, "three"]),
        ([Row(1, 2), (3,), namedtuple("Other", "c")(4)], [{"a": 1, "b": 2}, 3, {"c": 4}]),
        ([()], []),
    ],
)
def test_rows_become_items(fs, rows, items):
    assert run_node(bonobo.JsonWriter("a.json"), *rows, services={"fs": fs}).rows == rows
    assert json.loads(content(fs)) == items
    assert content(fs).count("\n") == max(0, len(items) - 1)
    assert run_node(bonobo.LdjsonWriter("a.json"), *rows, services={"fs": fs}).rows == rows
    assert [json.loads(line) for line in content(fs).splitlines()] == items


def test_no_rows_give_an_empty_list(fs, run):
    graph = bonobo.Graph([1], bonobo.Filter(lambda self, x: False), bonobo.JsonWriter("a.json"))
    assert run(graph, services={"fs": fs}).exit_code == 0
    assert content(fs) == "[]"


def test_a_list_is_whole_without_the_rows_that_failed(fs):
    rows = [Row(1, 2), Row(object(), 3), Row(4, 5)]
    result = run_node(bonobo.JsonWriter("a.json"), *rows, services={"fs": fs}, check=False)
    assert [type(error) for error in result.errors] == [TypeError]
    assert json.loads(content(fs)) == [{"a": 1, "b": 2}, {"a": 4, "b": 5}]


@pytest.mark.parametrize("writer", [bonobo.JsonWriter, bonobo.LdjsonWriter])
@pytest.mark.parametrize("bad", [math.nan, -math.inf, {1, 2}])
def test_of_a_row_that_failed_nothing_is_written(fs, writer, bad):
    rows = [1, (2, bad), (3, [bad]), (4, 5)]
    result = run_node(writer("a.json", eol=","), *rows, services={"fs": fs}, check=False)
    assert (result.rows, len(result.errors)) == ([(1,), (4, 5)], 2)
    assert content(fs).strip("[]") == "1,4,5"


def test_a_list_is_whole_after_a_run_that_failed(fs, run, gate):
    def rows():
        yield 1
        gate.wait()
        raise SystemExit(9)

    graph = bonobo.Graph(rows, bonobo.JsonWriter("a.json"), lambda x: gate.open())
    assert run(graph, services={"fs": fs}).exit_code == 9
    assert content(fs) == "[1]"


def test_what_stands_between_items_can_be_chosen(fs):
    run_node(bonobo.JsonWriter("a.json", eol=",  "), 1, 2, services={"fs": fs})
    assert content(fs) == "[1,  2]"


def test_a_subclass_may_have_another_envelope(fs):
    class Collection(bonobo.JsonWriter):
        prefix, suffix = '{"items": [', "]}"

    run_node(Collection("a.json"), 1, 2, services={"fs": fs})
    assert json.loads(content(fs)) == {"items": [1, 2]}
