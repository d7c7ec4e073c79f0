"""CsvReader and CsvWriter: names, dialects, and tables that are not what they should be."""

import csv
import uuid
from collections import namedtuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bonobo
from bonobo.config import use_context
from bonobo.testing import run_graph, run_node


@pytest.fixture
def fs():
    return bonobo.open_fs(f"memory://{uuid.uuid4()}", create=True)


def put(fs, text):
    with fs.open("a.csv", "w") as file:
        file.write(text)


def content(fs):
    with fs.open("a.csv") as file:
        return file.read()


def read(fs, **options):
    """Each row as a dictionary."""
    return [row._asdict() for row in run_node(bonobo.CsvReader("a.csv", **options), services={"fs": fs}).rows]


def written(fs, *rows, node=None, **options):
    result = run_node(node or bonobo.CsvWriter("a.csv", **options), *rows, services={"fs": fs})
    assert result.rows == list(rows)
    return content(fs)


def test_the_first_line_names_the_fields(fs):
    put(fs, 'a,b c\n1,"x,\r\ny"\n3,\n')
    assert read(fs) == [{"a": "1", "b c": "x,\r\ny"}, {"a": "3", "b c": ""}]


@pytest.mark.parametrize(
    "names", [{"fields": ["x", "y"]}, {"headers": ("x", "y")}, {"output_fields": ["x", "y"]}]
)
def test_names_may_be_given(fs, names):
    put(fs, "1,2\n3,4\n")
    assert read(fs, **names) == [{"x": "1", "y": "2"}, {"x": "3", "y": "4"}]


def test_lines_may_be_skipped(fs):
    put(fs, "a\n1\n2\n3\n")
    assert read(fs, skip=2) == [{"a": "3"}]
    assert read(fs, skip=9) == []
    assert read(fs, skip=1, fields="x")[0] == {"x": "1"}


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("a;b\n1;'2;3'\n", {"delimiter": ";", "quotechar": "'"}),
        ("a,b\n1,2\\;3\n", {"escapechar": "\\"}),
        ("a, b\n1, 2;3\n", {"skipinitialspace": True}),
        ("a|b\n1|2;3\n", {"delimiter": "|", "quoting": csv.QUOTE_NONE, "quotechar": None}),
        ('a,b\n1,"2;3"\n', {"quoting": csv.QUOTE_ALL}),
    ],
)
def test_dialects(fs, text, options):
    put(fs, text)
    assert read(fs, **options) == [{"a": "1", "b": "2;3"}]


def test_booleans_are_booleans(fs):
    put(fs, 'a\n"x""y"\n')
    assert read(fs, doublequote=True) == [{"a": 'x"y'}]
    assert read(fs, doublequote=False) == [{"a": 'x"y"'}]


@pytest.mark.parametrize("text", ["", "\n\n", "a,b\n", "a,b\n\n"])
def test_empty_tables_have_no_rows(fs, text):
    put(fs, text)
    assert read(fs) == []


def test_blank_lines_are_no_rows(fs):
    put(fs, "\na\n\n1\n\n\n2\n")
    assert read(fs) == [{"a": "1"}, {"a": "2"}]


def test_lines_that_do_not_fit_are_rejected_by_number_and_the_others_read(fs):
    put(fs, "a,b\n1,2\n3\n4,5\n6,7,8\n")
    letters = []
    services = {"fs": fs, "dead_letters": lambda rejected, row: letters.append(row)}
    reader = bonobo.parallel(bonobo.CsvReader("a.csv"), on_error="dead_letter")
    result = run_node(reader, services=services, check=False)
    assert result.rows == [("1", "2"), ("4", "5")]
    assert [str(error) for error in result.errors] == [
        "line 3 has 1 fields, and the header 2",
        "line 5 has 3 fields, and the header 2",
    ]
    assert letters == [("3",), ("6", "7", "8")]


def test_readers_stream(fs, run):
    """The second row is read only after the first was taken."""
    steps = []

    @use_context
    class Slow(bonobo.CsvReader):
        def reader_factory(self, file):
            for line in super().reader_factory(file):
                steps.append("read")
                yield line

    put(fs, "a\n" + "1\n" * 2000)
    graph = bonobo.Graph(Slow("a.csv"), lambda x: steps.append("taken"))
    assert run(graph, services={"fs": fs}, rows_per_edge=1).exit_code == 0
    assert steps.count("read") == 2001
    assert steps.index("taken") < 200


def test_other_readers_may_be_given(fs):
    put(fs, "a b\n1 2\n")
    assert read(fs, reader_factory=lambda self, file: map(str.split, file)) == [{"a": "1", "b": "2"}]


def test_a_subclass_need_not_say_again_that_it_uses_its_context(fs):
    class Spaced(bonobo.CsvReader):
        def reader_factory(self, file):
            return map(str.split, file)

    put(fs, "a b\n1 2\n")
    assert run_node(Spaced("a.csv"), services={"fs": fs}).rows == [("1", "2")]
    assert run_node(use_context(Spaced)("a.csv"), services={"fs": fs}).rows == [("1", "2")]


Row = namedtuple("Row", "a b")


def test_named_rows_are_written_under_their_names(fs):
    assert written(fs, Row(1, "x,y"), Row(None, 'q"')) == 'a,b\r\n1,"x,y"\r\n,"q"""\r\n'


def test_the_dialect_is_written(fs):
    text = written(fs, Row(1, "x"), delimiter=";", lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
    assert text == '"a";"b"\n1;"x"\n'


def test_rows_without_names(fs):
    assert written(fs, ("a",), (("b", "c"),), ("d", 5)) == "a\r\nb,c\r\nd\r\n5\r\n"


@pytest.mark.parametrize("names", [{"fields": ["x", "y"]}, {"headers": ["x", "y"]}])
def test_rows_without_names_get_those_that_are_given(fs, names):
    assert written(fs, (1, 2), (3, 4), **names) == "x,y\r\n1,2\r\n3,4\r\n"


def test_rows_that_do_not_fit_are_rejected_and_not_written(fs):
    other = namedtuple("Other", "a c")
    node = bonobo.CsvWriter("a.csv")
    result = run_node(node, Row(1, 2), other(3, 4), (5, 6), Row(7, 8), services={"fs": fs}, check=False)
    assert content(fs) == "a,b\r\n1,2\r\n7,8\r\n"
    assert [str(error) for error in result.errors] == [
        "the row's fields are 'a', 'c'; the file's are 'a', 'b'",
        "the row's fields are without names; the file's are 'a', 'b'",
    ]
    node = bonobo.CsvWriter("a.csv", fields=["x"])
    result = run_node(node, (1, 2), (3,), services={"fs": fs}, check=False)
    assert content(fs) == "x\r\n3\r\n"
    assert [str(error) for error in result.errors] == ["the row has 2 fields, and the header 1"]


def test_no_rows_no_header(fs):
    run_graph(
        bonobo.Graph([1], bonobo.Filter(lambda self, x: False), bonobo.CsvWriter("a.csv")),
        services={"fs": fs},
    )
    assert content(fs) == ""


def test_other_writers_may_be_given(fs):
    node = bonobo.CsvWriter(
        "a.csv", writer_factory=lambda self, file: lambda line: file.write("+".join(line) + ".")
    )
    assert written(fs, Row("1", "2"), node=node) == "a+b.1+2."


texts = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=5)


@settings(max_examples=30, deadline=None)
@given(
    st.integers(1, 4).flatmap(
        lambda width: st.lists(st.lists(texts, min_size=width, max_size=width), min_size=1, max_size=5)
    ),
    st.sampled_from([",", ";", "\t"]),
)
def test_what_is_written_is_read(lines, delimiter):
    fs = bonobo.open_fs("memory://csv-round-trip", create=True)
    width = len(lines[0])
    names = [f"field {number}" for number in range(width)]
    options = {"delimiter": delimiter, "fields": names}
    run_node(bonobo.CsvWriter("a.csv", **options), *map(tuple, lines), services={"fs": fs})
    rows = run_node(bonobo.CsvReader("a.csv", delimiter=delimiter), services={"fs": fs}).rows
    assert rows == list(map(tuple, lines))
    assert {row._fields for row in rows} == {tuple(names)}
