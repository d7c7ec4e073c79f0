"""Instances of DuckDB, used by one workspace after another: to make one takes longer than most questions.

An instance is cut off from the world as it is made, and stays so: it downloads no extension, reaches no
network and opens no file but those of its own folder, which is there only while a workspace uses it.
"""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections import deque
from collections.abc import Mapping
from typing import Any

import duckdb

THREADS = 4  # each thread holds buffers of its own: more of them need more memory
MOST_IDLE = 4  # what one load uses at a time; each holds some 5 MB

SETTINGS: Mapping[str, Any] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "python_enable_replacements": False,
    "threads": min(THREADS, os.cpu_count() or 1),
}

# Nobody will read the file after a crash, so that nobody waits for the disk.
_ATTACH = "ATTACH {} AS work (RECOVERY_MODE no_wal_writes)"
_IN_IT = "USE work"


class Engine:
    """An instance, at work for one workspace at a time. Every method raises duckdb.Error and OSError."""

    def __init__(self) -> None:
        self._process = os.getpid()
        self._place = tempfile.gettempdir()
        self._folder = os.path.join(self._place, f"warehouse-{secrets.token_hex(8)}")
        self._spill = os.path.join(self._folder, "spill")
        self._instance = duckdb.connect(config={**SETTINGS, "temp_directory": self._spill})
        self._instance.execute("SET GLOBAL TimeZone = 'UTC'")
        # Once access is off, no setting widens it again.
        self._instance.execute(f"SET allowed_directories = [{_quoted(self._folder + os.sep)}]")
        self._instance.execute("SET enable_external_access = false")
        self._memory = ""

    @property
    def fits(self) -> bool:
        """Whether it was made by this process, for where temporary files go now."""
        return self._process == os.getpid() and self._place == tempfile.gettempdir()

    def begin(self, memory: str) -> duckdb.DuckDBPyConnection:
        """An empty database on disk, for this user's eyes only, and the connection that works in it."""
        os.mkdir(self._folder, 0o700)
        connection = self._instance.cursor()
        if memory != self._memory:
            connection.execute(f"SET memory_limit = {_quoted(memory)}")
            self._memory = memory
        connection.execute("RESET disabled_optimizers")
        connection.execute(_ATTACH.format(_quoted(os.path.join(self._folder, "work.duckdb"))))
        connection.execute(_IN_IT)
        return connection

    def end(self, connection: duckdb.DuckDBPyConnection) -> bool:
        """Take the database away with its files; tell whether the instance is as it was before."""
        spilled = os.path.exists(self._spill)
        connection.close()
        self._instance.execute("DETACH work")
        shutil.rmtree(self._folder, ignore_errors=True)
        # Where it turned to the disk it would look for that folder again, and not make it anew.
        return not spilled

    def close(self) -> None:
        """Give up the instance and its files; idempotent."""
        self._instance.close()
        shutil.rmtree(self._folder, ignore_errors=True)


def beside(connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """Another connection that works in the same database, for another thread; to be closed before it."""
    another = connection.cursor()
    another.execute(_IN_IT)
    return another


_idle: deque[Engine] = deque()

# Closing an instance of the process that this one was forked off would wait for threads that are not here.
_of_others: list[Engine] = []


def take() -> Engine:
    """An instance that nobody uses, made where there is none."""
    while True:
        try:
            engine = _idle.pop()
        except IndexError:
            return Engine()
        if engine.fits:
            return engine
        _of_others.append(engine)


def give_back(engine: Engine) -> None:
    """Keep an instance for the next who asks, or give it up where enough are kept."""
    if len(_idle) < MOST_IDLE:
        _idle.append(engine)
    else:
        engine.close()


def _quoted(text: str) -> str:
    """A literal of SQL."""
    return "'" + text.replace("'", "''") + "'"
