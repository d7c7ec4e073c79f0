"""Services are built once before row one, and closed once after the last row, whatever happened between.

A mapping is closed by the engine: values that have a `close()`, in reverse order. A context manager owns
what it yields: it is entered and exited, with the run's first fatal cause, and closes its own.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from inspect import signature
from typing import Any

from bonobo.errors import UsageError, code_carried
from bonobo.filesystem import open_fs
from bonobo.report import Report

DEFAULTS: Mapping[str, Callable[[], Any]] = {"fs": open_fs}
"""What is given to nodes that use a service of this name where nobody gives one."""

Services = Mapping[str, Any]
GivenServices = Services | AbstractContextManager[Services] | None


@contextmanager
def hosted(given: GivenServices) -> Iterator[Services]:
    """Open services for as long as the context lasts; `checked` tells whether they can be used."""
    with ExitStack() as stack:
        if isinstance(given, AbstractContextManager):
            yield stack.enter_context(given)
            return
        services = checked({} if given is None else given)
        for close in _closers(services):
            stack.callback(close)
        yield services


def checked(services: object) -> Services:
    """Give services back if they are a mapping from names. Raises UsageError."""
    if isinstance(services, Mapping) and all(isinstance(name, str) for name in services):
        return services
    raise UsageError(
        "services must be a mapping from names to objects, or a context manager that yields one; "
        f"got {type(services).__name__}"
    )


def with_defaults(services: Services, used: Collection[str]) -> Services:
    """Add the services that are used, not given, and have a default."""
    wanted = {name: make for name, make in DEFAULTS.items() if name in used and name not in services}
    return {**services, **{name: make() for name, make in wanted.items()}} if wanted else services


def _closers(services: Services) -> list[Callable[[], object]]:
    closers = []
    for service in _distinct(services).values():
        close = _verb(service, "close")
        if close is not None:
            closers.append(close)
    return closers


def _distinct(services: Services) -> Services:
    """Leave out second names of one object."""
    seen: set[int] = set()
    return {
        name: service
        for name, service in services.items()
        if id(service) not in seen and not seen.add(id(service))  # type: ignore[func-returns-value]
    }


def collect(services: Services, report: Report) -> None:
    """Read what services have to say after closing: `exit_code`, `summary()`, `notice()`, `report()`."""
    for name, service in _distinct(services).items():
        code = code_carried(service)
        if code is not None:
            report.service_codes.append(code)
        summary = _verb(service, "summary")
        if summary is not None:
            report.service_lines.extend(str(summary()).splitlines())
        notice = _verb(service, "notice")
        if notice is not None:
            report.service_notices.extend(str(notice()).splitlines())
        account = _verb(service, "report")
        if account is not None:
            report.services[name] = account()


def _verb(service: object, name: str) -> Callable[[], Any] | None:
    """A service's method, where it can be called without arguments; a class is no service."""
    verb: Callable[[], Any] | None = getattr(service, name, None)
    if not callable(verb) or isinstance(service, type):
        return None
    try:
        signature(verb).bind()
    except TypeError:
        return None
    except ValueError:
        # A built-in without a signature: calling tells.
        pass
    return verb
