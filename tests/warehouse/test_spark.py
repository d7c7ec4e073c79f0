"""The pipelines over partitions, in one process: the same warehouse and tables, every request counted."""

import itertools
import json
import os
import pickle
import shutil
from functools import partial

import large_drop
import pytest
from in_memory_cluster import InMemory
from orjson import loads

import bonobo
from hard_drop import CONFIGURATION, FolderPlace, S3Place, clinical, image, warehouse_in
from support import load, state
from warehouse import dataprocess, warehouseloader
from warehouse.domain.records import Assignment
from warehouse.errors import Occupied, SettingsError
from warehouse.services import (
    loader_services_there,
    process_services,
    process_services_there,
    spread_loader_services,
    utc_now,
)
from warehouse.settings import read_settings
from warehouse.spark import loader_engine, process_engine, read_conf
from warehouse.storage.assignments import REMEMBERED, SharedAssignments, restore_claims, to_document
from warehouse.storage.folder import FolderStore
from warehouse.storage.memory import MemoryStore

RUN = "20200101T000000Z-abcdef"


@pytest.fixture(params=["folder", "s3"])
def place(request, tmp_path, monkeypatch):
    """The drop; gives how it is opened, and how settings name it."""
    if request.param == "folder":
        places = FolderPlace(tmp_path)
        here, there = places.copy_folder(), places.copy_folder()
        return partial(warehouse_in, here), partial(warehouse_in, there), str(there)
    server = request.getfixturevalue("s3_server")
    for name, value in {
        "AWS_ENDPOINT_URL": server.endpoint,
        "AWS_ACCESS_KEY_ID": "test-access-key",
        "AWS_SECRET_ACCESS_KEY": "test-secret-key",
        "AWS_DEFAULT_REGION": "eu-west-2",
    }.items():
        monkeypatch.setenv(name, value)
    places = S3Place(server)
    here, there = places.copy_bucket(), places.copy_bucket()
    return partial(places.open, here), partial(places.open, there), f"s3://{there}"


def settings_of(bucket, **flags):
    return read_settings(os.environ, bucket=bucket, **flags)


def spread_load(settings, again=()):
    services = spread_loader_services(settings, RUN)
    engine = InMemory(partial(loader_services_there, settings, RUN), again=again)
    return bonobo.run(warehouseloader.get_graph(8), services=services, engine=engine, console=bonobo.QUIET)


@pytest.mark.parametrize("again", [(), {0, 1, 2}])
def test_a_load_ends_equal(place, again):
    open_here, open_there, bucket = place
    here = load(*open_here())
    there = spread_load(settings_of(bucket), again)
    assert there.exit_code == here.code == 0
    assert state(*open_there()) == state(*open_here())
    assert [(node.name, node.rows_in, node.rows_out) for node in there.nodes] == [
        (node.name, node.rows_in, node.rows_out) for node in here.report.nodes
    ]
    if not again:
        assert there.services["ledger"]["requests"]["copy"] == here.figures["requests"]["copy"]


def apart(*partitions):
    """UIDs of which each comes into a partition of its own."""
    uids = map("1.2.826.{}".format, itertools.count(1))
    return [next(uid for uid in uids if hash(uid) % 3 == partition) for partition in partitions]


def four_images(folder):
    """The first two are one instance in two studies, the middle two have one target, the last two are one
    instance in two studies again. Partitions 0 and 2 are worked on in one process, 1 in another."""
    instance, other = apart(0, 1)
    first, second, third = apart(0, 0, 1)
    images = (("1", "one", instance, first), ("2", "two", instance, second), ("3", "two", other, second))
    large_drop.put(folder / "config.json", json.dumps(CONFIGURATION).encode())
    large_drop.put(folder / "raw-a/2020-01-01/data/P1_data.json", clinical("P1"))
    for day, name, sop_uid, study in (*images, ("4", "four", other, third)):
        data = image("P1", name=name, SOPInstanceUID=sop_uid, StudyInstanceUID=study)
        large_drop.put(folder / f"raw-a/2020-02-0{day}/images/{name}.dcm", data)
    return instance, other


def loaded_as(store, catalog):
    """The SOP instances in the sets, one for each object."""
    found = catalog.query("SELECT SOPInstanceUID FROM images").column(0).to_pylist()
    assert len(found) == sum(info.key.endswith(".dcm") for info in store.list("training/"))
    return found


def test_four_images_that_are_chained_are_two_instances_in_two_objects(tmp_path):
    here, there = tmp_path / "here", tmp_path / "there"
    expected = sorted(four_images(here))
    shutil.copytree(here, there, copy_function=shutil.copy2)
    assert load(*warehouse_in(here)).code == 0
    assert sorted(loaded_as(*warehouse_in(here))) == expected
    ended = spread_load(settings_of(str(there)))
    assert sorted(loaded_as(*warehouse_in(there))) == expected
    assert (ended.exit_code, ended.services["ledger"]["reasons"]["contended"]) == (4, 1)
    again = spread_load(settings_of(str(there)))
    assert sorted(loaded_as(*warehouse_in(there))) == expected
    assert again.services["ledger"]["reasons"] == {"conflicting-copy": 1}


def test_the_tables_are_the_same(loaded_once, tmp_path):
    for name in ("here", "there"):
        settings = settings_of(
            str(shutil.copytree(loaded_once, tmp_path / name)), out=tmp_path / f"{name}-tables"
        )
        engine = InMemory(partial(process_services_there, settings)) if name == "there" else None
        graph, services = dataprocess.get_graph(4), process_services(settings)
        assert bonobo.run(graph, services=services, engine=engine, console=bonobo.QUIET).exit_code == 0
    found = {
        name: {path.name: path.read_bytes() for path in (tmp_path / f"{name}-tables").rglob("*.csv")}
        for name in ("here", "there")
    }
    assert len(found["here"]) >= 7
    assert found["there"] == found["here"]


def assignment(patient, group="training"):
    return Assignment(patient, group, "random", "Site", patient, "hash", RUN, utc_now())


def test_a_claim_that_was_lost_is_put_back_before_others_look_for_it(loaded_once, tmp_path):
    folder = shutil.copytree(loaded_once, tmp_path / "drop")
    claims = sorted((folder / "assignments").rglob("*.json"))
    before = [claim.read_bytes() for claim in claims]
    claims[0].unlink()
    assert spread_load(settings_of(str(folder))).exit_code == 0
    assert [claim.read_bytes() for claim in claims[1:]] == before[1:]
    kept = ("patient", "group", "rule", "folder")
    assert [loads(claims[0].read_bytes())[name] for name in kept] == [loads(before[0])[name] for name in kept]


def test_claims_that_stand_are_left_alone():
    store = MemoryStore()
    claims = [assignment("A"), assignment("B", "validation")]
    assert restore_claims(store, claims) == 2
    assert restore_claims(store, [assignment("A", "validation"), claims[1]]) == 0
    assert b'"training"' in store.read("assignments/patients/A.json").data


def test_a_claim_of_another_process_is_found_and_one_that_comes_later_too():
    store = MemoryStore()
    shared = SharedAssignments(store, run=RUN, clock=utc_now)
    assert shared.find("A") is None
    store.create("assignments/patients/A.json", to_document(assignment("A")))
    assert shared.find("A").group == "training"
    assert shared.find("..") is None, "no key could hold it"


def test_what_stands_in_the_place_of_a_claim_is_not_taken_for_none(tmp_path):
    claims = tmp_path / "assignments/patients"
    claims.mkdir(parents=True)
    (claims / "A.json").symlink_to("elsewhere.json")
    shared = SharedAssignments(FolderStore(tmp_path), run=RUN, clock=utc_now)
    with pytest.raises(Occupied):
        shared.find("A")


def test_what_was_read_is_kept_up_to_a_number(monkeypatch):
    assert REMEMBERED >= 1000
    monkeypatch.setattr("warehouse.storage.assignments.REMEMBERED", 2)
    store = MemoryStore()
    reads = []
    read = store.read
    store.read = lambda key, **how: (reads.append(key), read(key, **how))[1]
    restore_claims(store, map(assignment, "ABC"))
    shared = SharedAssignments(store, run=RUN, clock=utc_now)
    for patient in "AABBCCA":
        assert shared.find(patient).patient == patient
    assert [key[-6] for key in reads] == ["A", "B", "C", "A"]


def test_settings_of_spark_are_read_as_they_are_written():
    assert read_conf(("spark.a=1", "spark.b=c=d")) == {"spark.a": "1", "spark.b": "c=d"}
    for wrong in ("a=1", "spark.a", "=1"):
        with pytest.raises(SettingsError, match="--conf takes a setting of Spark"):
            read_conf((wrong,))


def test_what_travels_means_the_same_elsewhere_and_holds_no_secret(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-to-travel")
    settings = settings_of("./drop")
    engine = loader_engine(settings, RUN, "local[1]", ())
    travelling = pickle.dumps(engine.services)
    assert b"not-to-travel" not in travelling
    assert pickle.loads(travelling).args[0].location.name == str(tmp_path / "drop")
    assert process_engine(settings, None, ("spark.a=b",)).conf == {"spark.a": "b"}


def test_a_dry_run_stays_here(tmp_path):
    with pytest.raises(SettingsError, match="a dry run is for the local engine"):
        loader_engine(settings_of(str(tmp_path), dry_run=True), RUN, None, ())
