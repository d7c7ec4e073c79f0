"""PrettyPrinter: what it shows where standard output is a terminal and where it is not."""

import contextlib
import io
from collections import namedtuple

import pytest

import bonobo
from bonobo.testing import run_node


class Terminal(io.StringIO):
    """A terminal that also remembers each write."""

    def __init__(self):
        super().__init__()
        self.writes = []

    def isatty(self):
        return True

    def write(self, text):
        self.writes.append(text)
        return super().write(text)


def shown(node, *rows):
    """What a node prints on a terminal, by writes."""
    with contextlib.redirect_stdout(Terminal()) as terminal:
        run_node(node, *rows)
    return terminal.writes


ROW = namedtuple("Row", "name note size")("Ada\n", None, 36)


def test_without_a_terminal(capsys):
    assert run_node(bonobo.PrettyPrinter(), ROW, (), (None,)).rows == [ROW, (), (None,)]
    assert capsys.readouterr().out == "- 0 : Ada\n  2 : 36\n"


def test_on_a_terminal():
    assert shown(bonobo.PrettyPrinter(), ROW, ("a",)) == [
        "┌\n│ name[0] = 'Ada\\n'\n│ size[2] = 36\n└\n",
        "┌\n│ 0 = 'a'\n└\n",
    ]


def test_values_are_broken_to_the_width():
    (text,) = shown(bonobo.PrettyPrinter(max_width=20), (["aaaaaaaa", "bbbbbbbb"],))
    assert text == "┌\n│ 0 = ['aaaaaaaa',\n│      'bbbbbbbb']\n└\n"


@pytest.mark.parametrize("width", [1, "12", 10_000])
def test_any_width_will_do(width):
    (text,) = shown(bonobo.PrettyPrinter(max_width=width), ([{"a": [1, 2]}, "b" * 100],))
    assert text.startswith("┌\n│ 0 = [")


def test_a_filter_says_what_is_shown(capsys):
    node = bonobo.PrettyPrinter(filter=lambda self, index, key, value: (index, key, value) == (1, 1, None))
    assert run_node(node, ROW).rows == [ROW]
    assert capsys.readouterr().out == "  1 : None\n"


def test_a_subclass_may_show_it_otherwise(capsys):
    class Loud(bonobo.PrettyPrinter):
        def format_quiet(self, index, key, value, *, fields=None):
            return f"{fields[key]}!"

    run_node(Loud(), ROW)
    assert capsys.readouterr().out == "name!\nsize!\n"


def test_rows_of_several_printers_do_not_mix(run):
    graph = bonobo.Graph(range(50), bonobo.noop)
    for _ in range(3):
        graph.add_chain(lambda x: (x, x), bonobo.PrettyPrinter(), _input=bonobo.noop)
    with contextlib.redirect_stdout(Terminal()) as terminal:
        assert run(graph).exit_code == 0
    assert len(terminal.writes) == 150
    assert {text.count("\n") for text in terminal.writes} == {4}
