"""What a preview foretells is what a load then does; what an audit finds is what stands in both sets."""

import json
from functools import partial
from threading import Semaphore

import pytest

import bonobo
from catalog_rows import clinical, image
from support import load, raw_drop
from warehouse.commands.split import audit_graph, preview_graph
from warehouse.demo import CONFIGURATION
from warehouse.domain.audit import Overlap
from warehouse.domain.forecast import words
from warehouse.domain.keys import metadata_key
from warehouse.domain.split import SplitDecision
from warehouse.errors import Archived, Forbidden, StoreFault
from warehouse.pipeline.audit import Account
from warehouse.pipeline.preview import Preview
from warehouse.storage.assignments import from_document
from warehouse.storage.catalog import MemoryCatalog
from warehouse.storage.counting import CountingStore
from warehouse.storage.dryrun import DryRunStore
from warehouse.storage.memory import MemoryStore
from warehouse.storage.sightings import Sightings
from warehouse.storage.standing import standing_folders
from warehouse.storage.unrecorded import UnrecordedImages

WITH_WESTHAVEN = {
    "split": ["Northfield General Hospital", "Westhaven Clinic"],
    "training": ["Southmoor Royal Infirmary"],
    "validation": ["Eastgate University Hospital"],
}
SWAPPED = {"training": ["Eastgate University Hospital"], "validation": ["Westhaven Clinic"]}


@pytest.fixture(scope="module")
def loaded_once():
    """The demonstration's drop in memory, loaded: to copy, not to change."""
    store, catalog = MemoryStore(), MemoryCatalog()
    configure(store)
    for key, data in raw_drop():
        store.put(key, data)
    assert load(store, catalog).code == 0
    return store, catalog


@pytest.fixture
def warehouse(loaded_once):
    """The same, to be changed."""
    loaded, catalog = loaded_once
    store = MemoryStore()
    for info in loaded.list():
        store.put(info.key, loaded.read(info.key).data)
    return store, MemoryCatalog(base=catalog)


def configure(store, **changes):
    store.put("config.json", json.dumps({**CONFIGURATION, **changes}).encode())


def foretell(store, catalog, **asked):
    """The preview that the command would make, its report, and its requests."""
    preview = Preview(**asked)
    counted = CountingStore(DryRunStore(store))
    services = {
        "store": counted,
        "catalog": MemoryCatalog(base=catalog),
        "standing": partial(standing_folders, store),
        "preview": preview,
    }
    report = bonobo.run(preview_graph(4), services=services, console=bonobo.QUIET)
    return preview, report, counted.counts()


def fates(preview):
    return {patient: words(then) for patient, _, then in preview.forecast.unassigned()}


def groups(catalog):
    return {one.patient: (one.group, one.rule) for one in catalog.assignments()}


def check(store, catalog, config):
    """Sets what a preview foretells beside what a load under that configuration then does."""
    before = groups(catalog)
    asked = {"training_percentage": config.get("training_percentage"), "sites": config.get("sites")}
    preview, report, _ = foretell(store, catalog, **asked)
    assert report.exit_code == 0
    assert preview.forecast.assigned.keys() >= before.keys()
    configure(store, **config)
    load(store, catalog)
    after = groups(catalog)
    assert {patient: after[patient] for patient in before} == before
    arrived = {patient: words(SplitDecision(*after[patient])) for patient in after.keys() - before.keys()}
    foretold = {patient: fate for patient, fate in fates(preview).items() if "nowhere" not in fate}
    assert foretold == arrived
    return foretold


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"training_percentage": 0},
        {"sites": WITH_WESTHAVEN},
        {"sites": WITH_WESTHAVEN, "training_percentage": 0},
        {"sites": WITH_WESTHAVEN, "training_percentage": 99.5},
        {"sites": SWAPPED},
    ],
)
def test_a_load_does_what_was_foretold(warehouse, config):
    foretold = check(*warehouse, config)
    assert foretold.keys() == ({"DEMO025", "DEMO026"} if "sites" in config else set())


def test_files_that_no_load_has_seen_are_read(warehouse):
    store, catalog = warehouse
    folder = "raw-southmoor/2021-02-03/data"
    for name, document in {
        "N1_data": {"SubmittingCentre": "Southmoor Royal Infirmary", "Pseudonym": "n1"},
        "N2_status": {"SubmittingCentre": "Westhaven Clinic"},
        "N3_data": {},
        "N4_data": {"SubmittingCentre": "Southmoor Royal Infirmary", "Pseudonym": "N5"},
        "N6_status": {"SubmittingCentre": "nobody knows"},
        "n6_data": {"SubmittingCentre": "Eastgate University Hospital"},
        "UNKNOWN_data": {"SubmittingCentre": "Southmoor Royal Infirmary"},
    }.items():
        store.put(f"{folder}/{name}.json", json.dumps(document).encode())
    store.put(f"{folder}/N7_data.json", b"{")
    preview, _, _ = foretell(store, catalog, sites=WITH_WESTHAVEN, training_percentage=0)
    assert fates(preview) == {
        "DEMO025": "validation (split)",
        "DEMO026": "validation (split)",
        "DEMO027": "nowhere (no-clinical-data)",
        "N1": "training (site)",
        "N2": "validation (split)",
        "N3": "nowhere (no-site)",
        "N4": "nowhere (identity-mismatch)",
        "N6": "validation (site)",
        "N7": "nowhere (invalid-json)",
        "UNKNOWN": "nowhere (placeholder-identity)",
    }
    assert {"N1", "N2", "N6"} < check(store, catalog, {"sites": WITH_WESTHAVEN}).keys()


def test_what_the_catalog_knows_of_a_site_is_not_read_again(warehouse):
    _, report, requests = foretell(*warehouse, sites=WITH_WESTHAVEN)
    assert (report.exit_code, requests["read"]) == (0, 1)


def test_an_older_loaders_patients_and_lost_claims_are_assigned():
    store, catalog = MemoryStore(), MemoryCatalog()
    configure(store)
    for key in ("training/data/old/data_2020-01-01.json", "assignments/patients/CLAIMED.json"):
        store.put(key, b"{}")
    for group in ("training", "validation"):
        store.put(f"{group}/data/both/data_2020-01-01.json", b"{}")
    for patient in ("Old", "claimed"):
        store.put(f"raw-eastgate/2020-02-02/data/{patient}_data.json", b"{}")
    preview, report, _ = foretell(store, catalog)
    assert report.exit_code == 0
    assert fates(preview) == {}
    assigned = preview.forecast.figures(patients=False)["assigned"]
    assert (assigned["training"], assigned["validation"], assigned["claimed"]) == (1, 0, 1)


@pytest.mark.parametrize(
    ("error", "code", "reason"),
    [(Forbidden, 4, "forbidden"), (StoreFault, 4, "store-fault"), (Archived, 0, "archived")],
)
def test_a_file_that_cannot_be_read_is_told(warehouse, monkeypatch, error, code, reason):
    store, catalog = warehouse
    store.put("raw-eastgate/2021-01-01/data/New_data.json", b"{}")
    read = DryRunStore.read

    def failing(self, key, **how):
        if key.endswith("New_data.json"):
            raise error("read", key)
        return read(self, key, **how)

    monkeypatch.setattr(DryRunStore, "read", failing)
    preview, report, _ = foretell(store, catalog)
    assert report.exit_code == code
    assert fates(preview)["NEW"] == f"nowhere ({reason})"
    assert ("clinical files not read 1" in preview.summary()) == (code == 4)


def forbid(monkeypatch, verb, prefix):
    """Have the overlay refuse what begins with a prefix."""
    plain = getattr(DryRunStore, verb)

    def refused(self, key="", **how):
        if key.startswith(prefix):
            raise Forbidden(verb, key)
        return plain(self, key, **how)

    monkeypatch.setattr(DryRunStore, verb, refused)


@pytest.mark.parametrize(
    ("verb", "prefix"), [("list_folders", "raw-"), ("list", "raw-eastgate"), ("list", "assignments/")]
)
def test_nothing_is_told_where_not_all_could_be_heard(warehouse, monkeypatch, verb, prefix):
    forbid(monkeypatch, verb, prefix)
    preview, report, _ = foretell(*warehouse)
    assert report.exit_code == 2
    assert preview.summary() == ""
    account, report = look(DryRunStore(warehouse[0]), warehouse[1])
    assert report.exit_code == (2 if prefix == "assignments/" else 0)
    assert (account.summary() == "") == (report.exit_code == 2)


def look(store, catalog, **asked):
    """The audit that the command would make, and its report."""
    account = Account(**asked)
    with Sightings(catalog) as sightings, UnrecordedImages(catalog) as unrecorded:
        services = {
            "store": store,
            "claim_of": from_document,
            "sightings": sightings,
            "unrecorded": unrecorded,
            "large_documents": Semaphore(1),
            "account": account,
        }
        report = bonobo.run(audit_graph(4), services=services, console=bonobo.QUIET)
    return account, report


def test_the_demonstration_is_disjoint(warehouse):
    account, report = look(*warehouse)
    assert report.exit_code == 0
    counts = account.audit.counts
    for group, patients in (("training", 13), ("validation", 11)):
        for source in ("claims", "keys", "catalog"):
            assert counts["patient", source, group] == patients
        assert counts["study", "keys", group] == counts["study", "catalog", group] == patients
    assert counts["SOP instance", "catalog", "training"] == 89
    assert [comparison.totals for comparison in account.audit.comparisons] == [(13, 11)] * 4
    assert account.summary().startswith("the sets are disjoint")
    assert json.loads(look(*warehouse, format="json")[0].summary())["disjoint"] is True
    assert "DEMO" not in account.summary().upper()


@pytest.mark.parametrize(
    ("key", "overlap"),
    [
        (
            "validation/data/demo001/data_2020-01-01.json",
            Overlap(
                "patient",
                "DEMO001",
                ("catalog: training", "claims: training", "keys: training", "keys: validation"),
            ),
        ),
        (
            "validation/mri-metadata/ demo001/9.9/9.8/x.json",
            Overlap(
                "patient",
                "DEMO001",
                ("catalog: training", "claims: training", "keys: training", "keys: validation"),
            ),
        ),
    ],
)
def test_keys_that_put_a_patient_into_both_sets_are_found(warehouse, key, overlap):
    store, catalog = warehouse
    store.put(key, b"{}")
    account, report = look(store, catalog, patients=True)
    assert report.exit_code == 5
    assert list(account.audit.named) == [overlap]
    assert "DEMO001" in account.summary()
    quiet, _ = look(store, catalog)
    assert quiet.audit.overlaps == {"patient": 1}
    assert "DEMO001" not in quiet.summary()


def test_keys_that_put_a_study_into_both_sets_are_found(warehouse):
    store, catalog = warehouse
    ((study,),) = {
        tuple(row.values())
        for row in catalog.query("SELECT StudyInstanceUID FROM studies WHERE patient = 'DEMO001'").to_pylist()
    }
    store.put(f"validation/ct/Demo003/{study}/1.2/x.dcm", b"")
    account, report = look(store, catalog, patients=True)
    assert report.exit_code == 5
    assert list(account.audit.named) == [
        Overlap("study", study, ("catalog: training", "keys: training", "keys: validation"))
    ]


def test_a_claim_that_disagrees_with_the_keys_is_found(warehouse):
    store, catalog = warehouse
    claim = json.loads(store.read("assignments/patients/DEMO001.json").data)
    store.put("assignments/patients/DEMO001.json", json.dumps({**claim, "group": "validation"}).encode())
    account, report = look(store, catalog)
    assert (report.exit_code, account.audit.overlaps) == (5, {"patient": 1})


def test_a_claim_that_cannot_be_understood_leaves_the_proof_incomplete(warehouse):
    store, catalog = warehouse
    store.put("assignments/patients/DEMO001.json", b"{}")
    account, report = look(store, catalog)
    assert report.exit_code == 4
    assert "1 claim under assignments/patients/ could not be read (damaged)" in account.summary()
    assert "DEMO001" not in account.summary()
    named, _ = look(store, catalog, patients=True)
    assert named.summary().endswith("claim\tDEMO001\tnot read: damaged")


@pytest.mark.parametrize(
    ("rows", "kind", "named"),
    [
        (
            [
                image("training", "A", "1.1", "1.2", "1.3"),
                image("validation", "B", "2.1", "2.2", "1.3", etag="e2"),
            ],
            "SOP instance",
            "1.3",
        ),
        (
            [image("training", "A", "1.1", "1.2", "1.3"), image("validation", "B", "1.1", "2.2", "2.3")],
            "study",
            "1.1",
        ),
        ([clinical("training", "A"), clinical("validation", "A", "status")], "patient", "A"),
        (
            [clinical("training", "A", target_key="validation/data/A/data_2020-01-01.json")],
            "patient",
            "A",
        ),
    ],
)
def test_what_the_catalog_has_in_both_sets_is_found(rows, kind, named):
    catalog = MemoryCatalog()
    catalog.append(rows)
    account, report = look(MemoryStore(), catalog, patients=True)
    assert report.exit_code == 5
    assert list(account.audit.named) == [Overlap(kind, named, ("catalog: training", "catalog: validation"))]


def test_what_was_quarantined_is_in_no_set():
    catalog = MemoryCatalog()
    catalog.append([clinical("training", "A")])
    catalog.append(
        [clinical("validation", "A", "status", outcome="quarantined", reason="patient-in-both-sets")]
    )
    assert look(MemoryStore(), catalog)[1].exit_code == 0


def test_an_empty_bucket_proves_nothing():
    account, report = look(MemoryStore(), MemoryCatalog())
    assert report.exit_code == 4
    assert account.summary().startswith("NOT PROVEN: there is nothing in either set")


def test_objects_in_no_place_of_the_layout_are_counted(warehouse):
    store, catalog = warehouse
    for key in ("training/notes.txt", "validation/pet/P/1/2/x.dcm", "training/catalog/images/a.parquet"):
        store.put(key, b"")
    account, _ = look(store, catalog)
    assert account.audit.strangers == 2
    assert "2 objects under the two sets lie in no place of the layout" in account.summary()


def instance_in(store, catalog, group):
    """An image that was loaded into a set: its key, its SOP Instance UID."""
    (row,) = catalog.query(
        "SELECT target_key, SOPInstanceUID FROM objects_now WHERE kind = 'image' AND outcome = 'loaded'"
        f" AND \"group\" = '{group}' ORDER BY target_key LIMIT 1"
    ).to_pylist()
    return row["target_key"], row["SOPInstanceUID"]


def plant(store, catalog, name, *, image=True, document=True):
    """Copy an image of training into the folder of a validation patient; gives its SOP Instance UID."""
    key, instance = instance_in(store, catalog, "training")
    patient = instance_in(store, catalog, "validation")[0].split("/")[2]
    target = f"validation/ct/{patient}/9.9.9/1.2.3/{name}"
    store.put(target, store.read(key).data if image is True else image)
    if document:
        data = store.read(metadata_key(key)).data if document is True else document
        store.put(metadata_key(target), data)
    return instance


@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("x.dcm", {}),
        ("x.dcm", {"document": False}),
        ("renamed.DCM", {"document": False}),
        ("no-suffix", {"document": False}),
        ("x.dcm", {"document": b"{"}),
        ("x.dcm", {"document": b"{}"}),
        ("x.dcm", {"image": b""}),
    ],
)
def test_an_image_that_the_catalog_does_not_know_is_found_in_both_sets(warehouse, name, how):
    store, catalog = warehouse
    instance = plant(store, catalog, name, **how)
    account, report = look(store, catalog, patients=True)
    assert report.exit_code == 5
    assert list(account.audit.named) == [
        Overlap("SOP instance", instance, ("catalog: training", "headers: validation"))
    ]


def test_a_document_that_two_images_share_tells_of_neither(warehouse):
    store, catalog = warehouse
    known, _ = instance_in(store, catalog, "validation")
    copied, instance = instance_in(store, catalog, "training")
    store.put(known[:-4] + ".DCM", store.read(copied).data)
    account, report = look(store, catalog, patients=True)
    assert report.exit_code == 5
    assert [one.identifier for one in account.audit.named] == [instance]


def test_without_a_catalog_the_documents_tell(warehouse):
    store, catalog = warehouse
    account, report = look(store, MemoryCatalog())
    assert report.exit_code == 0
    assert account.audit.counts["SOP instance", "headers", "training"] == 89
    assert account.summary().startswith("the sets are disjoint")
    instance = plant(store, catalog, "x.dcm")
    account, report = look(store, MemoryCatalog(), patients=True)
    assert report.exit_code == 5
    assert list(account.audit.named) == [
        Overlap("SOP instance", instance, ("headers: training", "headers: validation"))
    ]


def test_one_file_name_in_both_sets_proves_nothing(warehouse):
    store, catalog = warehouse
    key, _ = instance_in(store, catalog, "validation")
    document = json.loads(store.read(metadata_key(key)).data)
    for group, instance in (("training", "2.25.7"), ("validation", "2.25.8")):
        patient = instance_in(store, catalog, group)[0].split("/")[2]
        target = f"{group}/ct/{patient}/9.9.{instance}/1.2.3/same.dcm"
        store.put(target, b"")
        named = {**document, "00080018": {"vr": "UI", "Value": [instance]}}
        store.put(metadata_key(target), json.dumps(named, sort_keys=True).encode())
    account, report = look(store, catalog)
    assert (report.exit_code, account.audit.overlaps.total()) == (0, 0)


def test_an_image_that_cannot_be_read_leaves_nothing_proven(warehouse):
    store, catalog = warehouse
    plant(store, catalog, "x.dcm", image=b"none", document=False)
    plant(store, catalog, "note.txt", image=b"none", document=False)
    account, report = look(store, catalog)
    assert report.exit_code == 4
    assert "disjoint" not in account.summary()
    assert "1 image that the catalog does not know could not be read" in account.summary()


def test_an_image_that_was_replaced_in_place_is_read_again(warehouse):
    store, catalog = warehouse
    key, _ = instance_in(store, catalog, "training")
    other, instance = instance_in(store, catalog, "validation")
    data = store.read(other).data
    store.put(key, data)
    account, report = look(store, catalog, patients=True)
    assert report.exit_code == 5
    (named,) = account.audit.named
    assert (named.identifier, "headers: training" in named.sources) == (instance, True)
