"""Every kind of fault of the store and of the catalog is survived, and made good by the next run."""

import pytest

from hard_drop import MemoryPlace
from support import load, state
from warehouse.storage import ledger
from warehouse.testing import Fault, Faults, FaultyCatalog, FaultyStore, Kind, When

# Of what nobody else waits for: a later file may take the place of one that is put off.
FAULTS = (
    ("read", "raw-b/*/B1_status.json", When.BEFORE),
    ("read", "raw-b/*/B1.dcm", When.AFTER),
    ("copy", "*/B2.dcm", When.AFTER),
    ("copy", "*/data/B3/*", When.BEFORE),
    ("create", "assignments/patients/B2.json", When.AFTER),
    ("create", "*-metadata/*/B3.json", When.BEFORE),
)
COMPLETE = {Kind.GONE, Kind.CHANGED, Kind.ARCHIVED}
KINDS = [kind for kind in Kind if kind is not Kind.CRASH]


@pytest.fixture(scope="module")
def place():
    return MemoryPlace()


@pytest.fixture(scope="module")
def expected(place):
    opening = place.copy()
    assert load(*opening()).code == 0
    return state(*opening())


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_fault_puts_off_an_object_and_the_next_run_makes_it_good(place, expected, kind):
    store, catalog = place.copy()()
    faults = Faults(*(Fault(verb, kind, key, when=when) for verb, key, when in FAULTS))
    hit = load(FaultyStore(store, faults), catalog)
    # An image whose patient is put off waits for it, and asks for no copy of its own.
    assert {fault.operation for fault, _ in faults.struck} == {"read", "copy", "create"}
    assert hit.code == (0 if kind in COMPLETE else 4)
    assert hit.figures["accounted"]
    assert hit.figures["outcomes"]["deferred"] > 4
    for private in ("B1", "B2", "B3"):
        assert private not in hit.summary
    assert load(store, catalog).code == 0
    assert state(store, catalog) == expected


@pytest.mark.parametrize("when", [When.BEFORE, When.AFTER], ids=lambda when: when.value)
@pytest.mark.parametrize("kind", [Kind.DISK_FULL, Kind.EXPIRED])
@pytest.mark.parametrize("verb", ["append", "append_run", "publish"])
def test_a_commit_that_fails_or_is_lost_is_made_good_by_the_next_run(
    place, expected, verb, kind, when, monkeypatch
):
    monkeypatch.setattr(ledger, "COMMIT_ROWS", 12)
    store, catalog = place.copy()()
    faults = Faults(Fault(verb, kind, when=when))
    assert load(store, FaultyCatalog(catalog, faults)).code == 4
    assert len(faults.struck) == 1
    assert load(store, catalog).code == 0
    assert state(store, catalog) == expected
    assert catalog.published("training").version == catalog.version()


@pytest.mark.parametrize("kind", [Kind.RESET, Kind.EXPIRED, Kind.SLOW_DOWN])
@pytest.mark.parametrize("prefix", ["raw-a/", "raw-b/"])
def test_half_a_listing_decides_nothing(place, kind, prefix):
    store, catalog = place.copy()()
    before = state(store, catalog), catalog.version()
    faults = Faults(Fault("list", kind, prefix, when=When.TORN))
    assert load(FaultyStore(store, faults), catalog).code in (2, 4)
    assert len(faults.struck) == 1
    assert (state(store, catalog), catalog.version()) == before
