"""Whatever is uploaded, uploaded again, removed, configured and run in whatever order: the promises hold.

A machine does so at random, over the store in memory. After each step it looks whether a patient stands in
both sets, whether anything that stood was changed, and whether every object is accounted for.
"""

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from inventories import TAKEN, inventory_of

import hard_drop
from support import load
from warehouse.domain.records import GROUPS
from warehouse.storage.catalog import MemoryCatalog
from warehouse.storage.inventory import Inventory
from warehouse.storage.memory import MemoryStore

PREFIXES = ("raw-a/", "raw-b/")
SITES = ("Train", "Valid", "Split", "Nowhere")

patients = st.sampled_from(["P1", "p1", "P2", "p2", "P3"])
spellings = st.sampled_from(["P1", " p1", "p1 ", "P2", "p2", "P3", "P4"])
days = st.sampled_from(["2020-01-01", "2020-01-02", "2020-02-31"])
uploaders = st.sampled_from(PREFIXES)
names = st.sampled_from(["x.dcm", "y.dcm", "x.DCM"])
bad_images = st.sampled_from(
    [b"", b"<html>", b"MZ", hard_drop.image("P1")[:-1], hard_drop.image("../P1"), hard_drop.image("unknown")]
)
bad_records = st.sampled_from(
    [b"{", b"[]", b"\xff\xfe", hard_drop.clinical("Somebody"), hard_drop.clinical("P1", None)]
)
groups_of_sites = st.fixed_dictionaries(
    {}, optional={site: st.sampled_from(["split", *GROUPS]) for site in SITES}
)


class Loads(RuleBasedStateMachine):
    """A bucket, its catalog, and what stood in it after the step before."""

    done: ClassVar = Counter()

    def __init__(self):
        super().__init__()
        self.store, self.catalog = MemoryStore(), MemoryCatalog()
        self.place = None
        self.raw = {}
        self.stood = {}
        self.raced = False
        self.configure({"Train": "training", "Valid": "validation", "Split": "split"}, 50)
        self.done["examples"] += 1

    @rule(sites=groups_of_sites, percentage=st.integers(0, 100))
    def configure(self, sites, percentage):
        lists = {
            group: [site for site in sites if sites[site] == group] for group in sorted(set(sites.values()))
        }
        document = {"raw_prefixes": PREFIXES, "training_percentage": percentage, "sites": lists}
        self.store.put("config.json", json.dumps(document).encode())

    @rule(
        uploader=uploaders,
        day=days,
        patient=patients,
        site=st.sampled_from([*SITES, None]),
        age=st.integers(1, 2),
    )
    def upload_clinical(self, uploader, day, patient, site, age):
        self._upload(f"{uploader}{day}/data/{patient}_data.json", hard_drop.clinical(patient, site, Age=age))

    @rule(
        uploader=uploaders,
        day=days,
        name=names,
        patient=spellings,
        study=st.integers(1, 3),
        instance=st.integers(1, 4),
        pixels=st.sampled_from([b"\0\1\2\3", b"\3\2\1\0"]),
    )
    def upload_image(self, uploader, day, name, patient, study, instance, pixels):
        uids = {"StudyInstanceUID": f"1.2.{study}", "SOPInstanceUID": f"1.2.3.{instance}"}
        self._upload(f"{uploader}{day}/images/{name}", hard_drop.image(patient, pixels=pixels, **uids))

    @rule(uploader=uploaders, day=days, name=names, data=bad_images)
    def upload_bad_image(self, uploader, day, name, data):
        self._upload(f"{uploader}{day}/images/{name}", data)

    @rule(uploader=uploaders, day=days, patient=patients, data=bad_records)
    def upload_bad_record(self, uploader, day, patient, data):
        self._upload(f"{uploader}{day}/data/{patient}_status.json", data)

    @precondition(lambda self: self.raw)
    @rule(data=st.data())
    def remove(self, data):
        key = data.draw(st.sampled_from(sorted(self.raw)))
        del self.raw[key]
        self.store._objects.pop(key)

    @rule()
    def take_inventory(self):
        self.place = MemoryStore("s3://b-inventory")
        self.inventoried = {info.key for info in self._listed()}
        for key, data in inventory_of("b", self._listed()):
            self.place.put(key, data)

    @rule(concurrency=st.sampled_from([1, 4]))
    def run(self, concurrency):
        listed = {(info.key, info.etag) for info in self._listed()}
        settled = {at for at, row in self._decided().items() if row["outcome"] != "deferred"}
        figures = self._load(concurrency=concurrency).figures
        assert figures["listed"] == len(listed)
        assert figures["known"] == len(listed & settled)
        assert listed <= self._decided().keys()

    @precondition(lambda self: self.place is not None)
    @rule()
    def run_by_an_inventory(self):
        figures = self._load(inventory=self._inventory()).figures
        assert figures["listed"] == len(self.inventoried)
        assert self.inventoried <= {key for key, _ in self._decided()}

    @rule(by_inventory=st.booleans())
    def run_twice_at_once(self, by_inventory):
        inventory = self._inventory() if by_inventory and self.place is not None else None
        self.raced = True
        with ThreadPoolExecutor(2) as pool:
            both = [pool.submit(self._load, inventory=one, concurrency=2) for one in (None, inventory)]
            assert {one.result(timeout=120).code for one in both} <= {0, 3}
        self.done["races"] += 1

    @invariant()
    def nothing_that_stood_was_changed(self):
        now = {info.key: self.store.read(info.key).data for info in self.store.list()}
        assert {key: data for key, data in now.items() if key.startswith("raw-")} == self.raw
        ours = {key: data for key, data in now.items() if not key.startswith(("raw-", "config.json"))}
        assert {key: ours.get(key) for key in self.stood} == self.stood
        assert all(key.startswith(("training/", "validation/", "assignments/")) for key in ours)
        self.stood = ours

    @invariant()
    def nobody_is_in_both_sets(self):
        sets = {}
        for key in self.stood:
            group, _, rest = key.partition("/")
            if group == "assignments":
                patient = rest.removeprefix("patients/").removesuffix(".json")
                group = json.loads(self.stood[key])["group"]
            else:
                patient = rest.split("/")[1].strip().upper()
            sets.setdefault(patient, set()).add(group)
        assert [groups for groups in sets.values() if len(groups) > 1] == []

    @invariant()
    def what_is_not_loaded_has_a_reason(self):
        rows = self._decided().values()
        assert all(row["reason"] for row in rows if row["outcome"] != "loaded")
        if not self.raced:
            copies = {
                row["target_key"]: row for row in rows if row["outcome"] == "loaded" and row["SOPInstanceUID"]
            }
            owners = {(row["StudyInstanceUID"], row["patient"]) for row in copies.values()}
            assert len(owners) == len({study for study, _ in owners})
            assert len({row["SOPInstanceUID"] for row in copies.values()}) == len(copies)

    def _upload(self, key, data):
        self.raw[key] = data
        self.store.put(key, data)

    def _listed(self):
        return [info for prefix in PREFIXES for info in self.store.list(prefix)]

    def _inventory(self):
        return Inventory(self.place, "b", max_age=timedelta(hours=48), clock=lambda: TAKEN)

    def _decided(self):
        table = self.catalog.query("SELECT * FROM objects_now")
        return {(row["key"], row["etag"]): row for row in table.to_pylist()}

    def _load(self, **how):
        loaded = load(self.store, self.catalog, **how)
        figures = loaded.figures
        assert loaded.code in (0, 3)
        assert figures["accounted"]
        assert figures["listed"] == figures["known"] + figures["decided"]
        assert figures["decided"] == sum(figures["outcomes"].values())
        rows = self.catalog.query("SELECT key, etag FROM objects WHERE run = ?", [figures["run"]]).to_pylist()
        assert len({(row["key"], row["etag"]) for row in rows}) == len(rows)
        self.done["runs"] += 1
        return loaded


def drive(examples, steps):
    Loads.done.clear()
    run_state_machine_as_test(
        Loads,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    print(dict(Loads.done))
    assert Loads.done["runs"] > examples


@pytest.mark.timeout(1200)
def test_the_promises_hold_whatever_happens():
    drive(12, 15)


@pytest.mark.nightly
@pytest.mark.timeout(3 * 3600)
def test_the_promises_hold_whatever_happens_for_long():
    drive(400, 40)
