"""What a node declares of itself: the services it uses, its context processors, how a row reaches it.

Decorators write declarations, `declaration_of` reads them; the runner does what they say.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from inspect import getattr_static
from typing import Any, Literal, TypeVar

from bonobo.config.configurables import Configurable, processors_of
from bonobo.config.processors import ContextProcessor
from bonobo.config.services import Service, checked_name

Input = Literal["fields", "row", "nothing"]
"""What a node is called with: the row's fields, the row itself as one argument, or nothing of it."""

_Node = TypeVar("_Node")
_DECLARED = "__bonobo_declared__"


@dataclass(frozen=True, slots=True)
class Declaration:
    """What a node is called with beside its rows; `services` maps keyword arguments to names of services."""

    services: Mapping[str, str] = field(default_factory=dict)
    processors: tuple[ContextProcessor, ...] = ()
    input: Input = "fields"

    @property
    def concurrent(self) -> bool:
        """Whether several rows may be in work at once, for all that the processors say."""
        return all(processor.concurrent for processor in self.processors)


_NOTHING = Declaration()


def use(*names: str) -> Callable[[_Node], _Node]:
    """Declare the services that a node uses; each is passed as the keyword argument of its name.

    They are looked up once, before the first row. A name with dots reaches a node as a keyword too, among its
    `**services`. Raises ValueError for what is not the name of a service and TypeError for a node that cannot
    hold the declaration (a built-in function, a bound method).

    >>> import bonobo
    >>> from bonobo.testing import run_node
    >>> @bonobo.use("greeting")
    ... def greet(name, *, greeting):
    ...     return f"{greeting}, {name}"
    >>> run_node(greet, "Ada", services={"greeting": "Hello"}).rows
    [('Hello, Ada',)]
    """
    used = {name: name for name in map(checked_name, names)}
    return lambda node: _declare(node, lambda known: replace(known, services={**known.services, **used}))


def use_context_processor(
    function: Callable[..., Iterator[Any]], *, concurrent: bool = False
) -> Callable[[_Node], _Node]:
    """Give a node a `ContextProcessor` of this function; several come in order of decoration.

    A class that is a Configurable has it together with its `__call__`: a subclass that defines another
    `__call__` declares anew.

    >>> from bonobo.config import use_context_processor, use_no_input
    >>> from bonobo.testing import run_node
    >>> def numbers(node, context):
    ...     seen = yield []
    ...     context.send(len(seen))
    >>> @use_context_processor(numbers)
    ... def tally(seen, x):
    ...     seen.append(x)
    >>> run_node(tally, "a", "b").rows
    [(2,)]
    """
    processor = ContextProcessor(function, concurrent=concurrent)
    return lambda node: _declare(node, lambda known: _with_processor(known, processor))


def use_context(node: _Node) -> _Node:
    """Give a node its `NodeContext` as the first argument, behind the values of processors declared before.

    >>> from bonobo.config import use_context
    >>> from bonobo.testing import run_node
    >>> @use_context
    ... def pairs(context):
    ...     context.set_output_fields(["letter", "number"])
    ...     yield "a", 1
    >>> run_node(pairs).rows
    [Bag(letter='a', number=1)]
    """
    return _declare(node, lambda known: _with_processor(known, _CONTEXT))


def use_raw_input(node: _Node) -> _Node:
    """Have a node called with each row as one argument, so that it sees its type and fields.

    >>> from bonobo.config import use_raw_input
    >>> from bonobo.testing import run_node
    >>> @use_raw_input
    ... def width(row):
    ...     return len(row)
    >>> run_node(width, ("a", "b", "c")).rows
    [(3,)]
    """
    return _declare(node, lambda known: replace(known, input="row"))


def use_no_input(node: _Node) -> _Node:
    """Have a node called once for each row, with nothing of the row.

    >>> from bonobo.config import use_no_input
    >>> from bonobo.testing import run_node
    >>> @use_no_input
    ... def mark():
    ...     return "x"
    >>> run_node(mark, 1, 2).rows
    [('x',), ('x',)]
    """
    return _declare(node, lambda known: replace(known, input="nothing"))


def declaration_of(node: Any) -> Declaration:
    """Read what a node declares; that of a partial is what its function declares.

    >>> declaration_of(use("store", "clock")(lambda **services: None)).services
    {'store': 'store', 'clock': 'clock'}
    """
    if isinstance(node, Configurable):
        return _of_configurable(node)
    while isinstance(node, functools.partial) and not hasattr(node, _DECLARED):
        node = node.func
    declared = getattr(node, _DECLARED, _NOTHING)
    return declared if isinstance(declared, Declaration) else _NOTHING


def _of_configurable(node: Configurable) -> Declaration:
    kind = type(node)
    owners = [owner for owner in reversed(kind.__mro__) if _DECLARED in vars(owner)]
    declared = [vars(owner)[_DECLARED] for owner in owners]
    call = getattr_static(kind, "__call__", None)
    processors = [
        processor
        for owner, own in zip(owners, declared, strict=True)
        if getattr_static(owner, "__call__", None) is call
        for processor in own.processors
    ]
    services = {keyword: name for own in declared for keyword, name in own.services.items()}
    options = {
        name: getattr(node, name) for name, option in kind.__options__.items() if isinstance(option, Service)
    }
    inputs: list[Input] = [own.input for own in declared if own.input != _NOTHING.input]
    return Declaration(
        services={**services, **options},
        processors=(*processors_of(kind), *dict.fromkeys(processors)),
        input=inputs[-1] if inputs else _NOTHING.input,
    )


def _declare(node: _Node, change: Callable[[Declaration], Declaration]) -> _Node:
    if isinstance(node, Configurable):
        raise TypeError(f"declare it of the class {type(node).__name__}, not of one of its instances")
    if isinstance(node, type) and issubclass(node, Configurable):
        # What its bases declare is read from them.
        known = vars(node).get(_DECLARED, _NOTHING)
    else:
        known = declaration_of(node)
    try:
        setattr(node, _DECLARED, change(known))
    except AttributeError:
        raise TypeError("this node can carry no declaration; wrap it in a function") from None
    return node


def _with_processor(known: Declaration, processor: ContextProcessor) -> Declaration:
    return replace(known, processors=(*known.processors, processor))


def _itself(node: Any, context: Any, *values: Any, **services: Any) -> Iterator[Any]:
    yield context


_CONTEXT = ContextProcessor(_itself)
