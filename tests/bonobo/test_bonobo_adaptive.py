"""Concurrency against simulated services: it settles where more does not pay, and gives way when told to."""

import heapq
import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bonobo.adaptive import PATIENCE, WINDOW_SECONDS, Concurrency


class Service:
    """A service that works on `capacity` requests at once, each for `latency` seconds, and queues the others.

    Where more than `limit` are under way it refuses, soon. `history` holds (time, allowed, throttled).
    """

    def __init__(self, concurrency, capacity, latency, *, limit=None, jitter=0.2, seed=1):
        self.concurrency = concurrency
        self.latency = latency
        self.limit = limit
        self.jitter = jitter
        self.now = 0.0
        self.history = []
        self._chance = random.Random(seed)
        self._free = [0.0] * capacity
        self._under_way = []
        self._number = 0

    def serve(self, seconds):
        end = self.now + seconds
        while self.now < end:
            while len(self._under_way) < self.concurrency.allowed:
                self._take()
            self.now, _, throttled = heapq.heappop(self._under_way)
            tell = self.concurrency.throttled if throttled else self.concurrency.completed
            tell(self.now)
            self.history.append((self.now, self.concurrency.allowed, throttled))
        return self

    def _take(self):
        self._number += 1
        if self.limit is not None and len(self._under_way) >= self.limit:
            heapq.heappush(self._under_way, (self.now + self.latency / 10, self._number, True))
            return
        seconds = self.latency * (1 + self.jitter * self._chance.uniform(-1, 1))
        ended = max(self.now, heapq.heappop(self._free)) + seconds
        heapq.heappush(self._free, ended)
        heapq.heappush(self._under_way, (ended, self._number, False))

    def allowed_after(self, seconds):
        return [allowed for now, allowed, _ in self.history if now >= seconds]


@pytest.mark.parametrize("latency", [0.002, 0.05, 0.5])
@pytest.mark.parametrize("capacity", [5, 10, 20, 40])
@pytest.mark.parametrize("seed", range(3))
def test_it_settles_near_the_knee(capacity, latency, seed):
    seconds = 20 if latency < 0.5 else 60
    service = Service(Concurrency(), capacity, latency, seed=seed).serve(seconds)
    settled = sorted(service.allowed_after(seconds / 2))
    typical = settled[len(settled) // 2]
    assert capacity * 0.8 <= typical <= capacity * 1.6
    assert settled[-1] <= capacity * 2.5


def test_what_never_saturates_reaches_the_ceiling():
    for ceiling in (6, 64):
        service = Service(Concurrency(ceiling), 100, 0.05, jitter=0).serve(20)
        assert max(service.allowed_after(0)) == ceiling


def test_it_does_not_grow_where_nothing_is_gained():
    service = Service(Concurrency(), 1, 0.01).serve(20)
    assert set(service.allowed_after(0)) == {4, 6}


def test_where_more_harms_it_goes_back():
    """A service that is slower for everybody the more ask at once."""
    concurrency, now, seen = Concurrency(), 0.0, []
    for _ in range(20_000):
        now += 0.001 * max(1, concurrency.allowed / 8)
        concurrency.completed(now)
        seen.append(concurrency.allowed)
    assert max(seen) <= 9


def test_it_grows_again_when_the_service_does():
    service = Service(Concurrency(), 8, 0.05).serve(20)
    assert max(service.allowed_after(0)) < 20
    grown = Service(service.concurrency, 100, 0.05)
    grown.now = service.now
    assert max(grown.serve(20).allowed_after(0)) > 40


def test_throttling_halves_and_then_it_recovers():
    concurrency = Concurrency()
    service = Service(concurrency, 100, 0.05).serve(10)
    before = concurrency.allowed
    assert before > 40
    service.limit = 20
    service.serve(20)
    held = service.allowed_after(15)
    assert min(held) >= 8
    assert max(held) <= 40
    first = next(now for now, _, throttled in service.history if throttled)
    assert service.allowed_after(first)[0] == before // 2
    service.limit = None
    service.serve(10)
    assert concurrency.allowed > 40


def test_it_is_halved_at_most_once_a_window():
    concurrency = Concurrency(start=64)
    for number in range(1000):
        concurrency.throttled(WINDOW_SECONDS * number / 1000)
    assert concurrency.allowed == 32


def test_answers_to_what_was_sent_before_a_cut_do_not_cut_again():
    concurrency = Concurrency(start=16)
    concurrency.throttled(0.0)
    for _ in range(15):
        concurrency.throttled(10.0)
    assert concurrency.allowed == 8
    concurrency.throttled(10.0)
    concurrency.throttled(10.0)
    assert concurrency.allowed == 4


def test_a_service_that_refuses_everything_gets_one_at_a_time():
    concurrency, now = Concurrency(), 0.0
    for _ in range(1000):
        now += 0.1
        concurrency.throttled(now)
    assert concurrency.allowed == 1


def test_growth_is_not_tried_again_at_once():
    """One completion a millisecond whatever is allowed: trials are PATIENCE windows apart."""
    concurrency, now, changes = Concurrency(), 0.0, []
    while len(changes) < 6:
        now += 0.001
        before = concurrency.allowed
        concurrency.completed(now)
        if concurrency.allowed > before:
            changes.append(now)
    pauses = [later - earlier for earlier, later in itertools.pairwise(changes)]
    assert min(pauses) > PATIENCE * WINDOW_SECONDS


@given(
    st.lists(st.tuples(st.booleans(), st.floats(0, 2)), max_size=300),
    st.integers(1, 64),
    st.integers(1, 64),
)
def test_it_stays_within_its_bounds(events, ceiling, start):
    concurrency, now = Concurrency(ceiling, start), 0.0
    for throttled, pause in events:
        now += pause
        (concurrency.throttled if throttled else concurrency.completed)(now)
        assert 1 <= concurrency.allowed <= ceiling
