"""The inside of a process that works for a node: a row comes, what the node emits for it goes back.

The parent decides when it ends: signals are not answered here, and the end of the parent, however sudden,
is the end of the process, even in the middle of a row.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import traceback
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from threading import Thread
from typing import Any

from bonobo.config.declarations import declaration_of
from bonobo.emission import Produce, producer
from bonobo.errors import RemoteError, raised_elsewhere, where
from bonobo.signals import SIGNALS
from bonobo.time_limit import attempt

READY: Sequence[Any] = ()
"""What is emitted, as it were, once the node is there."""

_CARRIED = ("exit_code", "fatal", "throttled")


def serve(connection: Connection) -> None:
    """Receive a node, then rows, one at a time, until the connection ends, on whichever side."""
    _outlast_signals()
    _keep_to_this_process(connection)
    Thread(target=_end_with_parent, name="parent", daemon=True).start()
    # OSError: the parent ended while it was written to, or this process is a copy that has no connection.
    with suppress(EOFError, OSError):
        produce = _received(connection)
        while produce is not None:
            message = connection.recv_bytes()
            connection.send_bytes(_answer(produce, message))


def _received(connection: Connection) -> Produce | None:
    """Receive the node and tell whether it can be made; None where it cannot."""
    message = connection.recv_bytes()
    try:
        node = pickle.loads(message)
        produce = producer(node, {}, input=declaration_of(node).input)
    except BaseException as error:
        connection.send_bytes(packed([], error))
        return None
    connection.send_bytes(packed(READY, None))
    return produce


def _answer(produce: Produce, message: bytes) -> bytes:
    try:
        row = pickle.loads(message)
    except Exception as error:
        return packed([], error)
    made = attempt(produce, row, lambda: False)
    return packed(made.values, made.error)


def packed(values: Sequence[Any], error: BaseException | None) -> bytes:
    """Make a message of what was emitted and of what was raised; `unpacked` gives both back.

    An exception that cannot be pickled is replaced by a RemoteError. Values that cannot be pickled are an
    error, unless there is one already.
    """
    try:
        return pickle.dumps((values, _travelling(error)), pickle.HIGHEST_PROTOCOL)
    except Exception as problem:
        return pickle.dumps(([], _travelling(error or problem)), pickle.HIGHEST_PROTOCOL)


def unpacked(message: bytes) -> tuple[list[Any], BaseException | None]:
    """Read a message of `packed`; `where` of the exception is the place that raised it, there."""
    values, travelled = pickle.loads(message)
    if travelled is None:
        return values, None
    pickled, place, trace = travelled
    return values, raised_elsewhere(pickle.loads(pickled), place, trace)


def _travelling(error: BaseException | None) -> tuple[bytes, str, str] | None:
    if error is None:
        return None
    trace = "".join(traceback.format_exception(error)).rstrip()
    # There the file that is run has another name.
    place = where(error).replace("__mp_main__:", "__main__:")
    return _pickled(error), place, f"In another process:\n{trace}"


def _pickled(error: BaseException) -> bytes:
    try:
        message = pickle.dumps(error, pickle.HIGHEST_PROTOCOL)
        # Exceptions whose arguments are not those of their __init__ are found out here, and not on arrival.
        if type(pickle.loads(message)) is type(error):
            return message
    except Exception:
        pass
    carried = {name: getattr(error, name) for name in _CARRIED if _is_plain(getattr(error, name, None))}
    return pickle.dumps(RemoteError(type(error).__name__, _message(error), carried))


def _is_plain(value: object) -> bool:
    return type(value) in (bool, int)


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:
        return ""


def _keep_to_this_process(connection: Connection) -> None:
    """Let no process that the node starts hold the connection, whose end tells that this one died."""
    os.set_inheritable(connection.fileno(), False)
    os.register_at_fork(after_in_child=connection.close)


def _outlast_signals() -> None:
    # Handlers that do nothing, rather than SIG_IGN: a program that a node starts can still be interrupted.
    for signum in SIGNALS:
        signal.signal(signum, lambda signum, frame: None)
    # The parent blocked them, so that none came before this.
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)
