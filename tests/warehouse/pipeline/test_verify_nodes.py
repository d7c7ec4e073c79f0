"""What is no damage is not called damage; what cannot be read is not called whole."""

import json
import random
from collections import Counter

import planted
import pytest

from old_bucket import DAY, LATER, build, image, old_metadata
from support import load
from warehouse.domain.keys import metadata_key
from warehouse.errors import Forbidden, StoreFault, Unaddressable
from warehouse.storage.catalog import MemoryCatalog
from warehouse.storage.memory import MemoryStore


@pytest.fixture(scope="module")
def _loaded():
    return planted.loaded_drop()


@pytest.fixture
def bucket(_loaded):
    return _loaded.copy()


@pytest.fixture
def deep():
    """Whether all bytes are read, where a test does not say: all else is read then, too."""
    return True


either_way = pytest.mark.parametrize("deep", [False, True], ids=["shallow", "deep"])


def upload(store, patient, *, names=("a", "b")):
    record = {"Pseudonym": patient, "SubmittingCentre": "Train"}
    store.put(f"raw-north/{LATER}/data/{patient}_data.json", json.dumps(record).encode())
    for name in names:
        store.put(f"raw-north/{LATER}/images/{patient}-{name}.dcm", image(patient, f"{name}.dcm").data)


def clean(store, catalog, deep, **remarks):
    verdict, code, findings = planted.found_in(store, catalog, deep=deep)
    assert (findings, code) == ([], 0)
    assert +verdict.remarks == Counter({name.replace("_", "-"): count for name, count in remarks.items()})


def test_what_no_run_has_seen_yet_is_no_damage(bucket, deep):
    upload(bucket.store, "New1")
    clean(bucket.store, bucket.catalog(), deep, undecided=3)


def test_present_objects_and_conflicts_are_no_damage(bucket, deep):
    store, catalog = bucket.store, bucket.catalog()
    (key,) = (key for key in store._objects if key.endswith("images/Case01-0.dcm"))
    store.put(key.replace(DAY, LATER), bucket.data(key))
    store.put(key.replace("Case01-0", "Case01-same"), bucket.data(key))
    store.put(f"raw-north/{LATER}/images/Case02-0.dcm", image("Case02", "Case02-0.dcm", Rows=7).data)
    load(store, catalog)
    clean(store, catalog, deep)


@either_way
def test_a_raw_object_that_was_replaced_is_no_damage(bucket, deep):
    store, catalog = bucket.store, bucket.catalog()
    store.put(f"raw-north/{DAY}/images/Case03-0.dcm", image("Case03", "Case03-0.dcm", KVP=7).data)
    clean(store, catalog, deep, undecided=1)
    load(store, catalog)
    clean(store, catalog, deep)


def test_raw_objects_that_were_removed_are_counted(bucket, deep):
    for patient in ("Case04", "Case05"):
        bucket.remove(f"raw-north/{DAY}/images/{patient}-1.dcm")
    bucket.remove(f"raw-north/{DAY}/images/bad-3.dcm")
    clean(bucket.store, bucket.catalog(), deep, raw_removed=2)


def test_a_prefix_that_is_not_configured_any_more_is_still_looked_at(bucket, deep):
    bucket.store.put("config.json", json.dumps({**planted.CONFIGURATION, "raw_prefixes": ["raw-x"]}).encode())
    clean(bucket.store, bucket.catalog(), deep)


@either_way
def test_a_copy_that_was_written_again_with_its_bytes_is_whole(bucket, deep):
    class Touched(MemoryStore):
        def list(self, prefix=""):
            for info in super().list(prefix):
                yield info if prefix.startswith("raw-") else type(info)(**_retagged(info))

        def same_bytes(self, first, second):
            return self.read(first.key).data == self.read(second.key).data

        def read(self, key, **how):
            return super().read(key, **{**how, "etag": None})

    store = Touched()
    store._objects = bucket.store._objects
    clean(store, bucket.catalog(), deep)


def _retagged(info):
    return {"key": info.key, "size": info.size, "etag": "another", "last_modified": info.last_modified}


def test_what_was_written_again_and_has_no_raw_object_is_not_proven(bucket):
    key = bucket.keys("Case06", "clinical")[0]
    bucket.store.put(key, bytes(reversed(bucket.data(key))))
    bucket.remove(f"raw-north/{DAY}/data/Case06_data.json")
    verdict, code, findings = planted.found_in(bucket.store, bucket.catalog())
    assert (findings, code) == ([], 4)
    assert verdict.unread == {("copy", "no-source"): 1}


@pytest.mark.parametrize("committed", [0, 2])
def test_what_a_killed_run_left_is_mended_by_the_next(bucket, deep, committed):
    store, catalog = bucket.store, bucket.catalog()
    upload(store, "New1")
    upload(store, "New2")
    load(store, catalog)
    for key in (key for key in list(store._objects) if "/New2/" in key and "-metadata/" in key):
        bucket.remove(key)
    killed = bucket.catalog()
    rows = catalog.query("SELECT * FROM objects ORDER BY time, run, sequence").to_pylist()
    killed.append(rows[bucket.rows.num_rows : bucket.rows.num_rows + committed])
    clean(store, killed, deep, unrecorded=6 - committed, undecided=6 - committed)
    assert load(store, killed).code == 0
    clean(store, killed, deep)


def test_a_bucket_without_a_catalog_waits_for_a_load(bucket, deep):
    count = planted.PATIENTS * (planted.IMAGES + 1)
    undecided = count + planted.PATIENTS + 1
    clean(bucket.store, MemoryCatalog(), deep, undecided=undecided, unrecorded=count)


def test_lost_rows_are_mended_by_a_load_and_then_nothing_is_wrong(bucket, deep):
    rows = bucket.edit_rows()
    rows[:] = [row for row in rows if "Case07" not in row["key"] and "bad-1." not in row["key"]]
    catalog = bucket.catalog()
    _, code, findings = planted.found_in(bucket.store, catalog, deep=deep)
    lost = {*bucket.keys("Case07", "image"), *bucket.keys("Case07", "clinical")}
    assert code == 5
    assert {(one.kind, one.key) for one in findings} == {
        ("row-missing", key) for key in (*lost, f"raw-north/{DAY}/images/bad-1.dcm")
    }
    load(bucket.store, catalog)
    clean(bucket.store, catalog, deep)


def test_a_lost_copy_is_mended_by_hand_as_its_remedy_says(bucket, deep):
    planted.copies_swapped(bucket, "Case07", random.Random(1))
    planted.copy_missing(bucket, "Case08", random.Random(2))
    planted.metadata_missing(bucket, "Case09", random.Random(3))
    for kind, key in sorted(bucket.expected):
        name = key.rpartition("/")[2]
        if kind == "metadata-missing":
            key, data = metadata_key(key), old_metadata(bucket.data(key))
        elif "/data/" in key:
            data = bucket.data(f"raw-north/{DAY}/data/Case08_data.json")
        else:
            data = bucket.data(f"raw-north/{DAY}/images/{name}")
        bucket.store.put(key, data)
    clean(bucket.store, bucket.catalog(), deep)


@either_way
def test_an_older_loaders_bucket_has_only_the_damage_that_it_has(deep):
    store, catalog = MemoryStore(), MemoryCatalog()
    for key, data in build().objects.items():
        store.put(key, data)
    for _ in range(2):
        _, code, findings = planted.found_in(store, catalog, deep=deep)
        assert code == 5
        assert sorted((one.kind, one.key.rpartition("/")[2]) for one in findings) == [
            ("instance-twice", "second.dcm"),
            ("patient-in-both-sets", "BOTH1"),
            ("patient-in-both-sets", "BOTH2"),
        ]
        load(store, catalog)


def test_an_older_loaders_bucket_without_damage_is_clean(deep):
    store, catalog = MemoryStore(), MemoryCatalog()
    for key, data in build().objects.items():
        if "oth" not in key.lower().replace("other", "") and "second" not in key and "BOTH" not in key:
            store.put(key, data)
    for key in [key for key in store._objects if "/b1" in key]:
        del store._objects[key]
    for _ in range(2):
        _, code, findings = planted.found_in(store, catalog, deep=deep)
        assert (findings, code) == ([], 0)
        load(store, catalog)


def test_a_damaged_claim_is_found_and_not_called_missing(bucket):
    bucket.store.put("assignments/patients/CASE09.json", b"{}")
    _, code, findings = planted.found_in(bucket.store, bucket.catalog())
    assert [(one.kind, one.key) for one in findings] == [("assignment-damaged", "CASE09")]
    assert code == 5


def test_a_document_that_is_none_is_found(bucket):
    bucket.store.put(bucket.keys("Case10", "document")[0], b"[1]")
    _, _, findings = planted.found_in(bucket.store, bucket.catalog())
    assert [one.kind for one in findings] == ["metadata-damaged"]


def test_a_document_that_says_something_else_is_found_by_its_header(bucket):
    key = bucket.keys("Case11", "document")[0]
    document = json.loads(bucket.data(key))
    document["00280010"]["Value"] = [1]
    bucket.store.put(key, json.dumps(document).encode())
    assert planted.found_in(bucket.store, bucket.catalog())[2] == []
    _, code, (finding,) = planted.found_in(bucket.store, bucket.catalog(), deep=True)
    assert (code, finding.kind) == (5, "metadata-differs")


@pytest.mark.parametrize(("error", "reason"), [(StoreFault, "store-fault"), (Forbidden, "forbidden")])
def test_what_cannot_be_read_is_not_proven(bucket, error, reason):
    refused = {bucket.keys("Case12", "document")[0], "assignments/patients/CASE13.json"}

    class Refusing(MemoryStore):
        def read(self, key, **how):
            if key in refused:
                raise error("read", key)
            return super().read(key, **how)

    store = Refusing()
    store._objects = bucket.store._objects
    verdict, code, findings = planted.found_in(store, bucket.catalog())
    assert (findings, code) == ([], 4)
    assert verdict.unread == {("metadata document", reason): 1, ("claim", reason): 1}


def test_a_copy_of_a_name_that_the_store_cannot_hold_is_missing(bucket):
    gone = [bucket.keys("Case12", "image")[0], metadata_key(bucket.keys("Case13", "image")[0])]

    class Narrow(MemoryStore):
        def head(self, key):
            if key in gone:
                raise Unaddressable("head", key)
            return super().head(key)

    for key in gone:
        bucket.remove(key)
    store = Narrow()
    store._objects = bucket.store._objects
    verdict, code, findings = planted.found_in(store, bucket.catalog())
    assert (code, {one.kind for one in findings}) == (5, {"copy-missing", "metadata-missing"})
    assert not verdict.unread


def test_what_came_after_the_listing_is_not_missing(bucket, deep):
    late = bucket.keys("Case14", "image")[0]
    document = bucket.keys("Case15", "document")[1]

    class Late(MemoryStore):
        def list(self, prefix=""):
            return (info for info in super().list(prefix) if info.key not in (late, document))

    store = Late()
    store._objects = bucket.store._objects
    clean(store, bucket.catalog(), deep)


def test_objects_are_named_without_their_patients(bucket):
    planted.copy_missing(bucket, "Case16", random.Random(1))
    planted.instance_twice(bucket, "Case17", random.Random(1))
    planted.patient_in_both(bucket, "Case18", random.Random(1))
    _, _, findings = planted.found_in(bucket.store, bucket.catalog())
    assert findings
    for finding in findings:
        assert "case" not in finding.name.lower()
        assert "#" in finding.name
        assert "case" not in repr(finding).lower()


def test_what_was_moved_by_hand_and_is_quarantined_is_no_violation(bucket, deep):
    """A patient of both sets, whose objects were put into one of them, as the page on migration says."""
    store, catalog = bucket.store, bucket.catalog()
    store.put("validation/data/Moved1/data_2020-01-01.json", b"{}")
    store.put("training/data/Moved1/data_2020-01-01.json", b"{}")
    upload(store, "Moved1")
    load(store, catalog)
    assert {one.kind for one in planted.found_in(store, catalog)[2]} >= {"patient-in-both-sets"}
    for group in ("training", "validation"):
        bucket.remove(f"{group}/data/Moved1/data_2020-01-01.json")
    made = image("Moved1", "Moved1-a.dcm")
    key = f"training/ct/{made.place}"
    store.put(key, made.data)
    store.put(metadata_key(key), old_metadata(made.data))
    clean(store, catalog, deep, left_over=1, unclaimed=1)
