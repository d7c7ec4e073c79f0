"""The submitting centres of stores in memory: names on standard output, everything else elsewhere."""

import json
from dataclasses import replace

import pytest

import bonobo
from support import load, raw_drop
from warehouse import submittingcentres
from warehouse.demo import CONFIGURATION
from warehouse.domain.centres import Centres
from warehouse.domain.clinical import MAXIMUM_SIZE
from warehouse.domain.shortfall import Shortfall
from warehouse.lines import Lines
from warehouse.storage.catalog import MemoryCatalog
from warehouse.storage.clinical_files import by_patient
from warehouse.storage.counting import CountingStore
from warehouse.storage.local_files import MessageFile
from warehouse.storage.memory import MemoryStore
from warehouse.testing import Fault, Faults, FaultyStore, Kind, When

CONFIG = {"raw_prefixes": ["raw-a", "raw-b/"], "sites": {"training": ["A", "Listed"]}}


def clinical(store, key, site, **fields):
    store.put(key, json.dumps({"SubmittingCentre": site, **fields}).encode())


def store_with(configuration, kind=MemoryStore):
    store = kind()
    store.put("config.json", json.dumps(configuration).encode())
    for name in "ab":
        store.put(f"raw-{name}/2020-01-01/images/x.dcm", b"")
    return store


@pytest.fixture
def store():
    return store_with(CONFIG)


def run(store, path=None):
    services = {
        "store": store,
        "by_patient": by_patient,
        "centres": Centres(),
        "message": MessageFile(path),
        "output": Lines().print,
        "shortfall": Shortfall(),
    }
    return bonobo.run(submittingcentres.get_graph(4), services=services, console=bonobo.QUIET)


def told(caplog):
    return [record.getMessage() for record in caplog.records]


def test_each_patients_newest_raw_file_names_the_centre(store, capsys, caplog, tmp_path):
    clinical(store, "raw-b/2020-01-01/data/P1_data.json", "Old")
    clinical(store, "raw-a/2020-02-01/data/p1_data.json", "B")
    clinical(store, "raw-b/2021-02-01/data/P1_status.json", "Status")
    clinical(store, "training/data/P1/data_2022-02-01.json", "Loaded")
    clinical(store, "raw-a/2020-01-01/data/P2_status.json", "A")
    clinical(store, "raw-b/2020-01-01/data/P3_data.json", "B")
    assert run(store, tmp_path / "message.txt").exit_code == 0
    assert capsys.readouterr().out == "A\nB\n"
    assert (tmp_path / "message.txt").read_text() == "A\nB\n"
    assert told(caplog) == ["config.json does not list the submitting centre B"]


def test_a_patient_whose_raw_files_are_gone_is_asked_once_in_the_data_set(store, capsys):
    clinical(store, "training/data/P1/data_2020-01-01.json", "Gone")
    clinical(store, "validation/data/p1/data_2019-01-01.json", "Older")
    clinical(store, "validation/data/P2/status_2020-01-01.json", "Listed")
    run(store)
    assert capsys.readouterr().out == "Gone\nListed\n"


def test_the_demonstration_before_and_after_its_load(capsys, caplog):
    store = MemoryStore()
    store.put("config.json", json.dumps(CONFIGURATION).encode())
    for key, data in raw_drop():
        store.put(key, data)
    printed = []
    for _ in range(2):
        caplog.clear()
        report = run(store)
        # One clinical file is broken and another names no centre: of both patients there is an earlier one.
        assert report.exit_code == 0
        assert report.services["shortfall"] == {}
        assert told(caplog) == ["config.json does not list the submitting centre Westhaven Clinic"]
        printed.append(capsys.readouterr().out)
        load(store, MemoryCatalog())
    assert (
        printed
        == [
            "Eastgate University Hospital\nNorthfield General Hospital\n"
            "Southmoor Royal Infirmary\nWesthaven Clinic\n"
        ]
        * 2
    )


def test_one_file_a_patient_is_read_and_no_image_is_listed(store):
    for day in ("2020-01-01", "2020-02-01", "2020-03-01"):
        for patient in ("P1", "P2"):
            clinical(store, f"raw-a/{day}/data/{patient}_data.json", "A")
            clinical(store, f"training/data/{patient}/data_{day}.json", "A")
    listed = []

    class Watched(CountingStore):
        def list(self, prefix=""):
            listed.append(prefix)
            return super().list(prefix)

    watched = Watched(store)
    run(watched)
    assert watched.counts()["read"] == 3
    assert all(prefix.endswith("/data/") for prefix in listed)


def test_nobody(store, capsys, tmp_path):
    assert run(store, tmp_path / "message.txt").exit_code == 0
    assert capsys.readouterr().out == ""
    assert (tmp_path / "message.txt").read_bytes() == b""


def test_a_prefix_that_is_not_listed_is_told_and_not_read(store, capsys, caplog):
    clinical(store, "raw-c/2020-01-01/data/P1_data.json", "C")
    clinical(store, "raw-a/2020-01-01/data/P2_data.json", "A")
    run(store)
    assert capsys.readouterr().out == "A\n"
    assert [text for text in told(caplog) if "raw-c/" in text and "not in raw_prefixes" in text]


@pytest.mark.parametrize("configuration", [None, b"{", b'{"raw_prefixes": ["training"]}'])
def test_without_a_usable_configuration_every_raw_prefix_is_read(capsys, caplog, configuration):
    store = MemoryStore()
    if configuration is not None:
        store.put("config.json", configuration)
    clinical(store, "raw-a/2020-01-01/data/P1_data.json", "A")
    clinical(store, "raw-z/2020-01-01/data/P2_data.json", "Z")
    clinical(store, "raw-ü/2020-01-01/data/P3_data.json", "no uploader's")
    clinical(store, "other/2020-01-01/data/P4_data.json", "nobody's")
    clinical(store, "training/data/P5/data_2020-01-01.json", "S")
    assert run(store).exit_code == 0
    assert capsys.readouterr().out == "A\nS\nZ\n"
    first, second, third, *unlisted = told(caplog)
    assert "config.json" in first
    assert second == "without a usable config.json every raw-…/ prefix of the bucket is read"
    assert "'raw-ü/'" in third
    assert unlisted == [f"config.json does not list the submitting centre {name}" for name in "ASZ"]


def test_what_is_no_clinical_file_by_its_name_is_counted(store, capsys, caplog):
    for key in (
        "raw-a/2020-02-30/data/P1_data.json",
        "raw-a/2020-01-01/data/P1.json",
        "raw-a/2020-01-01/data/deep/P1_data.json",
        "training/data/summary.json",
    ):
        clinical(store, key, "no name")
    store.put("raw-a/2020-01-01/data/", b"")
    assert run(store).exit_code == 0
    assert capsys.readouterr().out == ""
    assert told(caplog) == ["4 objects under data/ are no clinical files by their names: left out"]


@pytest.mark.parametrize("value", [None, "", 3, True, ["a"], {"a": 1}])
def test_a_file_that_names_no_centre_is_counted(store, capsys, caplog, value):
    clinical(store, "raw-a/2020-01-01/data/P1_data.json", value)
    clinical(store, "raw-a/2020-01-01/data/P2_data.json", "Listed")
    assert run(store).exit_code == 0
    assert capsys.readouterr().out == "Listed\n"
    assert told(caplog) == ["1 patient has no clinical file that names a submitting centre"]
    clinical(store, "raw-a/2020-01-01/data/P3_data.json", value)
    caplog.clear()
    run(store)
    assert told(caplog) == ["2 patients have no clinical file that names a submitting centre"]


@pytest.mark.parametrize("data", [b"{", b"[]", b"", b" " * (MAXIMUM_SIZE + 1)])
def test_a_damaged_file_is_counted_and_the_others_are_named(store, capsys, data):
    clinical(store, "raw-a/2020-01-01/data/P1_data.json", "Listed")
    store.put("raw-a/2020-01-01/data/P2_data.json", data)
    store.put("validation/data/P3/data_2020-01-01.json", data)
    report = run(store)
    assert report.exit_code == 1
    assert capsys.readouterr().out == "Listed\n"
    assert report.services["shortfall"] == {"clinical file: damaged": 1, "uploaded clinical file: damaged": 1}
    own, uploaded = (text for text in report.service_lines if "->" in text)
    assert "by hand" in own
    assert "send a corrected file" in uploaded


def test_a_file_that_gives_no_centre_leaves_the_word_to_the_next(store, capsys, caplog):
    clinical(store, "raw-a/2020-01-01/data/P1_data.json", "A")
    store.put("raw-a/2020-02-01/data/P1_data.json", b"{")
    clinical(store, "raw-a/2020-03-01/data/P1_data.json", None)
    clinical(store, "validation/data/P2/data_2020-01-01.json", "Listed")
    store.put("raw-a/2020-02-01/data/P2_status.json", b"")
    report = run(store)
    assert (report.exit_code, report.services["shortfall"]) == (0, {})
    assert capsys.readouterr().out == "A\nListed\n"
    assert told(caplog) == []


@pytest.mark.parametrize(
    ("kind", "reason"),
    [(Kind.GONE, "vanished"), (Kind.FORBIDDEN, "forbidden"), (Kind.BUG, "internal-error")],
)
def test_a_file_that_the_store_does_not_give_is_counted(store, capsys, kind, reason):
    faults = Faults(Fault("read", kind, "*P2_data.json", times=None))
    for patient in ("P1", "P2"):
        clinical(store, f"raw-a/2020-01-01/data/{patient}_data.json", "Listed")
    report = run(FaultyStore(store, faults))
    assert report.exit_code == 4
    assert capsys.readouterr().out == "Listed\n"
    assert report.services["shortfall"] == {f"uploaded clinical file: {reason}": 1}


def test_an_archived_file_is_not_asked_for(capsys):
    class Frozen(MemoryStore):
        def list(self, prefix=""):
            for info in super().list(prefix):
                yield replace(info, archived=info.key.startswith("raw-a/"))

    store = store_with(CONFIG, Frozen)
    clinical(store, "raw-a/2020-01-01/data/P1_data.json", "A")
    report = run(store)
    assert (report.exit_code, capsys.readouterr().out) == (1, "")
    assert report.services["shortfall"] == {"uploaded clinical file: archived": 1}


def test_a_name_stays_on_its_line(store, capsys):
    clinical(store, "raw-a/2020-01-01/data/P1_data.json", "North\nField\x1b[2J")
    run(store)
    assert capsys.readouterr().out == "North\\nField\\x1b[2J\n"


@pytest.mark.parametrize("prefix", ["raw-b/2020-01-01/data/", "validation/data/"])
@pytest.mark.parametrize(("kind", "code"), [(Kind.RESET, 4), (Kind.FORBIDDEN, 2)])
def test_a_part_of_the_names_is_not_printed(store, capsys, tmp_path, prefix, kind, code):
    clinical(store, "raw-a/2020-01-01/data/P1_data.json", "A")
    failing = FaultyStore(store, Faults(Fault("list", kind, prefix, when=When.AFTER)))
    assert run(failing, tmp_path / "message.txt").exit_code == code
    assert capsys.readouterr().out == ""
    assert not (tmp_path / "message.txt").exists()
