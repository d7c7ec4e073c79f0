"""The loader over stores in memory: every verdict, every promise that one process can show."""

import functools
import json
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from uploads import SITES, Warehouse

from support import decisions, load, raw_drop, state
from warehouse import warehouseloader
from warehouse.demo import CONFIGURATION
from warehouse.domain import dicom
from warehouse.domain.records import Assignment
from warehouse.storage.assignments import to_document
from warehouse.storage.catalog import MemoryCatalog
from warehouse.storage.ledger import Ledger
from warehouse.storage.memory import MemoryStore
from warehouse.storage.translate import PERMISSIONS
from warehouse.testing import Fault, Faults, FaultyStore, Kind, When


class SpoiltWarehouse(Warehouse):
    """Its loads meet the faults that are planned."""

    def __init__(self, **configuration):
        self.faults = Faults()
        super().__init__(**configuration)

    def load(self, **how):
        return load(FaultyStore(self.store, self.faults), self.catalog, **how)

    def written(self):
        prefixes = ("training/", "validation/", "assignments/")
        return sorted(info.key for info in self.store.list() if info.key.startswith(prefixes))


@pytest.fixture
def warehouse():
    return SpoiltWarehouse()


def test_one_patient_with_one_image(warehouse, image):
    warehouse.clinical("P1")
    key = warehouse.image(image("P1"))
    assert warehouse.load().code == 0
    header = decisions(warehouse.catalog)[key]
    place = f"P1/{header['StudyInstanceUID']}/{header['SeriesInstanceUID']}/x"
    assert warehouse.written() == [
        "assignments/patients/P1.json",
        f"training/ct-metadata/{place}.json",
        f"training/ct/{place}.dcm",
        "training/data/P1/data_2020-01-01.json",
    ]
    assert (header["group"], header["rule"], header["type"], header["Modality"]) == (
        "training",
        "site",
        "ct",
        "CT",
    )


def test_a_new_image_costs_three_requests_and_a_patient_three_then_two(warehouse, image):
    warehouse.clinical("P1")
    warehouse.clinical("P1", day="2020-01-02")
    warehouse.image(image("P1"))
    requests = warehouse.load().figures["requests"]
    config, first, later, picture = 1, 1, 1, 1
    assert requests["read"] == config + first + later + picture
    assert requests["copy"] == 3
    assert requests["create"] == 2
    assert requests["head"] == requests["same_bytes"] == 0


def test_a_second_run_asks_nothing_about_known_objects_and_writes_nothing(warehouse, image):
    warehouse.clinical("P1")
    warehouse.clinical("Elsewhere", site="Nowhere")
    warehouse.image(image("P1"))
    warehouse.image(image("Stranger"), "y.dcm")
    warehouse.image(b"no image", "z.dcm")
    warehouse.load()
    before = warehouse.written(), decisions(warehouse.catalog)
    again = warehouse.load()
    assert (warehouse.written(), decisions(warehouse.catalog)) == before
    assert again.figures["requests"]["read"] == 1  # config.json
    assert again.figures["requests"]["create"] == again.figures["requests"]["copy"] == 0
    assert "There is nothing to do" in again.summary
    assert again.figures["known"] == 3
    assert again.figures["outcomes"]["deferred"] == 2


def test_two_runs_leave_two_rows_in_runs(warehouse):
    warehouse.clinical("P1")
    warehouse.load()
    warehouse.load()
    rows = warehouse.catalog.query("SELECT * FROM runs ORDER BY started").to_pylist()
    assert [(row["listed"], row["known"], row["loaded"], row["exit_code"]) for row in rows] == [
        (1, 0, 1, 0),
        (1, 1, 0, 0),
    ]


def test_a_patient_stays_where_it_was_when_its_site_moves(warehouse):
    warehouse.clinical("P1", site="Train")
    warehouse.load()
    warehouse.configure(sites={"validation": ["Train"]})
    later = warehouse.clinical("P1", site="Train", day="2020-02-02")
    assert warehouse.load().code == 0
    assert decisions(warehouse.catalog)[later]["group"] == "training"
    assert decisions(warehouse.catalog)[later]["flags"] == ["site-differs"]
    assert not [key for key in warehouse.written() if key.startswith("validation/")]


def test_spellings_of_one_identifier_are_one_patient(warehouse, image):
    warehouse.clinical("Covid1", site="Split")
    warehouse.clinical("COVID1", site="Valid", day="2020-01-02")
    key = warehouse.image(image(" covid1 "))
    warehouse.load()
    assert {row["group"] for row in decisions(warehouse.catalog).values()} == {"training"}
    assert decisions(warehouse.catalog)[key]["folder"] == "Covid1"
    assert [key for key in warehouse.written() if key.startswith("assignments/")] == [
        "assignments/patients/COVID1.json"
    ]


def test_an_unlisted_site_waits_for_the_configuration(warehouse, image):
    clinical = warehouse.clinical("P1", site="New")
    picture = warehouse.image(image("P1"))
    assert warehouse.load().code == 0
    assert warehouse.verdict(clinical) == ("deferred", "unlisted-site")
    assert warehouse.verdict(picture) == ("deferred", "unlisted-site")
    warehouse.configure(sites={"validation": ["New"]})
    warehouse.load()
    assert warehouse.verdict(clinical) == ("loaded", None)
    assert warehouse.verdict(picture) == ("loaded", None)


def test_an_image_waits_for_its_clinical_file(warehouse, image):
    picture = warehouse.image(image("P1"))
    waiting = warehouse.load()
    assert warehouse.verdict(picture) == ("deferred", "no-clinical-data")
    assert waiting.figures["waiting"]["a"]["patients"] == 1
    warehouse.clinical("P1", day="2021-01-01")
    warehouse.load()
    assert warehouse.verdict(picture) == ("loaded", None)


@pytest.mark.parametrize("site", ["Nowhere", None])
def test_a_later_file_of_the_patient_settles_an_earlier_one_in_the_same_run(warehouse, site):
    first = warehouse.clinical("P1", site=site, day="2020-01-01")
    second = warehouse.clinical("P1", site="Valid", day="2020-01-02")
    run = warehouse.load()
    assert warehouse.verdict(first) == warehouse.verdict(second) == ("loaded", None)
    assert run.figures["decided"] == run.figures["listed"] == 2


def test_no_site_at_all(warehouse):
    key = warehouse.clinical("P1", site=None)
    assert warehouse.load().code == 3
    assert warehouse.verdict(key) == ("quarantined", "no-site")


@pytest.mark.parametrize(
    ("fields", "verdict"),
    [
        ({"patient": "P2", "name": "P1"}, ("quarantined", "identity-mismatch")),
        ({"patient": None, "name": "P1"}, ("loaded", None)),
        ({"patient": "anonymous"}, ("quarantined", "placeholder-identity")),
        ({"patient": "000"}, ("quarantined", "placeholder-identity")),
        ({"patient": "P+1"}, ("quarantined", "invalid-identity")),
    ],
)
def test_verdicts_on_clinical_identities(warehouse, fields, verdict):
    key = warehouse.clinical(**fields)
    warehouse.load()
    assert warehouse.verdict(key) == verdict


def test_an_older_folder_keeps_an_identifier_that_the_pattern_refuses(warehouse):
    warehouse.store.put("validation/data/P+1/data_2019-01-01.json", b"{}")
    key = warehouse.clinical("p+1", site="Train")
    warehouse.load()
    found = decisions(warehouse.catalog)[key]
    assert (found["group"], found["rule"], found["folder"]) == ("validation", "existing", "P+1")


def test_a_patient_in_both_sets_ends_the_run_with_5_and_all_others_load(warehouse, image):
    warehouse.store.put("training/data/P1/data_2019-01-01.json", b"{}")
    warehouse.store.put("validation/data/P1/data_2019-01-01.json", b"{}")
    broken = warehouse.clinical("P1")
    picture = warehouse.image(image("P1"))
    other = warehouse.clinical("P2")
    assert warehouse.load().code == 5
    assert warehouse.verdict(broken) == ("quarantined", "patient-in-both-sets")
    assert warehouse.verdict(picture) == ("quarantined", "patient-in-both-sets")
    assert warehouse.verdict(other) == ("loaded", None)


def test_each_load_ends_with_5_as_long_as_somebody_stands_in_both_sets(warehouse):
    key = warehouse.clinical("P1")
    assert warehouse.load().code == 0
    warehouse.store.put("validation/data/p1/data_2019-01-01.json", b"{}")
    for _ in range(2):
        again = warehouse.load()
        assert (again.code, again.figures["decided"], again.figures["in_both_sets"]) == (5, 0, 1)
        assert again.figures["requests"]["read"] == 1
        assert "P1" not in again.summary.upper()
    assert warehouse.verdict(key) == ("loaded", None)


def test_a_damaged_assignment_has_a_reason_of_its_own_until_it_is_mended(warehouse, image):
    warehouse.store.put("assignments/patients/P1.json", b"junk")
    key = warehouse.clinical("P1")
    picture = warehouse.image(image("P1"))
    loaded = warehouse.load()
    assert loaded.code == 4
    assert warehouse.verdict(key) == ("deferred", "damaged-assignment")
    assert warehouse.verdict(picture) == ("deferred", "damaged-assignment")
    assert "by hand" in loaded.summary
    assert "P1" not in loaded.summary
    mended = Assignment("P1", "validation", "site", "S", "P1", "c", "r", datetime(2020, 1, 1, tzinfo=UTC))
    warehouse.store.put("assignments/patients/P1.json", to_document(mended))
    assert warehouse.load().code == 0
    assert warehouse.verdict(picture) == ("loaded", None)


def test_a_target_that_stands_there_already(warehouse):
    same = warehouse.clinical("P1")
    other = warehouse.clinical("P2")
    warehouse.store.put("training/data/P1/data_2020-01-01.json", warehouse.store.read(same).data)
    warehouse.store.put("training/data/P2/data_2020-01-01.json", b"{}")
    warehouse.load()
    assert warehouse.verdict(same) == ("present", "same-bytes")
    assert warehouse.verdict(other) == ("quarantined", "conflicting-copy")
    assert warehouse.store.read("training/data/P2/data_2020-01-01.json").data == b"{}"


def test_one_sop_instance_is_one_object(warehouse, image):
    warehouse.clinical("P1")
    first = warehouse.image(image("P1"), "a.dcm")
    same = warehouse.image(image("P1"), "b.dcm")
    other = warehouse.image(image("P1", PatientComments="changed"), "c.dcm")
    warehouse.load()
    assert warehouse.verdict(first) == ("loaded", None)
    assert warehouse.verdict(same) == ("present", "same-instance")
    assert warehouse.verdict(other) == ("quarantined", "conflicting-copy")
    late = warehouse.image(image("P1"), "d.dcm", day="2020-05-05")
    warehouse.load()
    assert warehouse.verdict(late) == ("present", "same-instance")


def test_a_study_belongs_to_one_patient(warehouse, image):
    warehouse.clinical("P1")
    warehouse.clinical("P2")
    first = warehouse.image(image("P1", SOPInstanceUID="1.2.3.1"), "a.dcm")
    second = warehouse.image(image("P2", SOPInstanceUID="1.2.3.2"), "b.dcm")
    warehouse.load()
    assert warehouse.verdict(first) == ("loaded", None)
    assert warehouse.verdict(second) == ("quarantined", "study-of-another-patient")
    third = warehouse.image(image("P2", SOPInstanceUID="1.2.3.3"), "c.dcm")
    warehouse.load()
    assert warehouse.verdict(third) == ("quarantined", "study-of-another-patient")


def test_two_sites_may_use_one_file_name(warehouse, image):
    warehouse.clinical("P1")
    warehouse.clinical("P2")
    one = warehouse.image(image("P1"), "x.dcm", day="2020-01-02")
    two = warehouse.image(
        image("P2", StudyInstanceUID="1.9", SOPInstanceUID="1.9.1"), "x.dcm", day="2020-01-03"
    )
    warehouse.load()
    assert warehouse.verdict(one) == warehouse.verdict(two) == ("loaded", None)


def test_a_re_upload_is_decided_like_a_new_object(warehouse, image):
    warehouse.clinical("P1")
    key = warehouse.image(b"no image")
    warehouse.load()
    assert warehouse.verdict(key) == ("quarantined", "not-dicom")
    warehouse.image(image("P1"))
    warehouse.load()
    rows = warehouse.catalog.query("SELECT outcome FROM objects_now WHERE key = ? ORDER BY outcome", [key])
    assert rows["outcome"].to_pylist() == ["loaded", "quarantined"]


@pytest.mark.parametrize("operation", ["read", "copy"])
@pytest.mark.parametrize(
    ("kind", "reason", "code"),
    [
        (Kind.SLOW_DOWN, "store-fault", 4),
        (Kind.FORBIDDEN, "forbidden", 4),
        (Kind.GONE, "vanished", 0),
        (Kind.ARCHIVED, "archived", 0),
        (Kind.BUG, "internal-error", 4),
    ],
)
def test_a_fault_defers_one_object_and_the_next_run_goes_on(warehouse, image, operation, kind, reason, code):
    warehouse.clinical("P1")
    warehouse.clinical("P2")
    key = warehouse.image(image("P1"))
    warehouse.faults.plan(Fault(operation, kind, key))
    run = warehouse.load()
    assert run.code == code
    assert warehouse.verdict(key) == ("deferred", reason)
    assert run.figures["outcomes"]["loaded"] == 2
    assert run.figures["accounted"]
    flags = str(decisions(warehouse.catalog)[key]["flags"])
    assert "P1" not in flags
    assert "x.dcm" not in flags
    assert warehouse.load().code == 0
    assert warehouse.verdict(key) == ("loaded", None)


@pytest.mark.parametrize("what", ["training/ct/*", "*-metadata/*", "training/data/*", "assignments/*"])
def test_what_stands_in_the_way_is_told_until_it_is_put_aside(warehouse, image, what, caplog):
    for verb in ("head", "read", "create", "copy"):
        warehouse.faults.plan(Fault(verb, Kind.OCCUPIED, what, times=None))
    keys = [warehouse.clinical("P1"), warehouse.image(image("P1"))]
    for _ in range(2):
        run = warehouse.load()
        assert run.code == 4
        assert "occupied" in run.summary
        assert ("deferred", "occupied") in {warehouse.verdict(key) for key in keys}
        assert run.figures["outcomes"]["quarantined"] == 0
    assert any(message.endswith(" was deferred: occupied") for message in caplog.messages)
    warehouse.faults.clear()
    assert warehouse.load().code == 0
    assert {warehouse.verdict(key)[0] for key in keys} <= {"loaded", "present"}


@pytest.mark.parametrize("kind", [Kind.OCCUPIED, Kind.SLOW_DOWN])
def test_an_image_without_its_metadata_holds_its_instance_all_the_same(warehouse, image, kind):
    warehouse.clinical("P1")
    first = warehouse.image(image("P1", SOPInstanceUID="1.2.3"), "a.dcm")
    second = warehouse.image(image("P1", SOPInstanceUID="1.2.3"), "b.dcm")
    warehouse.faults.plan(Fault("create", kind, "*-metadata/*/a.json"))
    assert warehouse.load().code == 4
    assert warehouse.verdict(first)[0] == "deferred"
    assert warehouse.verdict(second) == ("present", "same-instance")
    assert warehouse.load().code == 0
    assert warehouse.verdict(first) == ("present", "same-bytes")
    stand = [key.rpartition("/")[2] for key in warehouse.written() if "/data/" not in key]
    assert stand == ["P1.json", "a.json", "a.dcm"]


def test_what_took_a_raw_objects_own_place_is_seen_by_the_next_listing(warehouse):
    key = warehouse.clinical("P1")
    warehouse.faults.plan(Fault("read", Kind.OCCUPIED, key))
    assert warehouse.load().code == 0
    assert warehouse.verdict(key) == ("deferred", "vanished")


def test_a_missing_permission_is_named(warehouse, image, caplog):
    warehouse.clinical("P1")
    key = warehouse.image(image("P1"))
    warehouse.faults.plan(Fault("read", Kind.FORBIDDEN, key))
    warehouse.load()
    assert decisions(warehouse.catalog)[key]["flags"] == [f"AccessDenied; needs {PERMISSIONS['read']}"]
    assert "forbidden (AccessDenied; needs s3:GetObject" in caplog.text
    warehouse.faults.plan(Fault("list", Kind.FORBIDDEN, "raw-a/"))
    run = warehouse.load()
    assert run.code == 2
    assert "list the raw prefixes: permission denied (AccessDenied; needs s3:ListBucket)" in str(
        run.report.fatal
    )


def test_images_wait_with_the_reason_of_their_clinical_file(warehouse, image):
    clinical = warehouse.clinical("P1")
    picture = warehouse.image(image("P1"))
    warehouse.faults.plan(Fault("read", Kind.SLOW_DOWN, clinical))
    assert warehouse.load().code == 4
    assert warehouse.verdict(picture) == ("deferred", "store-fault")


def test_a_failing_listing_is_never_taken_for_a_whole_one(warehouse):
    warehouse.clinical("P1")
    warehouse.clinical("P2")
    warehouse.faults.plan(Fault("list", Kind.INTERNAL_ERROR, "raw-a/", when=When.TORN))
    run = warehouse.load()
    assert run.code == 4
    assert decisions(warehouse.catalog) == {}
    assert warehouse.written() == []


def demo_drop():
    store = MemoryStore()
    for key, data in raw_drop():
        store.put(key, data)
    store.put("config.json", json.dumps(CONFIGURATION).encode())
    return store


@pytest.mark.parametrize("concurrency", [1, 32])
def test_concurrency_changes_nothing(concurrency):
    usual, other = (demo_drop(), MemoryCatalog()), (demo_drop(), MemoryCatalog())
    load(*usual, concurrency=4)
    load(*other, concurrency=concurrency)
    assert state(*usual) == state(*other)


def test_every_raw_object_of_the_demo_is_accounted_for_as_a_set():
    store, catalog = demo_drop(), MemoryCatalog()
    run = load(store, catalog)
    assert set(decisions(catalog)) == {key for key, _ in raw_drop()}
    assert run.figures["accounted"]
    assert all(row["reason"] or row["outcome"] == "loaded" for row in decisions(catalog).values())


clinical_uploads = st.tuples(
    st.sampled_from(["p1", "P1", "P2", "p2 "]),
    st.sampled_from(["Train", "Valid", "Split", "Nowhere", None]),
    st.sampled_from(["2020-01-01", "2020-01-02", "2020-01-03"]),
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(clinical_uploads, max_size=4), min_size=1, max_size=3), st.integers(1, 8))
def test_no_patient_is_ever_in_both_sets(image, runs, concurrency):
    warehouse = SpoiltWarehouse()
    groups = {}
    for number, uploads in enumerate(runs):
        warehouse.configure(
            training_percentage=10 * number, sites=SITES if number % 2 else {"training": ["Valid"]}
        )
        for patient, site, day in uploads:
            warehouse.clinical(patient.strip(), site=site, day=day)
        run = warehouse.load(concurrency=concurrency)
        assert run.figures["accounted"]
        for row in decisions(warehouse.catalog).values():
            if row["group"]:
                assert groups.setdefault(row["patient"], row["group"]) == row["group"]
    for group in ("training", "validation"):
        folders = {key.split("/")[2].upper() for key in warehouse.written() if key.startswith(f"{group}/")}
        assert all(groups[folder] == group for folder in folders)


def test_the_runs_row_tells_when_it_was():
    warehouse = SpoiltWarehouse()
    now = datetime(2021, 2, 3, tzinfo=UTC)
    warehouse.load(clock=lambda: now)
    (row,) = warehouse.catalog.query("SELECT run, started, ended FROM runs").to_pylist()
    assert row["run"].startswith("20210203T000000Z-")
    assert row["started"] == row["ended"] == now


def test_a_large_header_is_read_again_instead_of_travelling(warehouse, image):
    warehouse.clinical("P1")
    key = warehouse.image(
        image("P1", PatientComments="long " * 1000, RedPaletteColorLookupTableData=bytes(600_000))
    )
    assert warehouse.load().code == 0
    found = decisions(warehouse.catalog)[key]
    assert found["outcome"] == "loaded"
    metadata = found["target_key"].replace("/ct/", "/ct-metadata/").replace(".dcm", ".json")
    whole = dicom.to_json(warehouse.store.read(key).data)
    assert warehouse.store.read(metadata).data == whole


def test_the_rows_that_travel_are_small(warehouse, image, monkeypatch):
    sizes = []

    def weigh(function):
        def weighed(row, **services):
            parts = (getattr(row, "header", None), getattr(row, "metadata", None))
            sizes.extend(len(getattr(part, "data", None) or b"") for part in parts)
            return function(row, **services)

        return functools.wraps(function)(weighed)

    for name in ("extract_dicom_metadata", "copy_and_upload"):
        monkeypatch.setattr(warehouseloader, name, weigh(getattr(warehouseloader, name)))
    warehouse.clinical("P1")
    warehouse.image(image("P1", RedPaletteColorLookupTableData=bytes(2_000_000)))
    warehouse.image(image("P1", SOPInstanceUID="1.2.3"), "y.dcm")
    warehouse.load()
    assert 0 < max(sizes) < 256 * 1024


def test_look_alikes_cannot_be_two_patients(warehouse):
    warehouse.configure(patient_id_pattern=r"\S{1,64}")
    composed, decomposed, kelvin, invisible = "\u00e9", "e\u0301", "\u212a1", "P\u200b1"
    fine, *odd = (warehouse.clinical(name) for name in (composed, decomposed, kelvin, invisible))
    warehouse.load()
    assert warehouse.verdict(fine) == ("loaded", None)
    assert {warehouse.verdict(key) for key in odd} == {("quarantined", "invalid-identity")}


@pytest.mark.parametrize("concurrency", [1, 16])
@pytest.mark.parametrize("runs", [1, 2])
@pytest.mark.parametrize("order", [("x.DCM", "x.dcm"), ("x.dcm", "x.DCM")])
def test_names_that_share_a_metadata_document(warehouse, image, concurrency, runs, order):
    warehouse.clinical("P1")
    first, second = order
    one = warehouse.image(image("P1", SOPInstanceUID="1.2.1"), first, day="2020-01-02")
    if runs == 2:
        warehouse.load(concurrency=concurrency)
    two = warehouse.image(image("P1", SOPInstanceUID="1.2.2"), second, day="2020-01-03")
    warehouse.load(concurrency=concurrency)
    assert warehouse.verdict(one) == ("loaded", None)
    assert warehouse.verdict(two) == ("quarantined", "conflicting-copy")
    assert len([key for key in warehouse.written() if "/ct/" in key]) == 1


def test_a_lost_catalog_does_not_give_a_study_to_another_patient(warehouse, image):
    warehouse.clinical("P1", site="Train")
    warehouse.clinical("P2", site="Valid")
    mine = warehouse.image(image("P1"), "a.dcm", day="2020-02-01")
    warehouse.load()
    theirs = warehouse.image(image("P2", SOPInstanceUID="1.2.3"), "thief.dcm", day="2020-01-15")
    warehouse.load()
    warehouse.catalog = MemoryCatalog()
    warehouse.load()
    assert warehouse.verdict(mine) == ("present", "same-bytes")
    assert warehouse.verdict(theirs) == ("quarantined", "study-of-another-patient")


def test_a_clock_that_goes_back_does_not_make_old_decisions_the_latest(warehouse, image):
    key = warehouse.image(image("P1"))
    warehouse.load(clock=lambda: datetime(2031, 1, 1, tzinfo=UTC))
    assert warehouse.verdict(key) == ("deferred", "no-clinical-data")
    warehouse.clinical("P1")
    for _ in range(3):
        warehouse.load(clock=lambda: datetime(2026, 1, 1, tzinfo=UTC))
        assert warehouse.verdict(key) == ("loaded", None)
    assert warehouse.catalog.query("SELECT key FROM objects WHERE key = ?", [key]).num_rows == 2


@pytest.mark.parametrize("service", ["ledger.begin", "catalog.pending", "ledger.record"])
def test_what_breaks_between_the_objects_ends_the_run_with_70(warehouse, service, monkeypatch):
    def broken(*_, **__):
        raise ZeroDivisionError

    owner, name = service.split(".")
    target = {"ledger": Ledger, "catalog": MemoryCatalog}[owner]
    monkeypatch.setattr(target, name, broken)
    warehouse.clinical("P1")
    assert warehouse.load().code == 70


def test_a_store_that_is_lost_in_the_middle_leaves_the_run_incomplete(warehouse):
    warehouse.clinical("P1")
    key = warehouse.clinical("P2")
    warehouse.faults.plan(Fault("copy", Kind.UNAVAILABLE, key))
    assert warehouse.load().code == 4
    assert warehouse.verdict(key) == ("deferred", "store-fault")
