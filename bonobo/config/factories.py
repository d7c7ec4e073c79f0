"""Functions that make nodes: the node is named after the call that made it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

_Given = ParamSpec("_Given")
_Node = TypeVar("_Node")

FACTORY = "__bonobo_factory__"
"""The attribute that tells a function that makes nodes from one that is a node."""


def transformation_factory(function: Callable[_Given, _Node]) -> Callable[_Given, _Node]:
    """Make a function that returns nodes name each after its call; put uncalled into a graph, it is refused.

    >>> from bonobo.config import transformation_factory
    >>> @transformation_factory
    ... def add(amount, *, times=1):
    ...     def added(x):
    ...         return x + amount * times
    ...     return added
    >>> add(2, times=3).__name__
    'add(2, times=3)'
    """

    @functools.wraps(function)
    def factory(*args: _Given.args, **kwargs: _Given.kwargs) -> _Node:
        node = function(*args, **kwargs)
        given = [*map(repr, args), *(f"{name}={value!r}" for name, value in kwargs.items())]
        node.__name__ = f"{function.__name__}({', '.join(given)})"  # type: ignore[attr-defined]
        return node

    setattr(factory, FACTORY, True)
    return factory
