"""Commands in processes of their own that need not read their modules again: a process that has, forks.

Each is what the installed script or a container runs, with its own arguments, environment, folder and files,
up to its end.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import pkgutil
import signal
import socket
import struct
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

LENGTH = struct.Struct("!I")
ANSWER = 8
PRELOADED = ("boto3", "deltalake", "duckdb", "obstore", "pyarrow.dataset", "pyarrow.parquet", "pydicom")
MAINS = {
    "warehouse": ("warehouse.__main__", "main"),
    "bonobo": ("bonobo.cli", "main"),
    "task": ("warehouse.cloud.task", "main"),
}


class Forking:
    """A process that has read all modules, and that becomes commands; close it in the end."""

    def __init__(self, environment):
        self._line, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, __file__, str(theirs.fileno())], env=environment, pass_fds=[theirs.fileno()]
            )

    def run(self, name, arguments, folder, environment, timeout, typed=""):
        """Run a command to its end; its code as `subprocess` gives it, and what it wrote on both pipes.

        `typed` is what it reads, no more than a pipe holds. Raises TimeoutExpired, and then it is no more.
        """
        asked = json.dumps([name, [*map(str, arguments)], str(folder), environment, timeout]).encode()
        (given, given_end), (out, out_end), (err, err_end) = os.pipe(), os.pipe(), os.pipe()
        os.write(given_end, typed.encode())
        os.close(given_end)
        theirs = [given, out_end, err_end]
        socket.send_fds(self._line, [LENGTH.pack(len(asked))], theirs)
        for end in theirs:
            os.close(end)
        self._line.sendall(asked)
        with ThreadPoolExecutor(2) as readers:
            read = [readers.submit(Path(f"/dev/fd/{end}").read_text, "utf-8") for end in (out, err)]
            code = json.loads(read_exactly(self._line, ANSWER))
            written = [one.result() for one in read]
        os.close(out)
        os.close(err)
        if code is None:
            raise subprocess.TimeoutExpired([name, *arguments], timeout)
        return code, *written

    def close(self):
        self._line.close()
        self._process.wait(timeout=10)


def preload():
    """Read what any command may read: the libraries, and all modules of both packages."""
    for name in PRELOADED:
        importlib.import_module(name)
    for package in ("bonobo", "warehouse"):
        found = importlib.import_module(package)
        for module in pkgutil.walk_packages(found.__path__, f"{package}."):
            with contextlib.suppress(ImportError):
                if not module.name.endswith("__main__"):
                    importlib.import_module(module.name)
    patience = time.monotonic() + 10
    while len(lost := threads_but_this()) > 0:
        assert time.monotonic() < patience, f"a fork would lose threads: {lost}"
        time.sleep(0.01)


def threads_but_this():
    """The names of the threads that a fork would be without, where the system tells; they name themselves."""
    names = [task.read_text().strip() for task in Path("/proc/self/task").glob("*/comm")]
    # jemalloc starts its own anew in a fork.
    return [name for name in names if name != "jemalloc_bg_thd"][1:]


def read_exactly(line, size):
    data = b""
    while len(data) < size and (more := line.recv(size - len(data))):
        data += more
    return data


def become(name, arguments, folder, environment):
    """Take the place of a process that was started by itself."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = [str(Path(sys.executable).with_name(name)), *arguments]


def wait_for(child, timeout):
    """Its code when it ends; None where it had to be ended."""
    signal.alarm(timeout)
    try:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    except TimeoutError:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        return None
    finally:
        signal.alarm(0)


def serve(line):
    """Fork for each request; in the fork, give the function that is the command."""

    def ring(*_):
        raise TimeoutError

    signal.signal(signal.SIGALRM, ring)
    while True:
        head, ends, *_ = socket.recv_fds(line, LENGTH.size, 3)
        if not head:
            return None
        *asked, timeout = json.loads(read_exactly(line, *LENGTH.unpack(head)))
        child = os.fork()
        if not child:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            line.close()
            for number, end in enumerate(ends):
                os.dup2(end, number)
                os.close(end)
            become(*asked)
            module, function = MAINS[asked[0]]
            return getattr(importlib.import_module(module), function)
        for end in ends:
            os.close(end)
        line.sendall(json.dumps(wait_for(child, timeout)).encode().rjust(ANSWER))


if __name__ == "__main__":
    preload()
    # What the garbage collector never touches, a fork need not copy.
    gc.freeze()
    command = serve(socket.socket(fileno=int(sys.argv[1])))
    if command is not None:
        sys.exit(command())
