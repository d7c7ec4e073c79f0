"""Options: what a Configurable is told when it is made, as descriptors that check what they are given.

A value is checked and converted when it is set; a default is taken as it stands.
"""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable
from types import MethodType
from typing import Any

_created = itertools.count()


class Option:
    """An option of a Configurable: given to its constructor by keyword, or by place if it is `positional`.

    `type` is called with a value that is set, to convert or refuse it. An option without a `default` is
    required unless told otherwise, and None where it is not given. A callable default is called for each
    instance. Positional options take their places in the order of their definition. Errors of `type` are
    raised as they are.

    >>> from bonobo.config import Configurable, Option
    >>> from bonobo.testing import run_node
    >>> class Greeting(Configurable):
    ...     word = Option(str, positional=True)
    ...     times = Option(int, default=1)
    ...
    ...     def __call__(self, name):
    ...         return " ".join([self.word] * self.times + [name])
    >>> run_node(Greeting("Hello", times="2"), "Ada").rows
    [('Hello Hello Ada',)]
    """

    name: str | None = None

    def __init__(
        self,
        type: Callable[[Any], Any] | None = None,
        *,
        required: bool = True,
        positional: bool = False,
        default: Any = None,
        __doc__: str | None = None,
    ) -> None:
        self.type = type
        self.required = required and default is None
        self.positional = positional
        self.default = default
        self.created = next(_created)
        if __doc__:
            self.__doc__ = inspect.cleandoc(__doc__)

    def __set_name__(self, owner: type, name: str) -> None:
        if self.name is None:
            self.name = name

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if instance is None:
            return self
        values = vars(instance)
        if self.name not in values:
            values[self.name] = self.get_default()
        return values[self.name]

    def __set__(self, instance: Any, value: Any) -> None:
        vars(instance)[self.name] = self.clean(value)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}{' (required)' if self.required else ''}>"

    def clean(self, value: Any) -> Any:
        """Convert a value that is set; raises what `type` raises."""
        return value if self.type is None else self.type(value)

    def get_default(self) -> Any:
        """Give the value of an option that was not set."""
        return self.default() if callable(self.default) else self.default


class RenamedOption(Option):
    """A former name of an option: what is set by it is set there, and read there.

    >>> from bonobo.config import Configurable, Option, RenamedOption
    >>> class Table(Configurable):
    ...     fields = Option(tuple, required=False)
    ...     headers = RenamedOption("fields")
    >>> Table(headers="ab").fields
    ('a', 'b')
    """

    def __init__(self, target: str) -> None:
        super().__init__(required=False)
        self.target = target

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return self if instance is None else getattr(instance, self.target)

    def __set__(self, instance: Any, value: Any) -> None:
        setattr(instance, self.target, value)


class Method(Option):
    """An option that is a method: whatever is given is called with the node first, as `self`.

    It is given to the constructor, or defined in a subclass, or by the class used as a decorator. `@Method()`
    above a method makes that the default. Raises TypeError for what is not callable.

    >>> from bonobo.config import Configurable, Method
    >>> from bonobo.testing import run_node
    >>> class Apply(Configurable):
    ...     function = Method()
    ...
    ...     def __call__(self, x):
    ...         return self.function(x)
    >>> class Double(Apply):
    ...     def function(self, x):
    ...         return 2 * x
    >>> @Apply
    ... def square(self, x):
    ...     return x * x
    >>> [run_node(node, 3).rows for node in (Double(), square, Apply(lambda self, x: -x))]
    [[(6,)], [(9,)], [(-3,)]]
    """

    def __init__(
        self,
        *,
        default: Callable[..., Any] | None = None,
        required: bool = True,
        positional: bool = True,
        __doc__: str | None = None,
    ) -> None:
        super().__init__(required=required, positional=positional, __doc__=__doc__)
        if default is not None:
            self(default)

    def __call__(self, default: Callable[..., Any]) -> Method:
        """Take a function as the default; this makes the option a decorator."""
        if self.default is not None:
            raise TypeError(f"this option has a default already: {self!r}")
        self.default = self.clean(default)
        self.required = False
        return self

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        value = super().__get__(instance, owner)
        return value if instance is None or value is None else MethodType(value, instance)

    def clean(self, value: Any) -> Any:
        """Check that a value is callable. Raises TypeError."""
        if not callable(value):
            raise TypeError(f"the option {self.name!r} must be callable; got {type(value).__name__}")
        return value

    def get_default(self) -> Any:
        """Give the function that was taken as default."""
        return self.default
