"""Context processors: what a node sets up before its first row and tears down after its last.

A generator that yields once. Its value comes first among the node's arguments, and comes back to it as the
result of the `yield`, when the node ends.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

_created = itertools.count()


class ContextProcessor:
    """A part of a node that lives from before its first row to after its last; a decorator of methods.

    The function is called with the node, its `NodeContext`, the values of the processors before it, and the
    node's services by keyword. A tuple that it yields stands for several arguments, None for none. Several
    are torn down in reverse order. Processors of a class come in the order of their definition; one that a
    subclass defines again takes the place of the first.

    A node with processors works on one row at a time, unless all of them are declared `concurrent`: what they
    yield may then be used by several threads at once.

    >>> from bonobo.config import Configurable, ContextProcessor
    >>> from bonobo.testing import run_node
    >>> class Joined(Configurable):
    ...     @ContextProcessor
    ...     def words(self, context):
    ...         words = yield []
    ...         context.send(" ".join(words))
    ...
    ...     def __call__(self, words, word):
    ...         words.append(word)
    >>> run_node(Joined(), "to", "be").rows
    [('to be',)]
    """

    def __init__(self, function: Callable[..., Iterator[Any]], *, concurrent: bool = False) -> None:
        if not callable(function):
            raise TypeError(f"a context processor is made of a generator; got {type(function).__name__}")
        self.function = function
        self.concurrent = concurrent
        self.created = next(_created)
        self.__doc__ = function.__doc__

    @property
    def __name__(self) -> str:
        return str(getattr(self.function, "__name__", type(self.function).__name__))

    def __call__(self, *arguments: Any, **services: Any) -> Iterator[Any]:
        """Call the function, as a subclass does with the processor that it replaces."""
        return self.function(*arguments, **services)

    def __repr__(self) -> str:
        return f"<ContextProcessor {self.__name__}>"
