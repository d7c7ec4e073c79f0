"""Helpers of the engine's tests: nothing may hang, so everything that runs a graph runs under a deadline."""

import faulthandler
import sys
import threading

import pytest

import bonobo

DEADLINE = 30


@pytest.fixture(autouse=True)
def _many_switches():
    """Let threads take turns often, so that few rows meet many interleavings."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


def in_time(function, *arguments, **keywords):
    """Call a function in another thread and give what it returned; fail where it takes too long."""
    outcome = []

    def call():
        try:
            outcome.append((function(*arguments, **keywords), None))
        except BaseException as error:
            outcome.append((None, error))

    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    thread.join(DEADLINE)
    if not outcome:
        faulthandler.dump_traceback(all_threads=True)
        pytest.fail(f"still running after {DEADLINE} s", pytrace=False)
    value, error = outcome[0]
    if error is not None:
        raise error
    return value


@pytest.fixture(name="in_time")
def in_time_fixture():
    """Call any function under a deadline."""
    return in_time


@pytest.fixture
def run():
    """`bonobo.run` without output, under a deadline."""

    def run(graph, **keywords):
        return in_time(bonobo.run, graph, **{"console": bonobo.QUIET, **keywords})

    return run


@pytest.fixture
def run_graph():
    """`bonobo.testing.run_graph` under a deadline."""
    from bonobo.testing import run_graph

    def run(graph, **keywords):
        return in_time(run_graph, graph, **keywords)

    return run


class Gate:
    """An event whose wait fails rather than hangs."""

    def __init__(self):
        self._event = threading.Event()

    def open(self):
        self._event.set()

    def wait(self):
        if not self._event.wait(DEADLINE):
            raise SystemError("nobody opened the gate")


@pytest.fixture
def gate():
    return Gate()


@pytest.fixture
def gates():
    """Make as many gates as a test needs."""
    return Gate
