"""Pending and objects_now against a model of ten lines of plain Python, for histories of any shape."""

from __future__ import annotations

import tempfile

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog_rows import decision, info
from warehouse.domain.records import Deferral
from warehouse.storage.catalog import Listed, MemoryCatalog
from warehouse.storage.delta import DeltaCatalog

KEYS = st.sampled_from(["a", "a-", "a/", "b", "é", "😀", "\uffee", "a\x00b"])
ETAGS = st.sampled_from(["", "1", "2"])
OUTCOMES = st.sampled_from(
    [("loaded", None), ("deferred", "retry"), ("deferred", "vanished"), ("ignored", "link")]
)


@st.composite
def histories(draw):
    """Commits of decisions, no two of which were taken at the same (time, run, sequence)."""
    moments = st.tuples(st.integers(0, 3), st.sampled_from(["r1", "r2"]), st.integers(1, 9))
    rows = []
    for second, run, sequence in draw(st.lists(moments, unique=True, max_size=12)):
        outcome, reason = draw(OUTCOMES)
        facts = {"etag": draw(ETAGS), "run": run, "sequence": sequence, "second": second}
        rows.append(decision(draw(KEYS), outcome, reason, **facts, patient=f"{second}{run}{sequence}"))
    cut = draw(st.integers(0, len(rows)))
    return [rows[:cut], rows[cut:]]


LISTINGS = st.lists(
    st.builds(
        Listed,
        st.builds(info, KEYS, ETAGS),
        st.integers(0, 2),
        st.sampled_from(["", "P1", "P1\x1f", "É", "P\uffee", "P😀"]),
    ),
    max_size=16,
    unique_by=lambda listed: (listed.info.key, listed.info.etag),
)


def latest_of(history):
    rows = [row for commit in history for row in commit]
    rows.sort(key=lambda row: (row["time"], row["run"], row["sequence"]))
    return {(row["key"], row["etag"]): row for row in rows}


def expected_pending(history, listing):
    latest = latest_of(history)
    found = []
    for listed in sorted(
        listing, key=lambda one: (one.phase, one.order.encode(), one.info.key.encode(), one.info.etag)
    ):
        row = latest.get((listed.info.key, listed.info.etag))
        if row is None:
            found.append((listed.info, listed.phase, None))
        elif row["outcome"] == "deferred":
            earlier = Deferral(row["reason"], row["patient"], None, None)
            found.append((listed.info, listed.phase, earlier))
    return found


def agrees(catalog, history, listing):
    with catalog.pending(listing) as pending:
        found = [tuple(one)[:3] for one in pending]
        counts = (pending.listed, pending.known)
    assert found == expected_pending(history, listing)
    assert counts == (len(listing), len(listing) - len(found))
    now = catalog.query("SELECT key, etag, patient FROM objects_now").to_pylist()
    assert sorted(tuple(row.values()) for row in now) == sorted(
        (key, etag, row["patient"]) for (key, etag), row in latest_of(history).items()
    )


def few(examples):
    return settings(max_examples=examples, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@few(40)
@given(histories(), LISTINGS)
def test_memory(history, listing):
    catalog = MemoryCatalog()
    for commit in history:
        catalog.append(commit)
    agrees(catalog, history, listing)


@few(20)
@given(histories(), LISTINGS)
def test_an_overlay(history, listing):
    base = MemoryCatalog()
    catalog = MemoryCatalog(base=base)
    below, above = history
    base.append(below)
    catalog.append(above)
    agrees(catalog, history, listing)


@few(8)
@given(histories(), LISTINGS)
def test_delta(history, listing):
    with tempfile.TemporaryDirectory() as folder:
        catalog = DeltaCatalog(folder)
        for commit in history:
            catalog.append(commit)
        agrees(catalog, history, listing)
