"""Services by name: a node says which it uses, and never where they come from."""

from __future__ import annotations

from contextlib import ContextDecorator
from threading import Lock, RLock
from types import TracebackType
from typing import ClassVar, Generic, TypeVar

from bonobo.config.options import Option

_Object = TypeVar("_Object")


def checked_name(name: object) -> str:
    """Give the name of a service back: identifiers joined by dots. Raises ValueError."""
    if isinstance(name, str) and all(part.isidentifier() for part in name.split(".")):
        return name
    raise ValueError(f"not the name of a service: {name!r}; it must be identifiers, joined by dots")


class Service(Option):
    """A service that a Configurable uses: the option's value is its name, and each instance may name another.

    The node is called with the service as the keyword argument of the attribute's name. Services are looked
    up once, before the first row; a missing one is a MissingService error by then. Raises ValueError for
    what is not a name.

    >>> from bonobo.config import Configurable, Service
    >>> from bonobo.testing import run_node
    >>> class Lookup(Configurable):
    ...     database = Service("database.main")
    ...
    ...     def __call__(self, key, *, database):
    ...         return database[key]
    >>> services = {"database.main": {1: "one"}, "database.copy": {1: "uno"}}
    >>> run_node(Lookup(), 1, services=services).rows
    [('one',)]
    >>> run_node(Lookup(database="database.copy"), 1, services=services).rows
    [('uno',)]
    """

    def __init__(self, name: str, __doc__: str | None = None) -> None:
        super().__init__(checked_name, required=False, default=checked_name(name), __doc__=__doc__)


class _Claim:
    """The lock of one object, and how many hold it or wait for it."""

    def __init__(self) -> None:
        self.lock = RLock()
        self.holders = 0


class Exclusive(ContextDecorator, Generic[_Object]):
    """Keep an object, such as a service, to one thread for as long as the context lasts.

    The object can be of any kind. A thread that has it may claim it again.

    >>> from bonobo.config import Exclusive
    >>> service = []
    >>> with Exclusive(service) as mine:
    ...     mine.append(1)
    """

    _claims: ClassVar[dict[int, _Claim]] = {}
    _guard: ClassVar[Lock] = Lock()

    def __init__(self, wrapped: _Object) -> None:
        self._wrapped = wrapped

    def __enter__(self) -> _Object:
        # By identity, as not everything can be hashed. The object lives for as long as its claim.
        with self._guard:
            claim = self._claims.setdefault(id(self._wrapped), _Claim())
            claim.holders += 1
        claim.lock.acquire()
        return self._wrapped

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._guard:
            claim = self._claims[id(self._wrapped)]
            claim.holders -= 1
            if not claim.holders:
                del self._claims[id(self._wrapped)]
        claim.lock.release()
