"""Identities: the first claim stands, whoever made it and whenever; what was committed is read once, late."""

from __future__ import annotations

import contextlib
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from catalog_rows import decision, info
from warehouse.errors import StoreFault
from warehouse.storage.catalog import InstanceHolder, MemoryCatalog
from warehouse.storage.identities import Identities


class Watched:
    """A catalog that counts what is asked of it, and may fail."""

    def __init__(self, studies=(), instances=(), failures=0):
        self.asked = []
        self.failures = failures
        self._studies, self._instances = studies, instances

    def study_owners(self):
        self.asked.append("studies")
        yield from self._studies
        if self.failures:
            self.failures -= 1
            raise StoreFault("catalog")

    def instance_holders(self):
        self.asked.append("instances")
        yield from self._instances


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.fixture
def identities():
    made = []

    def make(catalog, **how):
        made.append(Identities(catalog, **how))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_the_first_claim_of_a_study_stands(identities):
    known = identities(MemoryCatalog())
    assert known.claim_study("1.2", "P1") == "P1"
    assert known.claim_study("1.2", "P2") == "P1"
    assert known.claim_study("1.3", "P2") == "P2"


def test_the_first_holder_of_an_instance_stands(identities):
    known = identities(MemoryCatalog())
    first, target = info("raw-a/1.dcm", "e1"), info("training/1.dcm", "t1", size=11)
    assert known.instances("1.2") == ()
    known.register_instance("1.2", first, target)
    holder = InstanceHolder("raw-a/1.dcm", "e1", "training/1.dcm", "t1", 11)
    assert known.instances("1.2") == (holder,)
    known.register_instance("1.2", info("raw-b/2.dcm"), target)
    assert known.instances("1.2") == (holder,)
    known.register_instance("1.2", info("raw-b/2.dcm", "e2"), info("training/2.dcm", "t2", size=12))
    second = InstanceHolder("raw-b/2.dcm", "e2", "training/2.dcm", "t2", 12)
    assert known.instances("1.2") == (holder, second)


def test_what_was_committed_comes_before_the_run(identities):
    catalog = MemoryCatalog()
    copy = {"target_key": "training/a", "target_etag": "t", "target_size": 7}
    facts = {"StudyInstanceUID": "1.1", "SOPInstanceUID": "2.1"}
    catalog.append([decision("a", patient="P1", **facts, **copy)])
    known = identities(catalog)
    assert known.claim_study("1.1", "P2") == "P1"
    known.register_instance("2.1", info("b"), info("training/b"))
    assert [holder.target_key for holder in known.instances("2.1")] == ["training/a", "training/b"]


def test_nothing_is_fetched_before_it_is_asked_for_and_then_once(identities, temporary):
    catalog = Watched(
        studies=[(f"1.{n}", f"P{n // 10}") for n in range(50_000)],
        instances=[
            (f"2.{n}", InstanceHolder(f"raw/{n}", "e", f"training/{n}", "t", n)) for n in range(50_000)
        ],
    )
    known = identities(catalog)
    assert catalog.asked == []
    assert list(temporary.iterdir()) == []
    assert known.claim_study("1.49999", "P0") == "P4999"
    assert catalog.asked == ["studies"]
    assert known.claim_study("1.31", "P0") == "P3"
    assert known.instances("2.49999") == (InstanceHolder("raw/49999", "e", "training/49999", "t", 49_999),)
    assert known.instances("2.50000") == ()
    assert known.claim_study("1.0", "P9") == "P0"
    assert catalog.asked == ["studies", "instances"]


def test_a_fetch_that_fails_is_made_again_and_leaves_no_half(identities):
    catalog = Watched(studies=[("1.1", "P1")], failures=1)
    known = identities(catalog)
    with pytest.raises(StoreFault):
        known.claim_study("1.2", "P2")
    assert known.claim_study("1.1", "P2") == "P1"
    assert known.claim_study("1.2", "P3") == "P3"
    assert catalog.asked == ["studies", "studies"]


def test_images_that_may_meet_share_a_lane(identities):
    known = identities(Watched())
    one = known.lane("1.1", "training/a")
    assert known.lane("1.1", "training/b") == one
    assert known.lane("1.2", "training/b") == one
    other = known.lane("1.3", "training/c")
    assert other != one
    assert known.lane("1.3", "training/a") == other
    assert known.lane("training/c", "1.3") not in (one, other)


def test_of_several_processes_each_gives_an_instance_the_same_lane_or_does_not_guard_it(identities):
    here, there = (identities(Watched(), shared=True) for _ in range(2))
    first = here.lane("1.1", "training/a")
    assert here.guards("1.1", first)
    by_its_target = here.lane("1.2", "training/a")
    assert by_its_target == first
    assert not here.guards("1.2", by_its_target)
    assert here.lane("1.2", "training/b") == there.lane("1.2", "training/c") == "1.2"
    assert here.guards("1.2", "1.2")


def test_in_one_process_every_lane_guards_its_instances(identities):
    known = identities(Watched())
    known.lane("1.1", "training/a")
    assert known.guards("1.2", known.lane("1.2", "training/a"))


def test_many_threads_agree_on_one_owner_and_one_holder(identities):
    catalog = Watched()
    known = identities(catalog)
    start = threading.Barrier(8)

    def claim(worker):
        start.wait(timeout=60)
        owners = [known.claim_study(f"1.{n}", f"P{worker}") for n in range(200)]
        for n in range(200):
            known.register_instance(f"2.{n}", info(f"raw/{worker}"), info(f"training/{worker}"))
        start.wait(timeout=60)
        return owners, [known.instances(f"2.{n}") for n in range(200)]

    with ThreadPoolExecutor(8) as workers:
        answers = list(workers.map(claim, range(8), timeout=60))
    assert all(answer == answers[0] for answer in answers)
    assert catalog.asked == ["studies", "instances"]


def test_the_file_goes_with_close(identities, temporary):
    known = identities(MemoryCatalog())
    known.claim_study("1.1", "P1")
    assert [path.name.startswith("warehouse-") for path in temporary.iterdir()] == [True]
    known.close()
    known.close()
    assert list(temporary.iterdir()) == []


def test_what_the_tree_says_of_studies_comes_after_the_catalog():
    with contextlib.closing(
        Identities(Watched(studies=[("1.1", "P1")]), lambda: [("1.1", "P9"), ("1.2", "P2")])
    ) as known:
        assert known.claim_study("1.1", "P3") == "P1"
        assert known.claim_study("1.2", "P3") == "P2"


def test_one_document_belongs_to_one_image(identities):
    catalog = MemoryCatalog()
    odd, usual = "training/ct/P1/1.1/1.2/x.DCM", "training/ct/P1/1.1/1.2/y.dcm"
    catalog.append(
        [
            decision(name, kind="image", target_key=target, target_etag="t", target_size=1)
            for name, target in (("a", odd), ("b", usual))
        ]
    )
    known = identities(catalog)
    document = "training/ct-metadata/P1/1.1/1.2/x.json"
    assert known.claim_document(document, "training/ct/P1/1.1/1.2/x.dcm") == odd
    assert known.claim_document(document, odd) == odd
    assert known.claim_document("training/ct-metadata/P1/1.1/1.2/z.json", "z.dcm") == "z.dcm"
    assert known.claim_document("training/ct-metadata/P1/1.1/1.2/z.json", "z.DCM") == "z.dcm"
