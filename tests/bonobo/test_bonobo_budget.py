"""The budget bounds what rows hold together, and can never block for ever."""

import os
import subprocess
import sys
import threading
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import bonobo
from bonobo import Graph, parallel
from bonobo.budget import COUNTED, SHARE, Budget
from bonobo.errors import UsageError

KIB = 1024


def budget(limit):
    """A budget of exactly `limit` bytes over a chain of three nodes."""
    return Budget(int(limit / SHARE), {0: (0, 1, 2), 1: (1, 2), 2: (2,)})


def begun(function, *arguments):
    thread = threading.Thread(target=function, args=arguments, daemon=True)
    thread.start()
    return thread


def blocked(thread):
    thread.join(0.05)
    return thread.is_alive()


class TestBudget:
    def test_what_fits_is_held(self):
        held = budget(100)
        assert held.acquire(0, 60)
        assert held.acquire(0, 40)
        assert held.used == 100

    def test_what_does_not_fit_waits_for_a_release(self):
        held = budget(100)
        held.acquire(1, 60)
        waiting = begun(held.acquire, 0, 60)
        assert blocked(waiting)
        held.release(1, 60)
        waiting.join(30)
        assert held.used == 60

    def test_a_row_over_the_budget_passes_alone(self):
        held = budget(100)
        assert held.acquire(0, 1000)
        waiting = begun(held.acquire, 0, 1)
        assert blocked(waiting)
        held.release(0, 1000)
        waiting.join(30)
        assert held.used == 1

    def test_nothing_waits_for_what_stands_behind_it(self):
        held = budget(100)
        held.acquire(0, 100)
        assert held.acquire(1, 50)
        assert held.acquire(2, 50)
        assert blocked(begun(held.acquire, 1, 50))

    def test_a_row_that_is_kept_is_refused_where_there_is_no_room(self):
        held = budget(100)
        told = []
        held.listen(lambda: told.append(held.used))
        assert held.try_keep(100)
        assert not held.try_keep(1)
        held.release_kept(100)
        assert told == [0]
        assert held.try_keep(1)
        held.release_kept(1)
        assert told == [0]

    def test_a_cancellation_ends_every_wait(self):
        held = budget(100)
        held.acquire(0, 100)
        answers = []
        waiting = [begun(lambda: answers.append(held.acquire(0, 50))) for _ in range(3)]
        held.cancel()
        for thread in waiting:
            thread.join(30)
        assert answers == [False] * 3


@settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
@given(
    sizes=st.lists(st.sampled_from([0, KIB, 5 * KIB, 20 * KIB]), max_size=60),
    memory=st.sampled_from([1, 4 * KIB, 30 * KIB]),
    concurrency=st.lists(st.integers(1, 5), min_size=1, max_size=4),
    growth=st.integers(1, 3),
)
def test_whatever_the_budget_every_row_arrives_in_order(run, sizes, memory, concurrency, growth):
    def grow(number, body):
        time.sleep(0)
        return number, body * growth

    seen = []
    graph = Graph(
        [(number, bytes(size)) for number, size in enumerate(sizes)],
        lambda *row: row,
        *(parallel(grow, n) if n > 1 else grow for n in concurrency),
        lambda number, body: seen.append((number, len(body))),
    )
    assert run(graph, memory=memory).exit_code == 0
    assert seen == [(number, size * growth ** len(concurrency)) for number, size in enumerate(sizes)]


@pytest.mark.parametrize("n", [1, 8])
def test_rows_in_flight_hold_no_more_than_the_budget(run, n):
    rows, size, memory = 400, 64 * KIB, 2048 * KIB
    lock = threading.Lock()
    alive, most = 0, 0

    class Body(bytes):
        def __del__(self):
            nonlocal alive
            with lock:
                alive -= 1

    def made():
        nonlocal alive, most
        with lock:
            alive += 1
            most = max(most, alive)
        return Body(size)

    def source():
        for _ in range(rows):
            yield made()

    def again(body):
        return made()

    def slow(body):
        time.sleep(0.0005)

    assert run(Graph(source, parallel(again, n), lambda body: body, slow), memory=memory).exit_code == 0
    # What is being made or looked at is not yet, or no longer, counted: one row a thread and hand.
    assert most * size <= memory + (3 + 2 * n) * size
    assert alive == 0


def test_small_rows_are_bounded_by_their_number(run, gate):
    made = []

    def source():
        for number in range(10_000):
            made.append(number)
            yield b"x" * (COUNTED - 1)

    def slow(body):
        gate.wait()

    opener = threading.Timer(0.2, lambda: (made.append(None), gate.open()))
    opener.start()
    assert run(Graph(source, slow), memory=1).exit_code == 0
    assert made.index(None) <= bonobo.channel.ROWS_PER_EDGE + 1


@pytest.mark.parametrize("memory", [0, -1, 1.5, True, "1X"])
def test_it_must_be_a_number_of_bytes(run, memory):
    report = run(Graph(range(3)), memory=memory)
    assert report.exit_code == 2
    assert isinstance(report.fatal, UsageError)


@pytest.mark.nightly
def test_rows_of_a_mebibyte_stay_in_memory_as_promised(tmp_path):
    file = tmp_path / "big.py"
    file.write_text(
        "import os, re, time, bonobo\n"
        "def source():\n"
        "    for _ in range(20_000):\n"
        "        yield os.urandom(16) * 65536\n"
        "def changed(body):\n"
        "    return bytes(bytearray(body))\n"
        "def slow(body):\n"
        "    time.sleep(0.0002)\n"
        "bonobo.run(bonobo.Graph(source, changed, lambda body: body, slow))\n"
        # ru_maxrss would remember what the process that runs the tests had.
        "print(int(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1]) // 1024)\n"
    )
    done = subprocess.run(
        [sys.executable, str(file)], capture_output=True, text=True, timeout=280, env={**os.environ}
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 256 + 150
