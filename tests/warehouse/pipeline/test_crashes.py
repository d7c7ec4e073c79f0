"""A crash at any call leaves every visible object whole, and the next run ends as if there had been none.

The points are the calls of stores and catalogs that an undisturbed run makes: crash before the effect of one,
after its effect with the answer lost, and, in a folder, with half a file written.
"""

import itertools
from collections import Counter
from contextlib import suppress

import pytest

from hard_drop import FolderPlace, MemoryPlace, S3Place
from support import load, state
from warehouse.domain.records import GROUPS
from warehouse.storage import ledger
from warehouse.storage.counting import VERBS
from warehouse.testing import Crash, Fault, Faults, FaultyCatalog, FaultyStore, Kind, When

BEFORE, AFTER, TORN = When
TEARS = ("list", "list_folders", "create", "copy")
EFFECTS = ("create", "copy", "append", "append_run", "publish", "compact")
ELSEWHERE = ("config.json", "raw-", "catalog/", "training/catalog/", "validation/catalog/")
STEP = 10  # of the points in a folder and on S3, where one costs more


@pytest.fixture(autouse=True)
def _several_commits(monkeypatch):
    monkeypatch.setattr(ledger, "COMMIT_ROWS", 12)


@pytest.fixture(scope="module")
def _module_commits():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ledger, "COMMIT_ROWS", 12)
        yield


class Undisturbed:
    """A run that nothing disturbs: its calls, its end, and what it leaves."""

    def __init__(self, opening, concurrency=4):
        self.faults = Faults()
        self.loaded = load(*faulty(opening, self.faults), concurrency=concurrency)
        self.state = state(*opening())
        met = Counter()
        self.points = []
        for call in self.faults.calls:
            same = call.operation, call.keys[:1]
            met[same] += 1
            self.points.append((call, met[same]))


@pytest.fixture(scope="module")
def undisturbed(_module_commits):
    return Undisturbed(MemoryPlace().copy())


def faulty(opening, faults):
    store, catalog = opening()
    return FaultyStore(store, faults), FaultyCatalog(catalog, faults)


def raw(store):
    return {info.key: info.etag for info in store.list("raw-")}


def crash(opening, call, nth, when, undisturbed):
    """Let a run crash at a point, and look at what it leaves."""
    faults = Faults(Fault.at(call, nth, Kind.CRASH, when))
    uploaded = raw(opening()[0])
    with suppress(Crash):
        load(*faulty(opening, faults), concurrency=2)
    assert faults.crashed, (call, nth, when)
    store, _ = opening()
    assert raw(store) == uploaded
    whole, assignments, _ = undisturbed.state
    for info in store.list():
        # The next run replaces nothing, and its end is compared byte by byte: here sizes will do.
        if info.key in whole:
            assert info.size == len(whole[info.key])
        elif info.key not in assignments:
            assert info.key.startswith(ELSEWHERE)


def run_again(opening, undisturbed):
    """Let the next run do what the crashed one left undone, and compare the end."""
    again = load(*opening(), concurrency=2)
    assert again.code == undisturbed.loaded.code
    assert again.figures["accounted"]
    assert state(*opening()) == undisturbed.state


def left_in_memory(opening):
    """What the next run finds, but for the names and times of runs: it decides by nothing else.

    Bytes follow from keys (`crash` looks), and the rows of a number of commits from the order of the input.
    """
    store, catalog = opening()
    keys = frozenset(info.key for info in store.list())
    commits = tuple(len(catalog._commits[name]) for name in ("objects", "runs"))
    return keys, commits, *(catalog.published(group).version for group in GROUPS)


def enumerate_points(place, undisturbed, points, *, once=False):
    """Crash at each point, and run again; with `once`, only where no run was made after such an end yet."""
    seen = set()
    for call, nth, when in points:
        opening = place.copy()
        crash(opening, call, nth, when, undisturbed)
        left = left_in_memory(opening) if once else len(seen)
        if left not in seen:
            seen.add(left)
            run_again(opening, undisturbed)
    return len(points), len(seen)


def positions(undisturbed, *wanted, whole=False):
    """The points in the wanted positions that they can have.

    The lost answer of a call that only asks leaves what a crash before it leaves: those are in the whole.
    """
    possible = {BEFORE: None, AFTER: None if whole else EFFECTS, TORN: TEARS}
    return [
        (call, nth, when)
        for when, (call, nth) in itertools.product(wanted, undisturbed.points)
        if possible[when] is None or call.operation in possible[when]
    ]


def test_the_points_are_the_calls_of_the_run(undisturbed, record_property):
    calls = Counter(call.operation for call in undisturbed.faults.calls)
    requests = undisturbed.loaded.figures["requests"]
    assert {verb: calls[verb] for verb in VERBS} == {verb: requests[verb] for verb in VERBS}
    assert len(undisturbed.points) == len(set(undisturbed.points)) == calls.total()
    assert calls["append"] > 3
    assert calls["publish"] == calls["append_run"] == 1
    record_property("calls", calls.total())
    print(f"{calls.total()} calls: {dict(calls)}")


def test_the_calls_of_a_run_do_not_depend_on_the_place_or_the_order(undisturbed, tmp_path):
    for place, concurrency in ((MemoryPlace(), 1), (MemoryPlace(), 16), (FolderPlace(tmp_path), 4)):
        other = Undisturbed(place.copy(), concurrency)
        assert set(other.points) == set(undisturbed.points)
        assert other.state == undisturbed.state


@pytest.mark.timeout(1200)
def test_a_crash_at_any_call(undisturbed, record_property):
    points = positions(undisturbed, BEFORE, AFTER)
    calls = Counter(call.operation for call in undisturbed.faults.calls)
    crashes, ends = enumerate_points(MemoryPlace(), undisturbed, points, once=True)
    assert crashes == calls.total() + sum(calls[verb] for verb in EFFECTS)
    record_property("crashes", crashes)
    record_property("ends", ends)
    print(f"{crashes} crashes in memory, {ends} different ends, each run on")


@pytest.mark.nightly
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("when", [BEFORE, AFTER], ids=lambda when: when.value)
def test_a_crash_at_any_call_and_each_time_another_run(undisturbed, when):
    points = positions(undisturbed, when, whole=True)
    crashes, runs = enumerate_points(MemoryPlace(), undisturbed, points)
    assert crashes == runs == len(undisturbed.faults.calls)
    print(f"{crashes} crashes {when.value} the effect")


@pytest.mark.timeout(1200)
def test_a_crash_at_every_tenth_point_in_a_folder(undisturbed, tmp_path, record_property):
    points = positions(undisturbed, BEFORE, AFTER, TORN)[::STEP]
    assert {when for _, _, when in points} == {BEFORE, AFTER, TORN}
    crashes, _ = enumerate_points(FolderPlace(tmp_path), undisturbed, points)
    record_property("crashes", crashes)
    print(f"{crashes} crashes in a folder")


@pytest.mark.nightly
@pytest.mark.timeout(3600)
def test_a_crash_at_any_point_in_a_folder(undisturbed, tmp_path):
    points = positions(undisturbed, BEFORE, AFTER, TORN, whole=True)
    tearing = [call for call in undisturbed.faults.calls if call.operation in TEARS]
    crashes, _ = enumerate_points(FolderPlace(tmp_path), undisturbed, points)
    assert crashes == 2 * len(undisturbed.faults.calls) + len(tearing)
    print(f"{crashes} crashes in a folder")


@pytest.mark.timeout(1200)
def test_a_crash_at_every_tenth_point_on_s3(undisturbed, s3_server, record_property):
    points = positions(undisturbed, BEFORE, AFTER)[::STEP]
    assert {when for _, _, when in points} == {BEFORE, AFTER}
    crashes, _ = enumerate_points(S3Place(s3_server), undisturbed, points)
    record_property("crashes", crashes)
    print(f"{crashes} crashes on S3")


@pytest.mark.nightly
@pytest.mark.timeout(2 * 3600)
def test_a_crash_at_any_point_on_s3(undisturbed, s3_server):
    points = positions(undisturbed, BEFORE, AFTER, whole=True)
    crashes, _ = enumerate_points(S3Place(s3_server), undisturbed, points)
    assert crashes == 2 * len(undisturbed.faults.calls)
    print(f"{crashes} crashes on S3")
