"""What every catalog promises: in memory, over another catalog, in a folder and on S3."""

from __future__ import annotations

import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from catalog_rows import at, decision, info
from warehouse.domain.compaction import to_put_together
from warehouse.domain.records import Assignment, Deferral
from warehouse.errors import QueryError
from warehouse.storage import catalog_pending, catalog_work, compaction
from warehouse.storage.catalog import OBJECTS, RUNS, Catalog, InstanceHolder, Listed, MemoryCatalog
from warehouse.storage.delta import DeltaCatalog


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """The only place for temporary files, to see that they go."""
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    return place


def pending(catalog, *listed):
    with catalog.pending(listed) as found:
        return list(found)


def keys_pending(catalog, *listed):
    return [(found.info.key, found.info.etag) for found in pending(catalog, *listed)]


def image(key, etag="e1"):
    return Listed(info(key, etag), 2)


def test_it_is_a_catalog(catalog):
    assert isinstance(catalog, Catalog)


def test_an_empty_catalog_answers_every_question(catalog):
    assert catalog.version() is None
    assert catalog.last_run() is None
    assert catalog.sites() == set()
    assert list(catalog.assignments()) == []
    assert list(catalog.waiting_patients()) == []
    assert list(catalog.study_owners()) == []
    assert list(catalog.instance_holders()) == []
    assert catalog.query("SELECT * FROM objects").schema.names == OBJECTS.names
    assert catalog.query("SELECT * FROM objects_now").num_rows == 0
    assert catalog.query("SELECT * FROM runs").schema.names == RUNS.names
    assert catalog.version() is None


def test_a_row_comes_back_as_it_was(catalog):
    row = {
        **decision("raw-a/2020-01-01/images/ü+%20 日.dcm", "quarantined", "conflicting-copy"),
        "flags": ["site-differs", "metadata-kept"],
        "last_modified": at(-1),
        "dropped": 2**40,
        "SliceThickness": 0.1,
        "Rows": 512,
        "PatientSex": "",
        "group": "training",
    }
    catalog.append([row])
    (found,) = catalog.query("SELECT * FROM objects").to_pylist()
    assert found == {name: row.get(name) for name in OBJECTS.names}


def test_each_commit_is_a_version_and_no_rows_are_no_commit(catalog):
    catalog.append([decision("a"), decision("b")])
    first = catalog.version()
    catalog.append([])
    catalog.append_run({"run": "run-1", "started": at(0)})
    assert catalog.version() == first == 0
    catalog.append([decision("c")])
    assert catalog.version() == 1


def test_putting_small_files_together_changes_no_answer(catalog, monkeypatch):
    monkeypatch.setattr(compaction, "to_put_together", partial(to_put_together, many=1))
    for n in range(3):
        catalog.append([decision(f"key-{n}")])
        catalog.append_run({"run": f"run-{n}", "started": at(n), "ended": at(n)})
    before = [catalog.query(f"FROM {name} ORDER BY ALL") for name in ("objects", "runs")]
    for name in ("objects", "runs"):
        catalog.compact(name)
    assert [catalog.query(f"FROM {name} ORDER BY ALL") for name in ("objects", "runs")] == before
    assert keys_pending(catalog, image("key-1"), image("key-9")) == [("key-9", "e1")]


@pytest.mark.parametrize("odd", [{"colour": "red"}, {"size": "PRIVATE"}, {"Rows": 2**80}, {"key": "\ud800"}])
def test_a_row_that_does_not_fit_costs_its_commit_and_tells_no_value(catalog, odd):
    with pytest.raises(ValueError) as caught:
        catalog.append([decision("a"), {**decision("b"), **odd}])
    assert "PRIVATE" not in str(caught.value)
    assert catalog.query("SELECT * FROM objects").num_rows == 0


def test_what_was_never_decided_is_pending_with_all_that_was_listed(catalog):
    listed = [
        Listed(info("a", archived=True), 1, "P1"),
        Listed(info("b", defect="link", last_modified=at(3)), 0),
        Listed(info("c", "", size=2**50), 2),
    ]
    with catalog.pending(listed) as found:
        assert (found.listed, found.known) == (3, 0)
        assert [(one.info, one.phase, one.earlier) for one in found] == [
            (listed[1].info, 0, None),
            (listed[0].info, 1, None),
            (listed[2].info, 2, None),
        ]


@pytest.mark.parametrize("outcome", ["loaded", "present", "quarantined", "ignored"])
def test_what_was_decided_is_known_by_key_and_etag(catalog, outcome):
    catalog.append([decision("a", outcome), decision("gone", outcome)])
    with catalog.pending([image("a"), image("a", "e2"), image("A"), image("b")]) as found:
        assert (found.listed, found.known) == (4, 1)
        assert [one.info for one in found] == [info("A"), info("a", "e2"), info("b")]


def test_what_was_deferred_is_pending_with_what_was_known_of_it(catalog):
    catalog.append(
        [
            decision("a", "deferred", "unlisted-site", patient="P1", site="Here", configuration="c1"),
            decision("b", "deferred", "store-fault"),
        ]
    )
    found = {one.info.key: one.earlier for one in pending(catalog, image("a"), image("b"), image("c"))}
    assert found == {
        "a": Deferral("unlisted-site", "P1", "Here", "c1"),
        "b": Deferral("store-fault", None, None, None),
        "c": None,
    }


@pytest.mark.parametrize(
    "later",
    [{"second": 1}, {"run": "run-2"}, {"sequence": 2}, {"second": 1, "run": "run-0", "sequence": 0}],
    ids=["time", "run", "sequence", "time-before-all"],
)
def test_the_latest_decision_counts(catalog, later):
    catalog.append([decision("a", **later), decision("b", "deferred", "retry", **later)])
    catalog.append([decision("a", "deferred", "vanished"), decision("b")])
    catalog.append([decision("c", "deferred", "archived"), decision("c", "deferred", "retry", **later)])
    found = {
        one.info.key: one.earlier and one.earlier.reason
        for one in pending(catalog, image("a"), image("b"), image("c"))
    }
    assert found == {"b": "retry", "c": "retry"}
    table = catalog.query("SELECT key, outcome, reason FROM objects_now ORDER BY key").to_pylist()
    assert [tuple(row.values()) for row in table] == [
        ("a", "loaded", None),
        ("b", "deferred", "retry"),
        ("c", "deferred", "retry"),
    ]


def test_a_row_that_was_committed_twice_counts_once(catalog):
    for _ in range(2):
        catalog.append([decision("a", "deferred", "retry"), decision("b")])
    assert keys_pending(catalog, image("a"), image("b")) == [("a", "e1")]
    assert catalog.query("SELECT key FROM objects_now ORDER BY key").to_pylist() == [
        {"key": "a"},
        {"key": "b"},
    ]


def test_the_order_is_phase_then_order_then_key_in_bytes(catalog):
    names = ["a-b", "a.b", "a/b", "aB", "ab", "z", "é", "日", "\uffff", "😀"]
    listed = [Listed(info(name), 2) for name in reversed(names)]
    listed += [Listed(info("k3"), 1, "P1\x1f2020"), Listed(info("k1"), 1, "P1\x1f2021")]
    listed += [Listed(info("k2"), 1, "P1\x1f2020"), Listed(info("k4"), 1, "P10"), Listed(info("z0"), 0)]
    found = [one.info.key for one in pending(catalog, *listed)]
    assert found == ["z0", "k2", "k3", "k1", "k4", *names]
    assert names == sorted(names, key=str.encode)


def test_more_than_a_batch_and_a_page(catalog, monkeypatch):
    monkeypatch.setattr(catalog_pending, "BATCH_ROWS", 3)
    monkeypatch.setattr(catalog_work, "PAGE_ROWS", 2)
    catalog.append([decision(f"{n:02}") for n in range(0, 20, 2)])
    with catalog.pending(image(f"{n:02}") for n in range(20)) as found:
        assert (found.listed, found.known) == (20, 10)
        expected = [f"{n:02}" for n in range(1, 20, 2)]
        assert [one.info.key for one in found] == expected
        assert [one.info.key for one in found] == expected


class ListingBroke(OSError):
    pass


def test_a_listing_that_fails_passes_its_error_on_and_leaves_nothing(catalog, temporary):
    broke = ListingBroke("half-way")

    def listing():
        yield image("a")
        raise broke

    with pytest.raises(ListingBroke) as caught:
        catalog.pending(listing())
    assert caught.value is broke
    assert list(temporary.iterdir()) == []


def test_temporary_files_go(catalog, temporary):
    catalog.append([decision("a", patient="P1", group="training", folder="P1", rule="site")])
    found = catalog.pending([image("a"), image("b")])
    with found:
        assert list(temporary.iterdir()) != []
        assert len(list(found)) == 1
    found.close()
    half_read = catalog.assignments()
    next(half_read)
    half_read.close()
    catalog.query("SELECT 1")
    assert list(temporary.iterdir()) == []


def test_rows_may_be_committed_while_pending_is_read(catalog, monkeypatch):
    monkeypatch.setattr(catalog_work, "PAGE_ROWS", 2)
    with catalog.pending([image(f"{n}") for n in range(8)]) as found, ThreadPoolExecutor(1) as other:
        seen = []
        for one in found:
            seen.append(one.info.key)
            other.submit(catalog.append, [decision(one.info.key, sequence=len(seen))]).result(timeout=60)
    assert seen == [f"{n}" for n in range(8)]
    assert pending(catalog, *(image(key) for key in seen)) == []


def test_threads_append_and_ask_at_once(catalog):
    start = threading.Barrier(4)

    def load(worker):
        start.wait(timeout=60)
        for turn in range(3):
            catalog.append([decision(f"{worker}-{turn}")])
            assert {"key": f"{worker}-{turn}"} in catalog.query("SELECT key FROM objects").to_pylist()

    with ThreadPoolExecutor(4) as workers:
        list(workers.map(load, range(4), timeout=120))
    keys = catalog.query("SELECT key FROM objects ORDER BY key")["key"].to_pylist()
    assert keys == [f"{worker}-{turn}" for worker in range(4) for turn in range(3)]
    assert catalog.version() == 11


def test_assignments_name_each_patient_once_by_its_newest_row(catalog):
    facts = {"group": "training", "rule": "split", "folder": "p1", "patient": "P1", "configuration": "c1"}
    catalog.append(
        [
            decision("b", **facts, site="Here", second=2, run="run-2"),
            decision("a", **facts, second=1),
            decision("c", patient="P0", group="validation", rule="site", folder="P0", site="There"),
            decision("d", "deferred", "no-clinical-data", patient="P2"),
            decision("e", "quarantined", "not-dicom"),
        ]
    )
    assert list(catalog.assignments()) == [
        Assignment("P0", "validation", "site", "There", "P0", "", "run-1", at(0)),
        Assignment("P1", "training", "split", "Here", "p1", "c1", "run-2", at(2)),
    ]


def test_waiting_patients_are_those_whose_clinical_file_waits_now(catalog):
    def clinical(key, outcome, reason=None, **columns):
        return decision(key, outcome, reason, kind="clinical", **columns)

    catalog.append(
        [
            clinical("a", "deferred", "unlisted-site", patient="P1"),
            clinical("b", "deferred", "unlisted-site", patient="P2"),
            clinical("b", "loaded", patient="P2", etag="e2", second=1),
            clinical("c", "deferred", "store-fault", patient="P3"),
            clinical("d", "deferred", "archived", patient="P3", second=1),
            clinical("e", "quarantined", "invalid-json", patient="P4"),
            clinical("f", "deferred", "store-fault"),
            decision("g", "deferred", "no-clinical-data", patient="P5"),
        ]
    )
    assert list(catalog.waiting_patients()) == [("P1", "unlisted-site"), ("P3", "archived")]


def test_a_study_belongs_to_the_patient_of_its_first_decision(catalog):
    def study(uid, patient, outcome, reason=None, **columns):
        return decision(f"{uid}{patient}", outcome, reason, StudyInstanceUID=uid, patient=patient, **columns)

    catalog.append(
        [
            study("1.1", "P2", "loaded", second=2),
            study("1.1", "P1", "present", second=1),
            study("1.1", "P0", "quarantined", "study-of-another-patient"),
            study("1.2", "P0", "deferred", "no-clinical-data"),
            study("1.3", "P3", "quarantined", "conflicting-copy"),
            study("1.4", "P4", "deferred", "store-fault", sequence=2),
            study("1.4", "P5", "loaded", sequence=3),
            study("1.5", None, "loaded"),
            study("1.6", "P6", "deferred", "contended"),
            study("1.7", "P7", "deferred", "occupied"),
        ]
    )
    owners = [("1.1", "P1"), ("1.3", "P3"), ("1.4", "P4"), ("1.6", "P6"), ("1.7", "P7")]
    assert list(catalog.study_owners()) == owners


def test_an_instance_is_held_by_the_first_object_of_each_place(catalog):
    def instance(uid, key, outcome, target, **columns):
        copy = {"target_key": target, "target_etag": "t1", "target_size": 9}
        return decision(key, outcome, SOPInstanceUID=uid, **copy, **columns)

    catalog.append(
        [
            instance("1.1", "b", "present", "training/b", second=2, etag="e2"),
            instance("1.1", "a", "loaded", "training/a", second=1),
            instance("1.1", "c", "quarantined", "training/c"),
            instance("1.1", "f", "present", "training/a", second=3),
            instance("1.2", "d", "loaded", None),
            instance("1.3", "e", "present", "training/e", etag="e9"),
        ]
    )
    assert list(catalog.instance_holders()) == [
        ("1.1", InstanceHolder("a", "e1", "training/a", "t1", 9)),
        ("1.1", InstanceHolder("b", "e2", "training/b", "t1", 9)),
        ("1.3", InstanceHolder("e", "e9", "training/e", "t1", 9)),
    ]


def test_sites_and_the_last_run(catalog):
    catalog.append([decision("a", site="Here"), decision("b", site=" here"), decision("c", site="Here")])
    catalog.append_run({"run": "run-2", "started": at(60), "configuration_json": "{}", "listed": 3})
    catalog.append_run({"run": "run-1", "started": at(0), "ended": at(90)})
    assert catalog.sites() == {"Here", " here"}
    last = catalog.last_run()
    assert (last["run"], last["started"], last["listed"], last["ended"]) == ("run-2", at(60), 3, None)
    assert list(last) == RUNS.names


def test_a_query_takes_parameters_and_sees_the_views(catalog):
    catalog.append([decision("a", "deferred", "retry"), decision("a", second=1), decision("b")])
    found = catalog.query("SELECT count(*) AS n FROM objects WHERE key = ? AND outcome <> $2", ["a", "x"])
    assert found.to_pylist() == [{"n": 2}]
    now = catalog.query('SELECT count(*) FILTER (reason IS NULL) AS n, any_value("group") FROM objects_now')
    assert now["n"].to_pylist() == [2]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT nothing FROM objects",
        "SELECT * FROM elsewhere",
        "SELEC 1",
        "",
        "SELECT 1 WHERE 'x'::INT = 1",
        "SELECT * FROM read_csv('/etc/hostname')",
        "SELECT * FROM '/etc/hostname'",
        "COPY (SELECT 1) TO '/tmp/out.csv'",
        "INSTALL httpfs",
        "SET enable_external_access = true",
        "CREATE TABLE mine (n INT)",
    ],
)
def test_sql_that_cannot_be_answered_is_the_readers_error(sql):
    with pytest.raises(QueryError):
        MemoryCatalog().query(sql)


def test_an_overlay_reads_its_base_and_never_writes_to_it(tmp_path):
    base = DeltaCatalog(str(tmp_path))
    base.append([decision("a", site="Here"), decision("b", "deferred", "retry")])
    overlay = MemoryCatalog(base=base)
    overlay.append([decision("b", second=1), decision("c", site="There")])
    overlay.append_run({"run": "dry", "started": at(0)})
    assert keys_pending(overlay, image("a"), image("b"), image("c"), image("d")) == [("d", "e1")]
    assert overlay.sites() == {"Here", "There"}
    assert overlay.version() == 1
    assert keys_pending(base, image("a"), image("b"), image("c")) == [("b", "e1"), ("c", "e1")]
    assert (base.version(), base.last_run()) == (0, None)
    assert not (tmp_path / "catalog" / "runs").exists()
    base.append([decision("d")])
    assert keys_pending(overlay, image("d")) == []
