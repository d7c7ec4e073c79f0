"""What a node says of itself: which services it uses. A declaration only; the runner injects them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

_Node = TypeVar("_Node")
_SERVICES = "__bonobo_services__"


def use(*names: str) -> Callable[[_Node], _Node]:
    """Declare the services that a node uses; each is passed as the keyword argument of its name.

    They are looked up once, before the first row. Raises ValueError for what cannot be a keyword
    and TypeError for a node that cannot hold the declaration (a built-in function, a bound method).

    >>> import bonobo
    >>> from bonobo.testing import run_node
    >>> @bonobo.use("greeting")
    ... def greet(name, *, greeting):
    ...     return f"{greeting}, {name}"
    >>> run_node(greet, "Ada", services={"greeting": "Hello"}).rows
    [('Hello, Ada',)]
    """
    for name in names:
        if not isinstance(name, str) or not name.isidentifier():
            raise ValueError(f"not the name of a service: {name!r}; it must be usable as a keyword argument")

    def declare(node: _Node) -> _Node:
        try:
            setattr(node, _SERVICES, tuple(dict.fromkeys((*services_of(node), *names))))
        except AttributeError:
            raise TypeError("this node can carry no declaration; wrap it in a function") from None
        return node

    return declare


def services_of(node: Any) -> tuple[str, ...]:
    """Give the names of the services that a node uses, in the order of their declaration."""
    while isinstance(node, functools.partial) and not hasattr(node, _SERVICES):
        node = node.func
    declared: tuple[str, ...] = getattr(node, _SERVICES, ())
    return declared
