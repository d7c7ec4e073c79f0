"""One tree of errors; `exit_code` is what a process ends with when the error ends its run.

::

    BonoboError              70
    ├── UsageError            2   the caller asked for something that cannot be; nothing was begun
    ├── GraphError            2   the graph cannot be run: a cycle, a node that nothing feeds, no node at all
    ├── MissingService        2   nodes use services that get_services does not give; `names` lists them
    ├── TooManyErrors        70   more rows failed than `max_errors` lets pass
    ├── ReportLost            4   the run is over, and its report could not be written
    ├── OutputLeft          141   whoever read standard output has left
    └── Stopped         130/143   SIGINT or SIGTERM ended the run

    RowError                      what the engine says of one row; the run goes on
    ├── RowTimeout                a TimeoutError: the row took longer than its node's `timeout`
    ├── ProcessDied               the process that worked on the row died
    └── RemoteError               stands for an exception that cannot leave the process it was raised in

A node may raise any exception. One that carries an `exit_code`, or a true attribute `fatal`, or is no
`Exception` (KeyboardInterrupt, SystemExit), ends the run; every other one rejects one row. A true
attribute `throttled` says that a service asked for fewer requests: a node with `n="auto"` then works on
fewer rows at once.
"""

from __future__ import annotations

import select
import signal
import sys
import traceback
from collections.abc import Mapping, Sequence
from typing import Any

INTERNAL_ERROR = 70
_PLACE = "__bonobo_place__"


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
        hint = ", or --dead-letters a FILE" if "dead_letters" in names else ""
        used = f"missing services: {', '.join(names)} (used by {', '.join(nodes)})"
        super().__init__(f"{used}; give them in get_services{hint}")


class TooManyErrors(BonoboError):
    """More rows failed than `max_errors` lets pass; `allowed` says in words how many that are."""

    def __init__(self, allowed: object) -> None:
        self.allowed = str(allowed)
        super().__init__(f"more than {self.allowed} failed")


class ReportLost(BonoboError):
    """The report of a run that is over could not be written: mend the cause, run again."""

    exit_code = 4


class Stopped(BonoboError):
    """A signal ended the run; `exit_code` is 128 and the signal's number, as a shell counts."""

    def __init__(self, signum: int) -> None:
        self.signum = signum
        self.exit_code = 128 + signum
        super().__init__(f"stopped by {signal.Signals(signum).name}")


class OutputLeft(BonoboError):
    """Whoever read standard output has left: nobody is there to work for. The code is that of SIGPIPE."""

    exit_code = 128 + signal.SIGPIPE

    def __init__(self) -> None:
        super().__init__("whoever read standard output has left")


class RowError(Exception):
    """What the engine itself has against one row."""


class RowTimeout(RowError, TimeoutError):
    """A row took longer than its node's `timeout`."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        super().__init__(f"no result within {seconds:g} s")

    def __reduce__(self) -> tuple[type[RowTimeout], tuple[float]]:
        return type(self), (self.seconds,)


class ProcessDied(RowError):
    """The process that worked on a row died: it crashed, was killed, or called `os._exit`."""


class RemoteError(RowError):
    """Stands for an exception of another process that cannot be pickled; `name` is that one's class.

    What the other one carried, of `exit_code`, `fatal` and `throttled`, this one carries too.
    """

    def __init__(self, name: str, message: str, carried: Mapping[str, Any]) -> None:
        self.name = name
        self.message = message
        self.carried = dict(carried)
        vars(self).update(self.carried)
        super().__init__(message)

    def __reduce__(self) -> tuple[type[RemoteError], tuple[str, str, dict[str, Any]]]:
        return type(self), (self.name, self.message, self.carried)


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


def output_left(error: BaseException) -> bool:
    """Tell whether an exception came of writing to a standard output whose reader has left."""
    if not isinstance(error, BrokenPipeError):
        return False
    try:
        poll = select.poll()
        poll.register(sys.stdout.fileno(), 0)  # hang-ups are reported whatever is asked for
        return bool(poll.poll(0))
    except (AttributeError, OSError, ValueError):
        return False


def is_throttling(error: BaseException) -> bool:
    """Tell whether an exception says that a service asked for fewer requests at once."""
    return bool(getattr(error, "throttled", False))


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


def class_of(error: BaseException) -> str:
    """Name an exception's class, also of one that was raised in another process."""
    return error.name if isinstance(error, RemoteError) else type(error).__name__


def raised_elsewhere(error: BaseException, place: str, trace: str) -> BaseException:
    """Give an exception of another process with its `where` and its traceback, as a note, kept in it."""
    # Through the dictionary, as the class of an exception may refuse to be given attributes.
    vars(error)[_PLACE] = place
    vars(error)["__notes__"] = [*getattr(error, "__notes__", ()), trace]
    return error


def where(error: BaseException) -> str:
    """Name the line that raised, as `module:line`; it holds no value, so that a log may show it."""
    place = vars(error).get(_PLACE)
    if isinstance(place, str):
        return place
    place = "unknown place"
    for frame, line in traceback.walk_tb(error.__traceback__):
        place = f"{frame.f_globals.get('__name__', '?')}:{line}"
    if isinstance(error, TypeError) and place.startswith("bonobo.emission:"):
        return "its call, whose arguments the row's fields and the services do not fit"
    return place


def describe(error: BaseException, node: str | None = None) -> str:
    """Say in one line what ended a run, and in which node where it was one.

    Messages of errors that carry an exit code are written for people. Of any other error only the class
    and the place are shown, since its message may hold a value of somebody's row.
    """
    if code_carried(error) is not None:
        return _message(error) or class_of(error)
    if isinstance(error, SystemExit | KeyboardInterrupt):
        return f"{class_of(error)} at {where(error)}"
    return f"{node or 'internal error'}: {class_of(error)} at {where(error)}"


def _message(error: BaseException) -> str:
    try:
        return " ".join(str(error).split())
    except Exception:
        # Somebody's `__str__`.
        return ""
