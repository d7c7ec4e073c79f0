"""Several prefixes listed at a time: everything once, each in order, errors whole, nothing left over."""

from __future__ import annotations

import threading

import pytest

from warehouse.errors import StoreFault
from warehouse.storage import together
from warehouse.storage.memory import MemoryStore
from warehouse.storage.together import list_together


class Watched(MemoryStore):
    """Says how many listings are under way at once, and fails or waits where it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.under_way = self.most = 0
        self.failing = None
        self.meeting: threading.Barrier | None = None
        self._watch = threading.Lock()

    def list(self, prefix=""):
        with self._watch:
            self.under_way += 1
            self.most = max(self.most, self.under_way)
        try:
            if self.meeting is not None:
                self.meeting.wait(timeout=30)
            yield from super().list(prefix)
            if prefix == self.failing:
                raise StoreFault("list", prefix)
        finally:
            with self._watch:
                self.under_way -= 1


@pytest.fixture
def store(monkeypatch):
    monkeypatch.setattr(together, "PAGE", 3)
    watched = Watched()
    for prefix in "abcdef":
        for number in range(10):
            watched.put(f"raw-{prefix}/{number}", b"")
    return watched


PREFIXES = [f"raw-{prefix}/" for prefix in "abcdef"]


@pytest.mark.parametrize("at_once", [1, 2, 3, 50])
def test_all_of_every_prefix_in_its_order(store, at_once):
    found = [info.key for info in list_together(store, PREFIXES, at_once)]
    assert sorted(found) == sorted(info.key for info in store.list())
    for prefix in PREFIXES:
        mine = [key for key in found if key.startswith(prefix)]
        assert mine == sorted(mine)


def test_as_many_at_once_as_is_said(store):
    store.meeting = threading.Barrier(3)
    assert len(list(list_together(store, PREFIXES, 3))) == 60
    assert store.most == 3
    assert store.under_way == 0


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("at_once", [1, 3])
def test_a_listing_that_fails_is_no_listing(store, prefix, at_once):
    store.failing = prefix
    with pytest.raises(StoreFault):
        list(list_together(store, PREFIXES, at_once))
    assert store.under_way == 0


def test_a_reader_that_stops_ends_the_listings(store):
    before = threading.active_count()
    listing = list_together(store, PREFIXES, 3)
    next(listing)
    listing.close()
    assert store.under_way == 0
    assert threading.active_count() == before


def test_no_prefix_is_an_empty_listing(store):
    assert list(list_together(store, [])) == []
