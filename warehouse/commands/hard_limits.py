"""A question that its engine does not interrupt is ended with this process: its time and memory are promises,
and a signal is obeyed.

The query engine looks at its limits between batches, and one call of one function may take hours and all
the memory there is. So a thread watches from outside.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from threading import Event, Thread

from bonobo.errors import Stopped
from bonobo.signals import SIGNALS, SignalWatch
from warehouse.errors import QueryError
from warehouse.storage.local_files import remove_unfinished

GRACE_SECONDS = 3.0
"""What the query engine's own limit gets, to end in order, before the process is ended."""

SPARE_BYTES = 768 * 1024 * 1024
"""What may be held beside the query engine's own memory, and what was held before: batches on their way."""

LOOK_SECONDS = 0.1


@contextmanager
def hard_limits(seconds: float, mebibytes: int) -> Generator[None]:
    """End the process, with one line and the code of a QueryError, where a question goes beyond its limits.

    A signal ends it with the signal's code: in order, and where the query engine does not let it, all the
    same. Temporary files of the question stand in a folder that is then removed. Main thread only.
    """
    before = tempfile.tempdir
    with (
        SignalWatch() as signals,
        _signals_seen() as seen,
        tempfile.TemporaryDirectory(prefix="warehouse-", ignore_cleanup_errors=True) as folder,
    ):
        tempfile.tempdir = folder
        over = Event()
        most = _resident() + mebibytes * 1024 * 1024 + SPARE_BYTES
        watch = Thread(target=_watch, args=(over, seen, seconds, most, folder), name="limits", daemon=True)
        watch.start()
        try:
            yield
        except RuntimeError:
            # The query engine's word for a signal that came while it was at work.
            if signals.first is None:
                raise
            raise signals.first from None
        finally:
            over.set()
            watch.join()
            tempfile.tempdir = before


@contextmanager
def _signals_seen() -> Generator[socket.socket]:
    """Where the number of each signal can be read at once, whatever the main thread is at."""
    reading, writing = socket.socketpair()
    with reading, writing:
        reading.setblocking(False)
        writing.setblocking(False)
        before = signal.set_wakeup_fd(writing.fileno(), warn_on_full_buffer=False)
        try:
            yield reading
        finally:
            signal.set_wakeup_fd(before)


def _watch(over: Event, seen: socket.socket, seconds: float, most: int, folder: str) -> None:
    deadline, stopped = time.monotonic() + seconds + GRACE_SECONDS, None
    ended = f"it took longer than {seconds:g} s: ask for less, or give it more time", QueryError.exit_code
    while not over.wait(LOOK_SECONDS):
        if stopped is None and (stopped := _stopped(seen)) is not None:
            deadline, ended = time.monotonic() + GRACE_SECONDS, (str(stopped), stopped.exit_code)
        if time.monotonic() > deadline:
            _end(*ended, folder)
        if _resident() > most:
            said = "it needs more memory than it was given: ask for less, or give it more"
            _end(said, QueryError.exit_code, folder)


def _stopped(seen: socket.socket) -> Stopped | None:
    """The first signal that came and ends a process, if one did."""
    with suppress(BlockingIOError):
        return next((Stopped(one) for one in seen.recv(64) if one in SIGNALS), None)
    return None


def _resident() -> int:
    """The bytes that this process holds, 0 where the system does not tell."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0


def _end(said: str, code: int, folder: str) -> None:
    with suppress(OSError, ValueError, AttributeError):
        print(f"error: {said}", file=sys.stderr, flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    remove_unfinished()
    os._exit(code)
