"""A question that its engine does not interrupt is ended with this process: its time and memory are promises.

The query engine looks at its limits between batches, and one call of one function may take hours and all
the memory there is. So a thread watches from outside.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from threading import Event, Thread

from warehouse.errors import QueryError

GRACE_SECONDS = 3.0
"""What the query engine's own limit gets, to end in order, before the process is ended."""

SPARE_BYTES = 768 * 1024 * 1024
"""What may be held beside the query engine's own memory: the program itself, and batches on their way."""

LOOK_SECONDS = 0.1


@contextmanager
def hard_limits(seconds: float, mebibytes: int) -> Generator[None]:
    """End the process, with one line and the code of a QueryError, where a question goes beyond its limits.

    Temporary files of the question stand in a folder that is then removed.
    """
    before = tempfile.tempdir
    with tempfile.TemporaryDirectory(prefix="warehouse-", ignore_cleanup_errors=True) as folder:
        tempfile.tempdir = folder
        over = Event()
        most = mebibytes * 1024 * 1024 + SPARE_BYTES
        watch = Thread(target=_watch, args=(over, seconds, most, folder), name="limits", daemon=True)
        watch.start()
        try:
            yield
        finally:
            over.set()
            watch.join()
            tempfile.tempdir = before


def _watch(over: Event, seconds: float, most: int, folder: str) -> None:
    deadline = time.monotonic() + seconds + GRACE_SECONDS
    while not over.wait(LOOK_SECONDS):
        if time.monotonic() > deadline:
            _end(f"it took longer than {seconds:g} s: ask for less, or give it more time", folder)
        if _resident() > most:
            _end("it needs more memory than it was given: ask for less, or give it more", folder)


def _resident() -> int:
    """The bytes that this process holds, 0 where the system does not tell."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0


def _end(said: str, folder: str) -> None:
    with suppress(OSError, ValueError, AttributeError):
        print(f"error: {said}", file=sys.stderr, flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(QueryError.exit_code)
