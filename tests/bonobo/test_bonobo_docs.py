"""Every example in the engine's docstrings runs, and prints what it says."""

import doctest
import importlib
import pkgutil

import pytest

import bonobo

MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(bonobo.__path__, "bonobo.")
    if "__main__" not in module.name
)


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_examples_are_found():
    finder = doctest.DocTestFinder()
    public = [bonobo.run, bonobo.inspect, bonobo.use, bonobo.parallel, bonobo.parse_args, bonobo.Graph]
    assert all(any(test.examples for test in finder.find(thing, globs={})) for thing in public)


def test_public_names():
    assert set(bonobo.__all__) <= set(dir(bonobo))
    assert len(set(bonobo.__all__)) == len(bonobo.__all__)
