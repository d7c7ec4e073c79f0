"""What `bonobo` exports: all that the contract names; what is not carried over says so and why."""

import importlib
import subprocess
import sys

import pytest

import bonobo
import bonobo.nodes

CONTRACT = [
    *("Graph", "run", "inspect", "get_argument_parser", "parse_args", "open_fs", "parallel", "BARRIER"),
    *("Limit", "Filter", "Tee", "PrettyPrinter", "RateLimited", "FixedWindow", "count", "identity", "noop"),
    *("Format", "Rename", "SetFields", "OrderFields", "UnpackItems", "MapFields"),
    *("CsvReader", "CsvWriter", "JsonReader", "JsonWriter", "LdjsonReader", "LdjsonWriter"),
    *("FileReader", "FileWriter"),
]


@pytest.mark.parametrize("name", CONTRACT)
def test_the_contract_is_exported(name):
    assert name in bonobo.__all__
    assert getattr(bonobo, name).__doc__ or name == "BARRIER"


@pytest.mark.parametrize("name", bonobo.nodes.__all__)
def test_each_node_is_exported_with_an_example(name):
    assert getattr(bonobo, name) is getattr(bonobo.nodes, name)
    assert ">>>" in getattr(bonobo, name).__doc__


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("PickleReader", "unsafe"),
        ("PickleWriter", "unsafe"),
        ("create_strategy", "threads"),
        ("get_examples_path", "examples"),
        ("open_examples_fs", "examples"),
    ],
)
def test_what_is_not_carried_over_says_why(name, reason):
    with pytest.raises(AttributeError, match=reason):
        getattr(bonobo, name)
    assert not hasattr(bonobo, name)


def test_other_names_are_simply_not_there():
    with pytest.raises(AttributeError, match=r"^module 'bonobo' has no attribute 'nonsense'$"):
        bonobo.nonsense  # noqa: B018


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("bonobo.nodes.io.csv", "CsvReader"),
        ("bonobo.nodes.basics", "Limit"),
        ("bonobo.nodes.throttle", "RateLimited"),
    ],
)
def test_modules_are_where_graphs_import_from(module, name):
    assert getattr(importlib.import_module(module), name) is getattr(bonobo, name)


def test_importing_is_cheap():
    code = "import sys, bonobo; print(sorted({'fsspec', 'csv', 'pyarrow', 'orjson'} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout in ("[]\n", "['csv']\n")
