"""Rows that a function lets through are passed on as they came; the others are left out."""

from __future__ import annotations

from typing import Any

from bonobo.config import Configurable, Method
from bonobo.constants import NOT_MODIFIED, Flag


class Filter(Configurable):
    """Pass on the rows for which a function gives something true.

    Options, by place or by name:

    - `filter` (required): the function, called with the node and the row's fields. It can also be what is
      decorated, or a method of a subclass.

    >>> import bonobo
    >>> from bonobo.testing import run_node
    >>> @bonobo.Filter
    ... def odd(self, number):
    ...     return number % 2
    >>> run_node(odd, 1, 2, 3).rows
    [(1,), (3,)]
    """

    filter = Method()

    def __call__(self, *args: Any, **kwargs: Any) -> Flag | None:
        return NOT_MODIFIED if self.filter(*args, **kwargs) else None
