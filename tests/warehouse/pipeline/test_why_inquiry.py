"""The facts of one object, gathered over a small bucket in memory: each kind of key, each place, each gap."""

import json

import pytest

from support import load
from warehouse.domain import keys
from warehouse.domain.decisions import last_kept
from warehouse.errors import Forbidden, NotFound, Occupied, StoreFault, StoreUnavailable
from warehouse.pipeline.why import Inquiry
from warehouse.storage.assignments import from_document
from warehouse.storage.catalog import MemoryCatalog
from warehouse.storage.histories import Histories
from warehouse.storage.memory import MemoryStore
from warehouse.testing import Fault, Faults, FaultyStore, Kind

CONFIG = {"raw_prefixes": ["raw-a/"], "sites": {"training": ["Clinic"], "validation": ["Hospital"]}}
CLINICAL = "raw-a/2020-01-01/data/P1_data.json"
IMAGE = "raw-a/2020-01-01/images/first.dcm"


class Bucket:
    def __init__(self):
        self.store, self.catalog = MemoryStore(), MemoryCatalog()
        self.store.put("config.json", json.dumps(CONFIG).encode())

    def patient(self, name, site="Clinic", day="2020-01-01", **more):
        record = {"Pseudonym": name, "SubmittingCentre": site, **more}
        return self.store.put(f"raw-a/{day}/data/{name}_data.json", json.dumps(record).encode())

    def load(self):
        load(self.store, self.catalog, concurrency=1)

    def facts(self, asked):
        return Inquiry(self.store, Histories(self.catalog.snapshot()), from_document).facts(asked)

    def remove(self, key):
        self.store._objects.pop(key)

    def refuse(self, key, error):
        """Let the store refuse every look at a key."""
        for verb in ("head", "read"):
            setattr(self.store, verb, refusing(getattr(self.store, verb), key, error))


def refusing(verb, refused, error):
    def look(key, **how):
        if key == refused:
            raise error("head", key)
        return verb(key, **how)

    return look


@pytest.fixture
def bucket():
    return Bucket()


@pytest.fixture
def loaded(bucket, image):
    """One patient of the Clinic with one image, loaded."""
    bucket.patient("P1")
    bucket.store.put(IMAGE, image("P1"))
    bucket.load()
    return bucket


def states(facts):
    return {look.what: look.state for look in facts.places}


def test_a_loaded_image_is_found_by_each_of_its_names(loaded):
    by_key = loaded.facts(IMAGE)
    (one,) = by_key.decisions
    assert (one.outcome, one.patient, one.group, one.rule) == ("loaded", "P1", "training", "site")
    assert states(by_key) == {"copy": "stands", "metadata": "stands", "assignment": "stands"}
    for name in (one.target_key, keys.metadata_key(one.target_key), one.name):
        found = loaded.facts(name)
        assert (found.key, found.asked, found.decisions) == (IMAGE, name, by_key.decisions)
    assert by_key.runs[one.run].exit_code == 0
    assert by_key.expected.configuration == one.configuration


def test_a_clinical_file_has_no_metadata(loaded):
    facts = loaded.facts("training/data/P1/data_2020-01-01.json")
    assert facts.key == CLINICAL
    assert states(facts) == {"copy": "stands", "assignment": "stands"}


@pytest.mark.parametrize(
    "asked",
    [
        "raw-a/2020-01-01/images/none.dcm",
        "nothing",
        "training/ct/P1/1.2/1.3/none.dcm",
        "training/ct-metadata/P1/1.2/1.3/none.json",
        "a/2020-01-01/images#20200101T000000Z-abcdef-1",
    ],
)
def test_of_what_stands_nowhere_nothing_is_known(loaded, asked):
    assert loaded.facts(asked) is None


def test_a_name_has_to_agree_with_its_object(loaded):
    name = loaded.facts(IMAGE).decisions[0].name
    assert loaded.facts(name.replace("2020-01-01", "2020-01-02")) is None
    assert loaded.facts(name.replace("/images#", "/data#")) is None


def test_what_was_never_decided_is_told_by_its_key(bucket):
    for key, kind, reason in (
        (IMAGE, "image", None),
        (CLINICAL, "clinical file", None),
        ("raw-a/2020-02-30/images/x.dcm", None, "invalid-key"),
        ("raw-a/2020-01-01/images/x.txt", None, "other-suffix"),
    ):
        bucket.store.put(key, b"x")
        facts = bucket.facts(key)
        assert (facts.current, facts.expected.kind, facts.expected.reason) == (None, kind, reason)
        assert facts.expected.listed
    bucket.store.put("raw-b/2020-01-01/images/x.dcm", b"x")
    assert not bucket.facts("raw-b/2020-01-01/images/x.dcm").expected.listed


def test_a_configuration_that_cannot_be_used_is_a_sentence(bucket):
    bucket.store.put(IMAGE, b"x")
    bucket.store.put("config.json", b"{")
    assert "JSON" in bucket.facts(IMAGE).expected.problem
    bucket.remove("config.json")
    assert "config.json" in bucket.facts(IMAGE).expected.problem


def test_each_version_has_its_decisions_and_the_one_that_stands_counts(loaded, image):
    loaded.store.put(IMAGE, image("P1", PatientComments="other bytes"))
    undecided = loaded.facts(IMAGE)
    assert (len(undecided.decisions), undecided.current) == (1, None)
    loaded.load()
    facts = loaded.facts(IMAGE)
    assert [one.outcome for one in facts.decisions] == ["loaded", "quarantined"]
    assert facts.current.reason == "conflicting-copy"
    assert facts.holder == facts.decisions[0] == last_kept(facts.decisions)
    loaded.remove(IMAGE)
    assert loaded.facts(IMAGE).current.reason == "conflicting-copy"


def test_a_copy_that_is_not_as_it_was_is_told(loaded):
    (one,) = loaded.facts(IMAGE).decisions
    data = loaded.store.read(one.target_key).data
    loaded.store.put(one.target_key, data[:-1] + b"?")
    assert states(loaded.facts(IMAGE))["copy"] == "other version"
    loaded.store.put(one.target_key, b"short")
    loaded.remove(keys.metadata_key(one.target_key))
    assert states(loaded.facts(IMAGE)) == {
        "copy": "other size",
        "metadata": "gone",
        "assignment": "stands",
    }
    loaded.remove(one.target_key)
    assert states(loaded.facts(IMAGE))["copy"] == "gone"


def test_an_assignment_that_is_not_as_it_was_is_told(loaded):
    key = "assignments/patients/P1.json"
    claim = loaded.store.read(key).data
    loaded.store.put(key, claim.replace(b'"training"', b'"validation"'))
    assert states(loaded.facts(IMAGE))["assignment"] == "other group"
    loaded.store.put(key, b"{}")
    assert states(loaded.facts(IMAGE))["assignment"] == "damaged"
    loaded.remove(key)
    assert states(loaded.facts(IMAGE))["assignment"] == "gone"


def test_a_copy_that_the_catalog_does_not_know_is_a_story_too(loaded):
    key = "validation/ct/P9/1.2/1.3/old.dcm"
    for one in (key, keys.metadata_key(key)):
        loaded.store.put(one, b"x")
        facts = loaded.facts(one)
        assert (facts.key, facts.decisions) == (one, [])


def test_a_copy_of_an_older_loader_is_not_told_as_that_of_what_met_it(bucket):
    key = "training/data/P1/data_2020-01-01.json"
    bucket.store.put(key, b"of an older loader")
    bucket.patient("P1")
    bucket.load()
    facts = bucket.facts(key)
    assert (facts.key, facts.decisions) == (key, [])
    assert [(one.key, one.reason) for one in facts.others] == [(CLINICAL, "conflicting-copy")]
    assert bucket.facts(CLINICAL).holder is None
    bucket.remove(key)
    assert bucket.facts(key).raw.state == "gone"


def test_a_copy_stays_that_of_the_object_that_brought_it(loaded, image):
    (one,) = loaded.facts(IMAGE).decisions
    loaded.store.put(IMAGE, image("P1", PatientComments="other bytes"))
    loaded.load()
    facts = loaded.facts(one.target_key)
    assert (facts.key, facts.current.reason) == (IMAGE, "conflicting-copy")
    assert states(facts)["copy"] == "stands"


def test_who_holds_a_place(loaded, image):
    other_day = "raw-a/2020-01-02/images/second.dcm"
    loaded.store.put(other_day, image("P1", PatientComments="other bytes"))
    capitals = "raw-a/2020-01-03/images/first.DCM"
    loaded.store.put(capitals, image("P1", SOPInstanceUID="1.2.3"))
    loaded.load()
    by_uid, by_name = loaded.facts(other_day), loaded.facts(capitals)
    assert {one.current.reason for one in (by_uid, by_name)} == {"conflicting-copy"}
    assert by_uid.holder.key == by_name.holder.key == IMAGE
    place = by_uid.holder.target_key
    assert by_uid.current.own_place() != place
    assert by_name.current.own_place().lower() == place.lower()
    assert [one.key for one in loaded.facts(place).others] == [other_day]


def test_who_holds_a_study(loaded, image):
    loaded.patient("P2", "Hospital")
    key = "raw-a/2020-01-02/images/theirs.dcm"
    loaded.store.put(key, image("P2", SOPInstanceUID="1.2.3"))
    loaded.load()
    facts = loaded.facts(key)
    assert facts.current.reason == "study-of-another-patient"
    assert (facts.holder.key, facts.holder.patient) == (IMAGE, "P1")


def test_the_same_bytes_again_name_the_object_that_brought_them(loaded, image):
    again = "raw-a/2020-01-02/images/again.dcm"
    loaded.store.put(again, image("P1"))
    loaded.load()
    facts = loaded.facts(again)
    assert (facts.current.reason, facts.holder.key) == ("same-instance", IMAGE)
    # Both have their bytes at that place; the first brought them.
    assert loaded.facts(facts.current.target_key).key == IMAGE


def test_an_image_that_waits_names_its_patients_clinical_files(bucket, image):
    bucket.patient("P1", "Nowhere")
    bucket.store.put(IMAGE, image("P1"))
    bucket.load()
    facts = bucket.facts(IMAGE)
    assert facts.current.reason == "unlisted-site"
    assert [(one.key, one.reason) for one in facts.clinical] == [(CLINICAL, "unlisted-site")]
    assert states(facts) == {"assignment": "gone"}


def test_what_cannot_be_looked_at_is_a_gap(loaded):
    (one,) = loaded.facts(IMAGE).decisions
    loaded.refuse(one.target_key, Forbidden)
    loaded.refuse("assignments/patients/P1.json", StoreFault)
    facts = loaded.facts(IMAGE)
    assert facts.unread
    assert states(facts) == {"copy": "unread", "metadata": "stands", "assignment": "unread"}
    loaded.refuse(IMAGE, Forbidden)
    assert loaded.facts(IMAGE).raw.state == "unread"


def test_where_nothing_can_be_read_there_is_no_story(loaded):
    loaded.store.put("raw-a/2020-01-01/images/new.dcm", b"x")
    loaded.refuse("raw-a/2020-01-01/images/new.dcm", Forbidden)
    with pytest.raises(Forbidden):
        loaded.facts("raw-a/2020-01-01/images/new.dcm")
    loaded.refuse(IMAGE, StoreUnavailable)
    with pytest.raises(StoreUnavailable):
        loaded.facts(IMAGE)


def test_refusals_of_these_tests_are_about_one_key(loaded):
    loaded.refuse(IMAGE, NotFound)
    assert loaded.facts(CLINICAL).raw.state == "stands"
    assert loaded.facts(IMAGE).raw.state == "gone"


def test_what_stands_in_the_way_of_each_place_is_told(loaded):
    (one,) = loaded.facts(IMAGE).decisions
    loaded.refuse("assignments/patients/P1.json", Occupied)
    loaded.refuse(one.target_key, Occupied)
    loaded.refuse(keys.metadata_key(one.target_key), Occupied)
    assert set(states(loaded.facts(IMAGE)).values()) == {"taken"}


def test_where_an_object_was_to_be_put_is_told_of_one_that_never_was(bucket, image):
    bucket.patient("P1")
    bucket.store.put(IMAGE, image("P1"))
    faults = Faults(Fault("copy", Kind.OCCUPIED, "training/ct/*"))
    load(FaultyStore(bucket.store, faults), bucket.catalog, concurrency=1)
    found = bucket.facts(IMAGE)
    (one,) = found.decisions
    assert (one.outcome, one.reason) == ("deferred", "occupied")
    assert [(look.what, look.key) for look in found.places][:2] == [
        ("copy", one.own_place()),
        ("metadata", keys.metadata_key(one.own_place())),
    ]


def test_what_is_no_object_has_no_story(bucket):
    bucket.refuse("raw-a/2020-01-01", Occupied)
    assert bucket.facts("raw-a/2020-01-01") is None
