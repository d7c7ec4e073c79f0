"""A patient's group is claimed once; races, older buckets and damaged claims never give a second answer."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from warehouse.domain.keys import assignment_key
from warehouse.domain.split import SplitDecision
from warehouse.errors import DamagedAssignment, PatientInBothSets
from warehouse.storage.assignments import Assignments, from_document, to_document
from warehouse.storage.counting import CountingStore
from warehouse.storage.memory import MemoryStore

TRAINING, VALIDATION = SplitDecision("training", "site"), SplitDecision("validation", "site")


def assignments(store, known=(), run="r1"):
    return Assignments(store, lambda: known, run=run, clock=lambda: datetime(2020, 1, 1, tzinfo=UTC))


def claim(among, patient="P1", decision=TRAINING):
    among.find(patient)
    return among.claim(patient, patient.title(), decision, "S", "c")


def test_a_claim_is_written_once_and_found_again():
    store = MemoryStore()
    claimed = claim(assignments(store))
    assert from_document(assignment_key("P1"), store.read(assignment_key("P1")).data) == claimed
    assert claim(assignments(store, run="r2"), decision=VALIDATION) == claimed


def test_racing_claims_agree():
    store = MemoryStore()
    loaders = [assignments(store, run=f"r{n}") for n in range(16)]
    with ThreadPoolExecutor(16) as pool:
        groups = list(
            pool.map(lambda n: claim(loaders[n], decision=(TRAINING, VALIDATION)[n % 2]).group, range(16))
        )
    assert len(set(groups)) == 1


def test_what_the_catalog_knows_needs_no_request():
    known = claim(assignments(MemoryStore()))
    among = assignments(MemoryStore(), known=[known])
    assert among.find("P1") == known
    assert among.adopt("P1", "c") == known
    assert among.find("P2") is None


def test_the_folder_of_an_older_loader_is_adopted_under_its_smallest_spelling():
    store = MemoryStore()
    store.put("validation/data/covid1/data_2020-01-01.json", b"{}")
    store.put("validation/data/Covid1/data_2020-01-02.json", b"{}")
    adopted = assignments(store).adopt("COVID1", "c")
    assert (adopted.group, adopted.rule, adopted.folder) == ("validation", "existing", "Covid1")
    assert store.head(assignment_key("COVID1"))


@pytest.mark.parametrize(
    ("identifier", "day", "folder"),
    [
        ("covid1", "01", "covid1"),
        ("covid1", "02", "Covid1"),
        ("Covid1", "02", "Covid1"),
        ("COVID1", "01", "Covid1"),
    ],
)
def test_an_object_under_another_spelling_of_its_folder_is_found_there(identifier, day, folder):
    store = MemoryStore()
    store.put("validation/data/covid1/data_2020-01-01.json", b"{}")
    store.put("validation/data/Covid1/data_2020-01-02.json", b"{}")
    among = assignments(store)
    adopted = among.adopt(identifier, "c")
    place = among.place(adopted, identifier, lambda name: f"validation/data/{name}/data_2020-01-{day}.json")
    assert place == f"validation/data/{folder}/data_2020-01-{day}.json"


def test_a_spelling_that_has_no_folder_is_not_looked_for():
    store = CountingStore(MemoryStore())
    among = assignments(store)
    claimed = claim(among)
    place = among.place(claimed, "p1", lambda name: f"training/data/{name}/x.json")
    assert place == "training/data/P1/x.json"
    assert store.counts()["head"] == 0


def test_a_patient_in_both_sets_is_never_claimed():
    store = MemoryStore()
    store.put("training/data/P1/data_2020-01-01.json", b"{}")
    store.put("validation/data/p1/data_2020-01-01.json", b"{}")
    with pytest.raises(PatientInBothSets):
        assignments(store).adopt("P1", "c")
    assert not list(store.list("assignments/"))


def test_a_patient_whom_others_put_into_the_other_set_is_found_although_it_is_assigned():
    store = MemoryStore()
    known = claim(assignments(store))
    store.put("validation/data/P1/data_2020-01-01.json", b"{}")
    with pytest.raises(PatientInBothSets):
        assignments(store, known=[known]).adopt("P1", "c")
    with pytest.raises(PatientInBothSets):
        assignments(store).adopt("P1", "c")


def test_a_folder_that_no_key_could_name_still_says_where_its_patient_stands():
    store = MemoryStore()
    store.put("validation/data/P1 /data_2020-01-01.json", b"{}")
    adopted = assignments(store).adopt("P1", "c")
    assert (adopted.group, adopted.folder) == ("validation", "P1")


def test_who_stands_in_both_sets_is_counted_by_one_listing_of_each():
    store = MemoryStore()
    for key in ("training/data/p1", "validation/data/P1", "validation/data/P2", "training/data/P3"):
        store.put(f"{key}/data_2020-01-01.json", b"{}")
    counted = CountingStore(store)
    among = assignments(counted)
    assert among.in_both_sets() == 1
    assert among.adopt("P4", "c") is None
    assert counted.counts()["list_folders"] == 2


def test_nobody_is_adopted_from_nowhere():
    assert assignments(MemoryStore()).adopt("P1", "c") is None


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"{}",
        b"[]",
        to_document(claim(assignments(MemoryStore()), "P2")),
        to_document(claim(assignments(MemoryStore()))).replace(b"training", b"testing"),
        to_document(claim(assignments(MemoryStore()))).replace(b'"folder": "P1"', b'"folder": "../P1"'),
        to_document(claim(assignments(MemoryStore()))).replace(b'"folder": "P1"', b'"folder": 5'),
    ],
)
def test_a_claim_that_cannot_be_understood_is_damaged_and_not_guessed_at(damage):
    store = MemoryStore()
    store.put(assignment_key("P1"), damage)
    with pytest.raises(DamagedAssignment) as caught:
        claim(assignments(store))
    assert "P1" not in str(caught.value)
