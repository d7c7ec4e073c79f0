"""The loader by an inventory, of today or stale: what stands in the bucket is what counts."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from inventories import TAKEN, inventory_of
from uploads import Warehouse

from support import decisions, load, raw_drop, state
from warehouse.demo import CONFIGURATION
from warehouse.errors import Forbidden, StoreFault
from warehouse.storage.catalog import MemoryCatalog
from warehouse.storage.dryrun import DryRunStore
from warehouse.storage.inventory import Inventory
from warehouse.storage.memory import MemoryStore

WITHOUT_ETAG = ("Bucket", "Key", "Size", "LastModifiedDate", "StorageClass")
ASKED = ("read", "head", "copy", "create", "same_bytes", "list_folders")


class InventoryWarehouse(Warehouse):
    """It is loaded by the inventory of some moment."""

    def __init__(self, **how):
        super().__init__()
        self.place = MemoryStore("s3://b-inventory")
        self.how = how

    def put(self, key, data):
        self.store.put(key, data)
        return key

    def take_inventory(self, objects=None):
        files = inventory_of("b", self.store.list() if objects is None else objects, **self.how)
        for key, data in files:
            self.place.put(key, data)

    def load(self, **how):
        inventory = Inventory(self.place, "b", max_age=timedelta(hours=48), clock=lambda: TAKEN)
        return load(self.store, self.catalog, inventory=inventory, **how)

    def load_live(self):
        return load(self.store, self.catalog)


@pytest.fixture(params=["csv", "parquet", "csv-without-etag", "parquet-without-etag"])
def warehouse(request):
    form, _, without = request.param.partition("-")
    return InventoryWarehouse(form=form, **({"columns": WITHOUT_ETAG} if without else {}))


@pytest.fixture
def with_etags():
    return InventoryWarehouse()


IMAGE = "raw-a/2020-01-02/images/x.dcm"


def test_the_demonstration_ends_as_by_a_live_listing(warehouse):
    drop = [*raw_drop(), ("config.json", json.dumps(CONFIGURATION).encode())]
    live = MemoryStore(), MemoryCatalog()
    for key, data in drop:
        live[0].put(key, data)
        warehouse.put(key, data)
    warehouse.take_inventory()
    expected, found = load(*live), warehouse.load()
    assert found.code == expected.code
    assert state(warehouse.store, warehouse.catalog) == state(*live)
    first, told, *rest = found.summary.splitlines()
    assert "inventory of 2024-02-29 01:00 UTC" in told
    assert [first, *rest] == expected.summary.splitlines()
    assert found.figures["accounted"]


def test_a_second_load_asks_nothing_about_known_objects(warehouse, image):
    warehouse.clinical("P1")
    warehouse.put(IMAGE, image("P1"))
    warehouse.put("raw-a/2020-01-02/images/broken.dcm", b"no image")
    warehouse.put("raw-a/note.txt", b"")
    warehouse.take_inventory()
    warehouse.load()
    again = warehouse.load()
    assert (again.figures["listed"], again.figures["known"], again.figures["decided"]) == (4, 4, 0)
    requests = again.figures["requests"]
    # config.json, and a look at both sets and at the root; the raw prefix is not listed.
    assert {name: requests[name] for name in ASKED} == {
        **dict.fromkeys(ASKED, 0),
        "read": 1,
        "list_folders": 3,
    }
    assert requests["list"] == 0
    assert 3 <= requests["inventory_read"] <= 12
    assert requests["inventory_list"] == 1


def test_with_etags_a_new_object_costs_no_more_than_by_a_live_listing(with_etags, image):
    live = InventoryWarehouse()
    for one in (with_etags, live):
        one.clinical("P1")
        one.put(IMAGE, image("P1"))
    with_etags.take_inventory()
    found, expected = (one.figures["requests"] for one in (with_etags.load(), live.load_live()))
    assert {name: found[name] for name in ASKED} == {name: expected[name] for name in ASKED}


def test_what_came_since_waits_for_the_next_inventory(warehouse, image):
    warehouse.clinical("P1")
    warehouse.take_inventory()
    warehouse.put(IMAGE, image("P1"))
    assert warehouse.load().figures["listed"] == 1
    assert IMAGE not in decisions(warehouse.catalog)
    warehouse.take_inventory()
    assert warehouse.load().figures["outcomes"]["loaded"] == 1
    assert warehouse.verdict(IMAGE) == ("loaded", None)


def test_what_is_gone_is_deferred_once_and_loads_if_it_comes_back(warehouse, image):
    clinical = warehouse.clinical("P1")
    warehouse.put(IMAGE, image("P1"))
    other = warehouse.put("raw-a/2020-01-02/images/wrong?name.dcm", b"")
    warehouse.take_inventory()
    data = image("P1")
    for key in (clinical, IMAGE, other):
        warehouse.remove(key)
    assert warehouse.load().code == 0
    assert {warehouse.verdict(key) for key in (clinical, IMAGE, other)} == {("deferred", "vanished")}
    version = warehouse.catalog.version()
    assert warehouse.load().figures["outcomes"]["deferred"] == 3
    assert warehouse.catalog.version() == version
    warehouse.clinical("P1")
    warehouse.put(IMAGE, data)
    warehouse.take_inventory()
    assert warehouse.load().code == 0
    assert warehouse.verdict(IMAGE) == ("loaded", None)


def test_what_was_replaced_is_decided_as_it_stands(warehouse, image):
    clinical = warehouse.clinical("P1", site="Train")
    warehouse.put(IMAGE, b"no image at all")
    warehouse.take_inventory()
    warehouse.clinical("P1", site="Valid")
    now = warehouse.store.put(IMAGE, image("P1"))
    run = warehouse.load()
    assert (run.code, run.figures["accounted"]) == (0, True)
    found = decisions(warehouse.catalog)
    assert found[clinical]["group"] == found[IMAGE]["group"] == "validation"
    assert (found[IMAGE]["etag"], found[IMAGE]["size"]) == (now.etag, now.size)
    # The inventory is as stale as before; what stands there is known by now.
    again = warehouse.load()
    assert (again.figures["known"], again.figures["decided"]) == (2, 0)
    warehouse.take_inventory()
    assert warehouse.load().figures["known"] == 2


def test_a_name_or_a_size_alone_condemns_only_what_still_stands_there(with_etags, image):
    named = with_etags.clinical("unknown")  # a placeholder
    gone = with_etags.put("raw-a/2020-01-02/images/short.dcm", b"")
    with_etags.put(IMAGE, b"")
    with_etags.take_inventory()
    with_etags.remove(gone)
    with_etags.clinical("P1", day="2020-02-02")
    with_etags.put(IMAGE, image("P1"))
    with_etags.load()
    assert with_etags.verdict(named) == ("quarantined", "placeholder-identity")
    assert with_etags.verdict(gone) == ("deferred", "vanished")
    assert with_etags.verdict(IMAGE) == ("deferred", "no-clinical-data")


def test_an_object_that_is_replaced_again_while_it_is_decided_is_deferred(with_etags, image):
    with_etags.put(IMAGE, b"first" * 99)
    with_etags.take_inventory()
    with_etags.put(IMAGE, b"second" * 99)
    head = with_etags.store.head

    def replaced(key):
        found = head(key)
        if key == IMAGE:
            with_etags.put(IMAGE, b"third" * 99)
        return found

    with_etags.store.head = replaced
    with_etags.load()
    assert with_etags.verdict(IMAGE) == ("deferred", "vanished")


def test_a_stale_inventory_neither_moves_a_patient_nor_writes_anything(warehouse, image):
    """The inventory is of the time before the clinical file was corrected, and before a live load."""
    clinical = warehouse.clinical("P1", site="Nowhere")
    warehouse.put(IMAGE, image("P1"))
    warehouse.take_inventory()
    warehouse.load_live()
    warehouse.clinical("P1", site="Valid")
    warehouse.load_live()
    before = state(warehouse.store, warehouse.catalog)
    again = warehouse.load()
    assert state(warehouse.store, warehouse.catalog) == before
    assert (again.code, again.figures["outcomes"]) == (0, dict.fromkeys(again.figures["outcomes"], 0))
    assert warehouse.verdict(clinical) == ("loaded", None)


def test_what_waits_is_decided_without_a_request_until_it_can_go_on(with_etags, image):
    with_etags.clinical("P1", site="Nowhere")
    with_etags.put(IMAGE, image("P1"))
    with_etags.take_inventory()
    with_etags.load()
    again = with_etags.load()
    assert again.figures["outcomes"]["deferred"] == 2
    assert again.figures["requests"]["read"] == 1
    assert again.figures["requests"]["head"] == 0


def test_a_key_that_stands_twice_in_an_inventory_is_one_object(with_etags):
    key = with_etags.clinical("P1")
    now = with_etags.store.head(key)
    with_etags.take_inventory([replace(now, etag="e0", last_modified=TAKEN - timedelta(days=9999)), now, now])
    run = with_etags.load()
    assert (run.figures["listed"], run.figures["outcomes"]["loaded"]) == (1, 1)


@pytest.mark.parametrize(("error", "reason"), [(Forbidden, "forbidden"), (StoreFault, "store-fault")])
def test_an_object_that_cannot_be_looked_at_is_deferred_and_the_others_load(warehouse, error, reason):
    bad, good = warehouse.clinical("P1"), warehouse.clinical("P2")
    warehouse.take_inventory()

    def failing(verb):
        def call(key, **how):
            if key == bad:
                raise error("read", key)
            return verb(key, **how)

        return call

    warehouse.store.head, warehouse.store.read = failing(warehouse.store.head), failing(warehouse.store.read)
    assert warehouse.load().code == 4
    assert warehouse.verdict(bad) == ("deferred", reason)
    assert warehouse.verdict(good) == ("loaded", None)


def test_a_dry_run_says_the_same_and_writes_nothing(warehouse, image):
    warehouse.clinical("P1")
    warehouse.put(IMAGE, image("P1"))
    warehouse.take_inventory()
    before = [info.key for info in warehouse.store.list()]
    inventory = Inventory(warehouse.place, "b", max_age=timedelta(hours=48), clock=lambda: TAKEN)
    dry = load(
        DryRunStore(warehouse.store), MemoryCatalog(warehouse.catalog), inventory=inventory, dry_run=True
    )
    assert [info.key for info in warehouse.store.list()] == before
    assert dry.figures["outcomes"] == warehouse.load().figures["outcomes"]


def test_the_report_tells_when_the_inventory_was_taken(warehouse):
    warehouse.clinical("P1")
    warehouse.take_inventory()
    assert warehouse.load().figures["inventory"] == "2024-02-29T01:00:00+00:00"
    assert warehouse.load_live().figures["inventory"] is None
