"""Pending objects of a listing that only suggests, on every catalog, and against a model of plain Python."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog_rows import START, at, decision, info
from warehouse.errors import StoreUnavailable
from warehouse.storage.catalog import Listed, MemoryCatalog


class Looked:
    """What stands there now, by key; remembers which keys were asked about."""

    def __init__(self, *now, unreadable=()):
        self.now = {found.key: found for found in now}
        self.unreadable = unreadable
        self.asked = []

    def __call__(self, keys):
        for key in keys:
            self.asked.append(key)
            if key not in self.unreadable:
                yield key, self.now.get(key)


def pending(catalog, look, *infos, phase=2):
    with catalog.pending([Listed(found, phase) for found in infos], look) as found:
        return found.listed, found.known, [(one.info, one.gone) for one in found]


def known(key, etag="e1", outcome="loaded", reason=None, **columns):
    return decision(key, outcome, reason, etag=etag, **{"last_modified": START, **columns})


def test_known_objects_and_new_ones_are_not_asked_about(catalog):
    catalog.append([known("a"), known("b"), known("c", outcome="deferred", reason="retry")])
    look = Looked()
    found = pending(catalog, look, info("a"), info("b"), info("c"), info("new"))
    assert found == (4, 2, [(info("c"), False), (info("new"), False)])
    assert look.asked == []


def test_without_an_etag_key_size_and_time_tell_what_is_known(catalog):
    catalog.append([known("a"), known("b", size=8), known("c", last_modified=at(60)), known("d")])
    live = {key: info(key, "live") for key in "bcn"}
    look = Looked(*live.values())
    listed = [info(key, "") for key in "abcn"]
    # Inventories tell times to the millisecond.
    listed.append(info("d", "", last_modified=START.replace(microsecond=START.microsecond // 1000 * 1000)))
    assert pending(catalog, look, *listed) == (5, 2, [(live[key], False) for key in "bcn"])
    assert sorted(look.asked) == ["b", "c", "n"]


def test_two_versions_that_agree_in_all_but_the_etag_are_told_apart_by_a_look(catalog):
    catalog.append([known("a", "e1"), known("a", "e2", second=1)])
    look = Looked(info("a", "e3"))
    assert pending(catalog, look, info("a", "")) == (1, 0, [(info("a", "e3"), False)])
    assert pending(catalog, Looked(info("a", "e1")), info("a", "")) == (1, 1, [])


def test_a_stale_version_of_what_was_decided_since_is_known(catalog):
    catalog.append([known("a", "e2")])
    look = Looked(info("a", "e2"))
    assert pending(catalog, look, info("a", "e1")) == (1, 1, [])
    assert look.asked == ["a"]


def test_a_key_with_another_version_is_decided_as_it_stands(catalog):
    catalog.append([known("a", "e1"), known("b", "e1", outcome="deferred", reason="retry")])
    live = [info("a", "e3", size=9, last_modified=at(9), archived=True), info("b", "e3")]
    found = pending(catalog, Looked(*live), info("a", "e2"), info("b", "e2"))
    assert found == (2, 0, [(live[0], False), (live[1], False)])


def test_a_waiting_version_that_was_replaced_by_a_known_one_is_known(catalog):
    catalog.append([known("a", "e1", outcome="deferred", reason="vanished"), known("a", "e2", second=1)])
    assert pending(catalog, Looked(info("a", "e2")), info("a", "e1")) == (1, 1, [])


def test_what_is_decided_by_its_key_alone_is_looked_at(catalog):
    catalog.append([known("known")])
    look = Looked(info("there", "e2"))
    found = pending(catalog, look, info("known"), info("there"), info("gone"), phase=0)
    assert found == (3, 1, [(info("gone"), True), (info("there", "e2"), False)])
    assert sorted(look.asked) == ["gone", "there"]


def test_a_key_that_cannot_be_looked_at_stays_as_it_was_suggested(catalog):
    look = Looked(info("b", "e1"), unreadable={"a"})
    found = pending(catalog, look, info("a", ""), info("b", ""))
    assert found == (2, 0, [(info("a", ""), False), (info("b", "e1"), False)])


def test_the_newest_row_of_a_key_counts_once(catalog):
    look = Looked()
    rows = [info("a", "old", last_modified=at(-9)), info("b"), info("a", "new"), info("a", "old")]
    assert pending(catalog, look, *rows) == (2, 0, [(info("a", "old"), False), (info("b"), False)])
    assert look.asked == []


def test_what_a_look_raises_is_passed_on(catalog):
    def look(keys):
        list(keys)
        raise StoreUnavailable("head", cause="gone away")

    with pytest.raises(StoreUnavailable):
        catalog.pending([Listed(info("a", ""), 2)], look)


def test_many_keys_are_looked_at(catalog):
    live = [info(f"{n:06}", f"e{n}") for n in range(40_000)]
    look = Looked(*live)
    with catalog.pending((Listed(replace(one, etag=""), 2) for one in live), look) as found:
        assert [one.info for one in found] == live


KEYS = st.sampled_from(["a", "a-", "b", "é", "a\x00b"])
VERSIONS = st.sampled_from(["1", "2", "3"])
OUTCOMES = st.sampled_from([("loaded", None), ("deferred", "retry"), ("quarantined", "truncated")])
# A version has its own size and time: of one key, two versions never agree in both.
VERSION = {etag: {"size": int(etag), "last_modified": START + timedelta(seconds=int(etag))} for etag in "123"}


def version(key, etag):
    return info(key, etag, **VERSION[etag])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    history=st.lists(st.tuples(KEYS, VERSIONS, OUTCOMES), max_size=8),
    listed=st.dictionaries(KEYS, VERSIONS),
    now=st.dictionaries(KEYS, VERSIONS),
    phase=st.sampled_from([0, 2]),
    with_etags=st.booleans(),
)
def test_whatever_an_inventory_says_only_what_stands_or_is_new_is_pending(
    history, listed, now, phase, with_etags
):
    catalog = MemoryCatalog()
    latest, versions = {}, {}
    for second, (key, etag, (outcome, reason)) in enumerate(history):
        catalog.append([decision(key, outcome, reason, etag=etag, second=second, **VERSION[etag])])
        latest[key, etag] = outcome
        versions.setdefault(key, set()).add(etag)
    rows = [version(key, etag) for key, etag in listed.items()]
    look = Looked(*(version(key, etag) for key, etag in now.items()))
    suggested = [row if with_etags else replace(row, etag="") for row in rows]
    count, settled, found = pending(catalog, look, *suggested, phase=phase)
    assert count == len(rows) == settled + len(found)
    asked = set(look.asked)
    expected = []
    for row in sorted(rows, key=lambda row: row.key.encode()):
        if latest.get((row.key, row.etag), "deferred") != "deferred":
            assert row.key not in asked
            continue
        others = versions.get(row.key, set()) - {row.etag}
        nameless = not with_etags and (row.key, row.etag) not in latest
        assert (row.key in asked) == bool(others or phase == 0 or nameless)
        if row.key not in asked:
            expected.append((row, False))
        elif row.key not in now:
            expected.append((replace(row, etag="") if nameless else row, True))
        elif latest.get((row.key, now[row.key]), "deferred") == "deferred":
            expected.append((version(row.key, now[row.key]), False))
    assert found == expected
