"""Configurable: nodes as classes whose options are declared; one that misses some waits for them.

What is set is known when the node is made; what cannot run is named when its graph is planned.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any, ClassVar

from bonobo.config.factories import FACTORY
from bonobo.config.options import Method, Option
from bonobo.config.processors import ContextProcessor


class Configurable:
    """A node whose options are attributes of its class: `Option`, `Method`, `Service`, `ContextProcessor`.

    Subclasses inherit options and may define them anew; one that sets an option to a plain value gives it
    that value, and only a keyword changes it. Made without all of its required options, the result is a
    PartiallyConfigured node, to be called with the others. Raises TypeError for options that the class does
    not have, or that are given twice.

    >>> from bonobo.config import Configurable, Option
    >>> from bonobo.testing import run_node
    >>> class Scale(Configurable):
    ...     factor = Option(int, positional=True)
    ...     offset = Option(int)
    ...
    ...     def __call__(self, x):
    ...         return self.factor * x + self.offset
    >>> run_node(Scale(3, offset=1), 2).rows
    [(7,)]
    >>> twice = Scale(2)
    >>> run_node(twice(offset=10), 2).rows
    [(14,)]
    >>> Scale(2, ofset=1)
    Traceback (most recent call last):
    TypeError: Scale has no option 'ofset'; it has: 'factor', 'offset'
    """

    __options__: ClassVar[Mapping[str, Option]] = {}

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        cls.__options__ = _collected(cls)

    def __new__(cls, *args: Any, _final: bool = False, **options: Any) -> Any:
        missing = _missing(cls, _arranged(cls, args, options))
        if not missing:
            return super().__new__(cls)
        if _final:
            raise TypeError(f"{cls.__name__} misses {_listed(missing)}")
        return PartiallyConfigured(cls, *args, **options)

    def __init__(self, *args: Any, _final: bool = False, **options: Any) -> None:
        for name, value in _arranged(type(self), args, options).items():
            type(self).__options__[name].__set__(self, value)

    def __reduce__(self) -> tuple[Any, ...]:
        # By its values: made again from nothing, it would be partial.
        return _blank, (type(self),), vars(self)


class PartiallyConfigured(functools.partial[Any]):
    """A Configurable that waits for options; called with them, it gives the node.

    >>> from bonobo.config import Configurable, Option
    >>> class Scale(Configurable):
    ...     factor = Option(int, positional=True)
    ...     offset = Option(int)
    >>> Scale(2).missing, Scale(2).factor
    (('offset',), 2)
    """

    def __repr__(self) -> str:
        return f"<{self._kind.__name__}, which misses {_listed(self.missing)}>"

    @property
    def missing(self) -> tuple[str, ...]:
        """The names of the options that it waits for."""
        return _missing(self._kind, self._given())

    @property
    def _kind(self) -> type[Configurable]:
        return self.func  # type: ignore[return-value]

    def __getattr__(self, name: str) -> Any:
        given = self._given()
        if name in given:
            return given[name]
        option = self._kind.__options__.get(name)
        return getattr(self._kind, name) if option is None else option.get_default()

    def _given(self) -> Mapping[str, Any]:
        return _arranged(self._kind, self.args, self.keywords)


def options_of(configurable: type[Configurable] | Configurable) -> Mapping[str, Option]:
    """Give the options of a Configurable by name: positional ones first, then in the order of definition.

    >>> from bonobo.config import Configurable, Option, options_of
    >>> class Scale(Configurable):
    ...     factor = Option(int, positional=True)
    >>> options_of(Scale)
    {'factor': <Option factor (required)>}
    """
    return dict(configurable.__options__)


def processors_of(kind: type[Configurable]) -> tuple[ContextProcessor, ...]:
    """Give the context processors that a class defines and inherits, in order."""
    found: dict[str, ContextProcessor] = {}
    places: dict[str, int] = {}
    for owner in reversed(kind.__mro__):
        for name, value in vars(owner).items():
            found.pop(name, None)
            if isinstance(value, ContextProcessor):
                found[name] = value
                places.setdefault(name, value.created)
    return tuple(found[name] for name in sorted(found, key=places.__getitem__))


def obstacle(node: Any) -> str | None:
    """Say why a node cannot run as it is, and what to do; None where nothing stands in the way."""
    if isinstance(node, PartiallyConfigured):
        name = node.func.__name__
        return f"{name} misses {_listed(node.missing)}; give them before the node is put into a graph"
    if isinstance(node, type) and issubclass(node, Configurable):
        return f"{node.__name__} is a class; put {node.__name__}(...) into the graph"
    if getattr(node, FACTORY, False) is True:
        return f"{node.__name__} makes nodes; put {node.__name__}(...) into the graph"
    return None


def _collected(kind: type) -> Mapping[str, Option]:
    """A method of the same name, in a subclass, is what a Method asked for: no option any more."""
    found = {
        name: value
        for owner in reversed(kind.__mro__)
        for name, value in vars(owner).items()
        if isinstance(value, Option) and not (isinstance(value, Method) and _fixed(kind, name))
    }
    return dict(sorted(found.items(), key=lambda item: (not item[1].positional, item[1].created)))


def _fixed(kind: type, name: str) -> bool:
    """Whether a subclass set the option to a plain value."""
    return not isinstance(getattr(kind, name), Option)


def _arranged(kind: type[Configurable], args: tuple[Any, ...], keywords: Mapping[str, Any]) -> dict[str, Any]:
    """Give the values by the names of their options. Raises TypeError."""
    options = kind.__options__
    unknown = [name for name in keywords if name not in options]
    if unknown:
        has = ", ".join(map(repr, options)) or "none"
        raise TypeError(f"{kind.__name__} has no {_listed(unknown)}; it has: {has}")
    places = [name for name, option in options.items() if option.positional and not _fixed(kind, name)]
    if len(args) > len(places):
        raise TypeError(f"{kind.__name__} takes {len(places)} options by position; got {len(args)}")
    values = dict(zip(places, args, strict=False))
    twice = [name for name in values if name in keywords]
    if twice:
        raise TypeError(f"{kind.__name__} was given {_listed(twice)} twice")
    return {**values, **keywords}


def _missing(kind: type[Configurable], given: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(
        name
        for name, option in kind.__options__.items()
        if option.required and name not in given and not _fixed(kind, name)
    )


def _listed(names: list[str] | tuple[str, ...]) -> str:
    return f"option{'s' if len(names) > 1 else ''} {', '.join(map(repr, names))}"


def _blank(kind: type[Configurable]) -> Any:
    return object.__new__(kind)
