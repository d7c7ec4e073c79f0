"""Work lists: the latest decision of what stands in raw, told to its own centre and to no other."""

from __future__ import annotations

from datetime import timedelta

import pytest

from catalog_rows import at, clinical, decision
from warehouse.domain.records import Decided
from warehouse.errors import StoreFault
from warehouse.storage.catalog import MemoryCatalog
from warehouse.storage.memory import MemoryStore
from warehouse.storage.worklists import Wanted, WorkList

QUARANTINED = Wanted(Decided.QUARANTINED)
DEFERRED = Wanted(Decided.DEFERRED)


class Place:
    """A bucket in memory: `put` gives the ETag that a decision on the object has."""

    def __init__(self):
        self.store, self.catalog = MemoryStore(), MemoryCatalog()

    def add(self, key, outcome="quarantined", reason="truncated", **columns):
        etag = columns.pop("etag", None) or self.store.put(key, b"bytes").etag
        uploader = key.split("/")[0].removeprefix("raw-")
        row = decision(key, outcome, reason, **{"etag": etag, "uploader": uploader, **columns})
        self.catalog.append([row])
        return etag

    def ask(self, wanted=QUARANTINED, order="reason"):
        with WorkList(self.catalog.snapshot(), self.store) as found:
            tally = found.gather(wanted)
            return tally, list(found.items(order))

    def keys(self, wanted=QUARANTINED):
        return [item.key for item in self.ask(wanted)[1]]


@pytest.fixture
def place():
    return Place()


def image(name, uploader="a", day="2020-01-01"):
    return f"raw-{uploader}/{day}/images/{name}.dcm"


def test_the_latest_decision_of_a_version_counts(place):
    etag = place.add(image("x"))
    place.add(image("x"), "deferred", "retry", etag=etag, second=1)
    place.add(image("y"), "deferred", "no-clinical-data")
    assert place.keys() == []
    assert place.keys(DEFERRED) == [image("y"), image("x")]


def test_what_is_gone_or_replaced_is_left_out_and_counted(place):
    place.add(image("gone"), etag="never-there")
    place.add(image("replaced"), etag="old")
    place.store.put(image("replaced"), b"new")
    place.add(image("stands"))
    tally, items = place.ask()
    assert [item.key for item in items] == [image("stands")]
    assert (tally.reasons, tally.gone, tally.replaced) == ({"truncated": 1}, 1, 1)


def test_an_object_that_was_decided_without_an_etag_is_taken_for_what_stands(place):
    place.catalog.append([decision(image("z"), "deferred", "forbidden", etag="", uploader="a")])
    place.store.put(image("z"), b"bytes")
    assert place.keys(DEFERRED) == [image("z")]


def test_raw_is_listed_only_where_the_list_lies(place):
    place.add(image("x"))
    place.store.put(image("other", "b"), b"bytes")
    asked = []
    listing = place.store.list
    place.store.list = lambda prefix="": asked.append(prefix) or listing(prefix)
    assert place.keys() == [image("x")]
    assert asked == ["raw-a/2020-01-01/images/"]


def test_a_key_beside_the_layout_is_found_too(place):
    place.add("raw-a/odd", "deferred", "store-fault")
    assert place.keys(DEFERRED) == ["raw-a/odd"]


def test_a_listing_that_fails_ends_the_list(place):
    place.add(image("x"))

    def fails(prefix=""):
        raise StoreFault("list", prefix)
        yield

    place.store.list = fails
    with pytest.raises(StoreFault):
        place.ask()


def site_file(place, patient, site, uploader="a", second=0, outcome="loaded", reason=None):
    key = f"raw-{uploader}/2020-01-01/data/{patient}_data.json"
    row = {"kind": "clinical", "patient": patient, "site": site, "second": second}
    place.add(key, outcome, reason, **row)


def centres(place, wanted=QUARANTINED):
    return {item.key: item.centre for item in place.ask(wanted)[1]}


def test_the_centre_is_the_site_and_without_one_the_uploader(place):
    site_file(place, "P1", "Clinic")
    place.add(image("known"), patient="P1")
    place.add(image("unknown"))
    site_file(place, "P2", "Hospital", outcome="quarantined", reason="identity-mismatch")
    assert centres(place) == {
        image("known"): "Clinic",
        image("unknown"): "raw-a",
        "raw-a/2020-01-01/data/P2_data.json": "Hospital",
    }


def test_a_site_that_another_uploader_named_is_not_told_of_this_upload(place):
    site_file(place, "P1", "Clinic", uploader="b")
    place.add(image("x"), "quarantined", "study-of-another-patient", patient="P1")
    assert centres(place) == {image("x"): "raw-a"}
    assert place.keys(Wanted(Decided.QUARANTINED, centre="Clinic")) == []


def test_a_site_that_a_refused_file_names_says_nothing_of_the_patient(place):
    site_file(place, "P1", "Elsewhere", outcome="quarantined", reason="identity-mismatch")
    place.add(image("x"), patient="P1")
    assert centres(place)[image("x")] == "raw-a"


def test_a_site_that_is_named_like_an_uploader_is_not_taken_for_it(place):
    site_file(place, "P1", "raw-b", outcome="deferred", reason="unlisted-site")
    site_file(place, "P2", "", outcome="deferred", reason="unlisted-site")
    assert set(centres(place, DEFERRED).values()) == {"raw-a"}


def test_what_is_asked_for_limits_the_list(place):
    site_file(place, "P1", "Clinic")
    place.add(image("x"), patient="P1", second=10)
    place.add(image("y"), "quarantined", "not-dicom", second=20)
    tally, items = place.ask(Wanted(Decided.QUARANTINED, centre="raw-a"))
    assert ([item.key for item in items], tally.centres) == ([image("y")], 1)
    assert place.keys(Wanted(Decided.QUARANTINED, ("truncated", "no-site"))) == [image("x")]
    assert place.keys(Wanted(Decided.QUARANTINED, since=at(20))) == [image("y")]
    assert place.keys(Wanted(Decided.QUARANTINED, since=at(0) + timedelta(days=1))) == []


def test_it_waits_since_it_began_to_wait(place):
    etag = place.add(image("x"), "deferred", "no-clinical-data", second=5, patient="P1")
    place.add(image("x"), "deferred", "unlisted-site", etag=etag, second=50, patient="P1", run="run-2")
    (item,) = place.ask(DEFERRED)[1]
    assert (item.since, item.reason, item.run, item.patient) == (at(5), "unlisted-site", "run-2", "P1")


def test_what_waited_before_is_quarantined_since_it_was_decided(place):
    etag = place.add(image("x"), "deferred", "no-clinical-data", second=5)
    place.add(image("x"), etag=etag, second=50)
    assert [item.since for item in place.ask()[1]] == [at(50)]
    assert place.keys(Wanted(Decided.QUARANTINED, since=at(50))) == [image("x")]


def test_orders_keep_reasons_and_centres_together(place):
    for number in range(4):
        place.add(image(number, "ab"[number % 2]), "quarantined", ("not-dicom", "truncated")[number // 2])
    by_reason, by_centre = place.ask(order="reason")[1], place.ask(order="centre")[1]
    assert [item.reason for item in by_reason] == ["not-dicom"] * 2 + ["truncated"] * 2
    assert [item.centre for item in by_centre] == ["raw-a"] * 2 + ["raw-b"] * 2


def test_centres_are_known_by_their_objects(place):
    place.catalog.append([clinical("training", "P1", site="Clinic", uploader="a")])
    with WorkList(place.catalog.snapshot(), place.store) as found:
        known = [name for name in ("Clinic", "raw-a", "a", "clinic", "raw-b", "") if found.knows(name)]
    assert known == ["Clinic", "raw-a"]


def test_an_empty_catalog_gives_an_empty_list(place):
    tally, items = place.ask()
    assert (tally.reasons, tally.gone, items) == ({}, 0, [])
