"""What the engine's docstrings and its page show is so: every example runs and prints what it says."""

import doctest
import importlib
import inspect
import os
import pkgutil
import pydoc
import re
import runpy
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import click
import pytest

import bonobo
import bonobo.cli
import bonobo.config
import bonobo.constants
import bonobo.nodes
import bonobo.testing
from bonobo.constants import Token
from bonobo.context import NodeContext
from bonobo.dead_letters import DeadLetterFile
from bonobo.graph import Parallel
from bonobo.report import Rejected, Report
from bonobo.util import ValueHolder

MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(bonobo.__path__, "bonobo.")
    if "__main__" not in module.name
)
ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGE = DOCS / "engine.md"
BREAKS = DOCS / "engine-breaks.md"

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"# (\w+\.py)\n")

TOLD_BY_THE_ENGINE = {"enter", "leave", "cancel"}
"""Methods of a node's context that are not for nodes."""


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def members_of(owner, *, without=()):
    members = {name: member for name, member in vars(owner).items() if not name.startswith("_")}
    return {
        f"{owner.__name__}.{name}": member
        for name, member in members.items()
        if name not in without and (callable(member) or isinstance(member, property))
    }


def public():
    """Every public name that is not a token, with what it stands for."""
    found = {"ValueHolder": ValueHolder, "DeadLetterFile": DeadLetterFile}
    for module in (bonobo, bonobo.config):
        found |= {f"{module.__name__}.{name}": getattr(module, name) for name in module.__all__}
    for name in ("Result", "run_graph", "run_node"):
        found[f"bonobo.testing.{name}"] = getattr(bonobo.testing, name)
    found |= members_of(NodeContext, without=TOLD_BY_THE_ENGINE) | members_of(bonobo.Graph)
    return {name: thing for name, thing in found.items() if not isinstance(thing, str | Token)}


@pytest.mark.parametrize(("name", "thing"), public().items(), ids=public())
def test_every_public_name_has_an_example(name, thing):
    assert doctest.DocTestParser().get_examples(inspect.getdoc(thing) or ""), name


@pytest.mark.parametrize(
    "name", [name for name, value in vars(bonobo.constants).items() if isinstance(value, Token)]
)
def test_every_token_is_in_an_example(name):
    examples = doctest.DocTestParser().get_examples(bonobo.constants.__doc__)
    assert any(re.search(rf"\b{name}\b", example.source) for example in examples)


def test_public_names():
    assert set(bonobo.__all__) <= set(dir(bonobo))
    assert len(set(bonobo.__all__)) == len(bonobo.__all__)


def configurables():
    nodes = [getattr(bonobo, name) for name in bonobo.nodes.__all__]
    return [node for node in nodes if isinstance(node, type)]


def help_of(node):
    """Give the docstring of a node, and those of the nodes whose options it says it has."""
    told = inspect.getdoc(node)
    others = re.findall(r"those of\s+`(\w+)`", told)
    return "\n".join([told, *(help_of(getattr(bonobo, other)) for other in others)])


@pytest.mark.parametrize("node", configurables(), ids=lambda node: node.__name__)
def test_the_help_of_a_node_says_what_each_option_means(node):
    told = help_of(node)
    assert [name for name in node.__options__ if f"`{name}`" not in told] == []


def blocks():
    return _FENCE.findall(PAGE.read_text(encoding="utf-8"))


def lines_of(shown):
    return [line for line in shown.splitlines() if not line.startswith("$ ")]


def run_commands(script):
    """Run the commands of a console block in one shell, and give the lines of both its outputs."""
    commands = [line.removeprefix("$ ") for line in script.splitlines() if line.startswith("$ ")]
    shell = ['bonobo() { "$PYTHON" -m bonobo "$@"; }', 'python() { "$PYTHON" "$@"; }', *commands]
    done = subprocess.run(
        ["bash", "-c", "\n".join(shell)],
        env={**os.environ, "PYTHON": sys.executable},
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.stdout.splitlines(), done.stderr.splitlines()


def check_console(block):
    output, errors = run_commands(block)
    shown = lines_of(block)
    # How the two outputs mix is up to the threads; each by itself is in order.
    assert sorted(shown) == sorted(output + errors)
    assert [line for line in shown if line in output] == output


def check_examples(block, names):
    found = doctest.DocTestParser().get_doctest(block, names, PAGE.name, str(PAGE), 0)
    said = []
    doctest.DocTestRunner().run(found, out=said.append, clear_globs=False)
    names.update(found.globs)
    assert "".join(said) == ""


def check_python(block, names):
    file = _FILE.match(block)
    if file is None:
        check_examples(block, names)
        return
    Path(file[1]).write_text(block, encoding="utf-8")
    runpy.run_path(file[1], run_name="page")


def test_the_page_is_as_it_says(tmp_path, monkeypatch, in_time):
    monkeypatch.chdir(tmp_path)
    names = {}
    checks = {"python": lambda block: check_python(block, names), "console": check_console}
    for language, block in blocks():
        if language in checks:
            in_time(checks[language], block)


def test_a_page_that_is_wrong_is_found(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(AssertionError):
        check_python(">>> 1 + 1\n3\n", {})
    with pytest.raises(AssertionError):
        check_console("$ echo a\nb\n")
    with pytest.raises(ZeroDivisionError):
        check_python("# wrong.py\n1 / 0\n", {})


def table(head):
    """Give the rows of the page's table whose first cells are these."""
    _, found = PAGE.read_text(encoding="utf-8").split(f"\n| {head} |")
    return found.split("\n\n")[0].splitlines()[2:]


def library():
    """Give the rows of the page's table of nodes: the names, and the example."""
    for row in table("Node"):
        names, *_, example = row.strip("| ").split(" | ")
        yield re.findall(r"`(\w+)`", names), example.strip("`")


def names_of(*classes):
    return {field.name for kind in classes for field in fields(kind) if not field.name.startswith("_")}


def options_of(function, *, without):
    return set(inspect.signature(function).parameters) - without


TABLES = {
    "Setting": names_of(Parallel) - {"node"},
    "`context.`": {name.rpartition(".")[2] for name in members_of(NodeContext, without=TOLD_BY_THE_ENGINE)},
    "`report.`": names_of(Report, Rejected) | {"exit_code", "seconds"},
    "`bonobo run` | `bonobo.run`": options_of(bonobo.run, without={"graph", "plugins", "strategy"}),
}
"""What the page's tables have to name, by how they begin."""


@pytest.mark.parametrize("head", TABLES)
def test_a_table_of_the_page_is_complete(head):
    shown = re.findall(r"`(\w+)", "\n".join(table(head)))
    assert sorted(TABLES[head].difference(shown)) == []


@pytest.mark.parametrize("option", bonobo.cli.run.params, ids=lambda option: option.name)
def test_the_page_names_every_option_of_run(option):
    flags = option.opts if isinstance(option, click.Option) else ["--"]
    page = PAGE.read_text(encoding="utf-8")
    assert any(re.search(rf"`[^`\n]*(?<![\w-]){flag}(?![\w-])[^`\n]*`", page) for flag in flags)


def test_the_page_names_every_node():
    assert sorted(name for names, _ in library() for name in names) == sorted(bonobo.nodes.__all__)


@pytest.mark.parametrize(("names", "example"), list(library()), ids=lambda value: str(value))
def test_the_page_shows_how_each_node_is_made(names, example):
    assert any(f"bonobo.{name}" in example for name in names)
    assert eval(example, {"bonobo": bonobo}) is not None


def given_up():
    """Give the names that the page of differences says are not carried over."""
    section = BREAKS.read_text(encoding="utf-8").split("\n## Not carried over\n")[1].split("\n\n")[0]
    rows = section.strip().splitlines()[2:]
    return [name for row in rows for name in re.findall(r"`(bonobo[\w.]+)`", row.split("|")[1])]


@pytest.mark.parametrize("name", given_up())
def test_what_the_page_gives_up_is_not_there(name):
    assert pydoc.locate(name) is None


def test_the_page_gives_up_what_bonobo_says_is_not_carried_over():
    refused = {f"bonobo.{name}" for name in bonobo._NOT_CARRIED_OVER}
    assert refused <= set(given_up())


def test_the_tree_for_contributors_has_every_module():
    tree = (
        (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").split("\nbonobo/ ")[1].split("\nwarehouse/")[0]
    )
    shown = re.findall(r"^  ([\w./]+)", tree, re.MULTILINE)
    there = [path for path in (ROOT / "bonobo").iterdir() if not path.name.startswith("_")]
    modules = [path.name for path in there if path.suffix == ".py"]
    folders = [f"{path.name}/" for path in there if (path / "__init__.py").is_file()]
    assert sorted(shown) == sorted(modules + folders)
