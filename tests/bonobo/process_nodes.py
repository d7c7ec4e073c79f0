"""Nodes for processes of their own; in a module that is quick to import, as each process does."""

import os
import signal
import sys
import threading
import time
from collections import namedtuple
from dataclasses import dataclass

from bonobo.config import Configurable, Option, use_raw_input
from bonobo.constants import BARRIER, INHERIT, NOT_MODIFIED

Named = namedtuple("Named", ["given", "family"])


def same(*row):
    return row


def pid(*row):
    return os.getpid()


def flags(x):
    yield NOT_MODIFIED
    yield INHERIT, x + 1
    yield BARRIER
    yield Named("Ada", x)
    yield None


@use_raw_input
def kind_of(row):
    return type(row).__name__, len(row)


class Scaled(Configurable):
    factor = Option(int, default=2)

    def __call__(self, x):
        return x * self.factor


def nothing(*row):
    return None


def double(data):
    return data + data


class Exact(Exception):
    """Pickles like its arguments."""


class Picky(Exception):
    """Cannot be made from its arguments, as many exceptions cannot."""

    def __init__(self, code, text):
        self.code = code
        super().__init__(text)


class PickyFatal(Picky):
    exit_code = 7
    fatal = True
    throttled = True


class Holding(Exception):
    """Holds what cannot be pickled."""

    def __init__(self, text):
        super().__init__(text)
        self.lock = threading.Lock()


class Mute(Exception):
    def __str__(self):
        raise ValueError

    def __reduce__(self):
        raise ValueError


@dataclass(frozen=True)
class Frozen(Exception):
    code: int


ERRORS = {
    "exact": lambda: Exact("said", 2),
    "picky": lambda: Picky(1, "said"),
    "picky fatal": lambda: PickyFatal(1, "said"),
    "holding": lambda: Holding("said"),
    "mute": Mute,
    "frozen": lambda: Frozen(3),
    "exit": lambda: SystemExit(5),
    "interrupt": KeyboardInterrupt,
}


def raising(kind):
    yield 1
    yield 2
    raise ERRORS[kind]()


def unsendable(x):
    return threading.Lock() if x else x


def exits(code):
    if code is not None:
        os._exit(code)
    return os.getpid()


def signals_itself(name):
    os.kill(os.getpid(), getattr(signal, name))
    time.sleep(0.01)
    return "alive"


def interrupted_program(*row):
    """Whether a program that this process starts can be told to end."""
    import subprocess

    program = subprocess.Popen(
        [sys.executable, "-c", "import time; print(flush=True); time.sleep(60)"], stdout=-1
    )
    program.stdout.readline()
    program.terminate()
    return program.wait(30)


def sleeps(seconds):
    time.sleep(seconds)
    return os.getpid()


def tells_and_sleeps(path):
    with open(f"{path}.new", "w") as file:
        file.write(str(os.getpid()))
    os.rename(f"{path}.new", path)
    time.sleep(60)


def forks(path):
    """Two processes return; the row is the parent's."""
    child = os.fork()
    if child:
        os.waitpid(child, 0)
    return os.getpid()


def dies_before_its_child(path):
    child = os.fork()
    if child:
        with open(path, "w") as file:
            file.write(str(child))
        os._exit(3)
    time.sleep(120)
    os._exit(0)


def dies_before_its_program(path):
    import subprocess

    child = subprocess.Popen(["sleep", "120"], close_fds=False).pid
    with open(path, "w") as file:
        file.write(str(child))
    os._exit(3)


def dies_once(path):
    if not os.path.exists(path):
        open(path, "w").close()
        os._exit(1)
    return "alive"


def jitters(x):
    time.sleep(0.001 * (x * 7 % 5))
    if x % 10 == 3:
        raise Exact(x)
    yield x
    if x % 10 == 5:
        os._exit(1)
    yield -x


class Unmade:
    """Can be pickled and not be made again."""

    def __reduce__(self):
        return _fail, ()

    def __call__(self): ...


def _fail():
    raise LookupError


class Deadly:
    """Ends the process in which it is made again."""

    def __reduce__(self):
        return os._exit, (4,)

    def __call__(self): ...


class Counter:
    def __init__(self, start):
        self.calls = start

    def __call__(self):
        self.calls += 1
        return self.calls


def local():
    def inner(x): ...

    return inner
