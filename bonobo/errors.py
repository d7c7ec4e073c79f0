"""One tree of errors; `exit_code` is what a process ends with when the error ends its run.

::

    BonoboError              70
    ├── UsageError            2   the caller asked for something that cannot be; nothing was begun
    ├── GraphError            2   the graph cannot be run: a cycle, a node that nothing feeds, no node at all
    ├── MissingService        2   nodes use services that get_services does not give; `names` lists them
    └── Stopped         130/143   SIGINT or SIGTERM ended the run

A node may raise any exception. One that carries an `exit_code`, or a true attribute `fatal`, or is no
`Exception` (KeyboardInterrupt, SystemExit), ends the run; every other one rejects one row.
"""

from __future__ import annotations

import signal
import traceback
from collections.abc import Sequence

INTERNAL_ERROR = 70


class BonoboError(Exception):
    """Whatever the engine says no with."""

    exit_code = INTERNAL_ERROR


class UsageError(BonoboError):
    """The arguments, the environment or the files make no sense; the message says what to change."""

    exit_code = 2


class GraphError(BonoboError):
    """The graph cannot be run as it is drawn."""

    exit_code = 2


class MissingService(BonoboError):
    """Nodes use services that nobody gives. `names` lists them, sorted."""

    exit_code = 2

    def __init__(self, names: Sequence[str], nodes: Sequence[str]) -> None:
        self.names = tuple(names)
        super().__init__(
            f"missing services: {', '.join(names)} (used by {', '.join(nodes)}); give them in get_services"
        )


class Stopped(BonoboError):
    """A signal ended the run; `exit_code` is 128 and the signal's number, as a shell counts."""

    def __init__(self, signum: int) -> None:
        self.signum = signum
        self.exit_code = 128 + signum
        super().__init__(f"stopped by {signal.Signals(signum).name}")


def code_carried(thing: object) -> int | None:
    """Give the `exit_code` that an exception or a service carries, or None where it carries none."""
    code = getattr(thing, "exit_code", None)
    return code if isinstance(code, int) and not isinstance(code, bool) else None


def is_fatal(error: BaseException) -> bool:
    """Tell whether an exception that left a node ends the run rather than rejecting one row."""
    return (
        not isinstance(error, Exception)
        or code_carried(error) is not None
        or bool(getattr(error, "fatal", False))
    )


def exit_code_of(error: BaseException) -> int:
    """Give the exit code of a run that `error` ended."""
    carried = code_carried(error)
    if carried is not None:
        return carried
    if isinstance(error, KeyboardInterrupt):
        return 128 + signal.SIGINT
    if isinstance(error, SystemExit):
        if error.code is None:
            return 0
        return error.code if isinstance(error.code, int) else 1
    return INTERNAL_ERROR


def where(error: BaseException) -> str:
    """Name the line that raised, as `module:line`; it holds no value, so that a log may show it."""
    place = "unknown place"
    for frame, line in traceback.walk_tb(error.__traceback__):
        place = f"{frame.f_globals.get('__name__', '?')}:{line}"
    return place


def describe(error: BaseException) -> str:
    """Say in one line what ended a run.

    Messages of errors that carry an exit code are written for people. Of any other error only the class
    and the place are shown, since its message may hold a value of somebody's row.
    """
    if code_carried(error) is not None:
        return " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, SystemExit | KeyboardInterrupt):
        return f"{type(error).__name__} at {where(error)}"
    return f"internal error: {type(error).__name__} at {where(error)}"
