"""`executor="process"`: rows of a node are worked on in processes of their own, one row at a time in each.

A process is started when a row finds none idle, and used again. One that dies, or takes too long and is
killed, costs the row that it worked on and nothing else. None outlives the pool, nor this process.
"""

from __future__ import annotations

import atexit
import multiprocessing
import pickle
import signal
import sys
import time
from collections.abc import Iterable, Iterator
from multiprocessing import resource_tracker
from threading import Condition, Lock
from typing import Any

from bonobo.channel import Cancelled
from bonobo.child import serve, unpacked
from bonobo.constants import Row
from bonobo.errors import BonoboError, GraphError, ProcessDied, RowTimeout, class_of
from bonobo.graph import Node, name_of
from bonobo.signals import SIGNALS

CLOSING_SECONDS = 1.0
"""How long idle processes may take to end by themselves when the pool is closed."""

_LONGEST_POLL = 2e6
"""Seconds, 23 days; the system counts milliseconds in 31 bits."""

_SPAWN = multiprocessing.get_context("spawn")
# Starting a process looks after those that ended; two threads that did so at once could miss an exit code.
_STARTING = Lock()


def check_processable(node: Node) -> None:
    """Raise GraphError where a node cannot be sent to another process, or none can be started from here."""
    name = name_of(node)
    here = multiprocessing.current_process()
    # A process that is still importing the file of its parent is not daemonic yet.
    if here.daemon or getattr(here, "_inheriting", False):
        raise GraphError(
            f'{name} asks for executor="process" in a process that can start none; a file that calls '
            'bonobo.run must do so under `if __name__ == "__main__":`, since each process imports the file'
        )
    try:
        pickled = pickle.dumps(node)
    except Exception as error:
        raise GraphError(
            f"{name} cannot be sent to another process ({type(error).__name__}): move its function to module "
            'level, out of any other function and no lambda, or use executor="thread"'
        ) from None
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    # Of such a module multiprocessing makes no copy in a new process.
    if spec is not None and spec.name.endswith(".__main__") and b"__main__" in pickled:
        raise GraphError(
            f"{name} cannot be found by another process: {spec.name} is not imported there; move what the "
            "node is made of to another module of the package"
        )


class ProcessPool:
    """The processes of one node; `timeout` is how many seconds one of them may take for a row.

    What a node holds is pickled once, rows and what is emitted for them each time. Neither context variables
    nor what a node changes in its globals are shared with this process.
    """

    def __init__(self, node: Node, timeout: float | None = None) -> None:
        self._name = name_of(node)
        self._node = pickle.dumps(node, pickle.HIGHEST_PROTOCOL)
        self._timeout = timeout
        # Guards what follows.
        self._changed = Condition()
        self._alive: set[_Process] = set()
        self._idle: list[_Process] = []
        self._over = False
        # At its end the interpreter waits for processes that are left.
        atexit.register(self.cancel)

    def produce(self, row: Row) -> Iterable[Any]:
        """Give what the node emits for a row; what it raises is raised after what it emitted.

        A row that takes too long, or whose process dies, emits nothing. Raises RowTimeout and ProcessDied for
        the row, BonoboError where no process can be had, and Cancelled once the pool is over. From any
        thread; each call takes a process for itself.
        """
        message = pickle.dumps(row, pickle.HIGHEST_PROTOCOL)
        process = self._take()
        try:
            answer = process.ask(message, self._timeout)
        except (OSError, EOFError, RowTimeout) as error:
            ended = self._give_up(process)
            if isinstance(error, RowTimeout):
                raise
            raise ProcessDied(f"the process that worked on the row died ({ended})") from None
        except BaseException:
            self._give_up(process)
            raise
        self._give_back(process)
        values, raised = unpacked(answer)
        return values if raised is None else _failing(values, raised)

    def cancel(self) -> None:
        """Kill every process; calls raise Cancelled, now and later."""
        with self._changed:
            self._over = True
            for process in self._alive:
                process.kill()

    def close(self) -> None:
        """End every process: idle ones by themselves if they do so within a second, the others at once."""
        deadline = time.monotonic() + CLOSING_SECONDS
        with self._changed:
            self._over = True
            idle, self._idle = self._idle, []
            for process in self._alive.difference(idle):
                process.kill()
        for process in idle:
            process.hang_up()
        for process in idle:
            self._end(process, max(0.0, deadline - time.monotonic()))
        with self._changed:
            self._changed.wait_for(lambda: not self._alive, max(0.0, deadline - time.monotonic()))
        atexit.unregister(self.cancel)

    def _take(self) -> _Process:
        while True:
            with self._changed:
                self._check_over()
                if not self._idle:
                    break
                process = self._idle.pop()
            if process.is_alive():
                return process
            self._end(process)
        return self._start()

    def _start(self) -> _Process:
        try:
            process = _Process(self._name)
        except OSError as error:
            raise BonoboError(f"{self._name}: no process can be started: {error.strerror}") from None
        with self._changed:
            self._alive.add(process)
            if self._over:
                process.kill()
        try:
            _, problem = unpacked(process.ask(self._node, None))
        except (OSError, EOFError):
            raise BonoboError(
                f"{self._name}: its process ended before the first row ({self._give_up(process)}); its "
                "traceback, if it printed one, says why. A file that calls bonobo.run must do so under "
                '`if __name__ == "__main__":`, since each process imports the file'
            ) from None
        if problem is not None:
            self._give_up(process)
            said = f"{self._name} cannot be made in another process: {class_of(problem)}"
            raise GraphError(said) from problem
        return process

    def _give_back(self, process: _Process) -> None:
        with self._changed:
            if not self._over:
                self._idle.append(process)
                return
        self._end(process)

    def _give_up(self, process: _Process) -> str:
        """Kill a process and say how it ended. Raises Cancelled where the pool is over."""
        process.kill()
        ended = self._end(process)
        with self._changed:
            self._check_over()
        return ended

    def _end(self, process: _Process, seconds: float = 0.0) -> str:
        ended = process.end(seconds)
        with self._changed:
            self._alive.discard(process)
            self._changed.notify_all()
        return ended

    def _check_over(self) -> None:
        if self._over:
            raise Cancelled


class _Process:
    """One process and the connection to it. One thread at a time asks; any may kill."""

    def __init__(self, node: str) -> None:
        self._connection, theirs = _SPAWN.Pipe()
        self._process = _SPAWN.Process(target=serve, args=(theirs,), name=f"bonobo {node}", daemon=True)
        self._lock = Lock()
        self._ended = False
        try:
            self._launch()
        except BaseException:
            self._connection.close()
            raise
        finally:
            theirs.close()

    def _launch(self) -> None:
        with _STARTING:
            # It would unblock the signals; where it runs already, it leaves them alone.
            resource_tracker.ensure_running()
            before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
            try:
                self._process.start()
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def ask(self, message: bytes, timeout: float | None) -> bytes:
        """Send a message and wait for its answer. Raises OSError, EOFError and RowTimeout."""
        self._connection.send_bytes(message)
        if timeout is not None and not self._connection.poll(min(timeout, _LONGEST_POLL)):
            raise RowTimeout(timeout)
        return self._connection.recv_bytes()

    def is_alive(self) -> bool:
        return self._process.is_alive()

    def hang_up(self) -> None:
        """Let the process end by itself."""
        self._connection.close()

    def kill(self) -> None:
        with self._lock:
            if not self._ended:
                self._process.kill()

    def end(self, seconds: float) -> str:
        """Wait so long for the process to end, kill it then, leave nothing of it, and say how it ended."""
        self.hang_up()
        self._process.join(seconds)
        if self._process.exitcode is None:
            self._process.kill()
            self._process.join(CLOSING_SECONDS)
        code = self._process.exitcode
        with self._lock:
            self._ended = True
            if code is not None:
                self._process.close()
        return "it does not end" if code is None else _how(code)


def _how(code: int) -> str:
    return f"exit code {code}" if code >= 0 else f"signal {-code}"


def _failing(values: list[Any], error: BaseException) -> Iterator[Any]:
    yield from values
    raise error
