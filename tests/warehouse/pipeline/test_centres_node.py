"""The submitting centres of stores in memory: names on standard output, everything else elsewhere."""

import json

import pytest

import bonobo
from warehouse import submittingcentres
from warehouse.domain.centres import Centres
from warehouse.domain.shortfall import Shortfall
from warehouse.errors import StoreFault
from warehouse.storage.listings import Listings
from warehouse.storage.local_files import MessageFile
from warehouse.storage.memory import MemoryStore

CONFIG = {"raw_prefixes": ["raw-a"], "sites": {"training": ["A", "Listed"]}}


def clinical(store, patient, site, name="data_2020-04-01", group="training"):
    record = {"Pseudonym": patient, "SubmittingCentre": site}
    store.put(f"{group}/data/{patient}/{name}.json", json.dumps(record).encode())


@pytest.fixture
def store():
    store = MemoryStore()
    store.put("config.json", json.dumps(CONFIG).encode())
    return store


def run(store, path=None):
    services = {
        "store": store,
        "listings": Listings(store),
        "centres": Centres(),
        "message": MessageFile(path),
        "shortfall": Shortfall(),
    }
    return bonobo.run(submittingcentres.get_graph(4), services=services, console=bonobo.QUIET)


def test_each_patients_newest_file_names_the_centre(store, capsys, caplog, tmp_path):
    clinical(store, "P1", "Old", name="data_2020-01-01")
    clinical(store, "P1", "B", name="data_2020-02-01")
    clinical(store, "P1", "Status", name="status_2021-02-01")
    clinical(store, "P2", "A")
    clinical(store, "P3", "B", group="validation")
    assert run(store, tmp_path / "message.txt").exit_code == 0
    assert capsys.readouterr().out == "A\nB\n"
    assert (tmp_path / "message.txt").read_text() == "A\nB\n"
    assert [record.getMessage() for record in caplog.records] == [
        "config.json does not list the submitting centre B"
    ]


def test_nobody(store, capsys, tmp_path):
    assert run(store, tmp_path / "message.txt").exit_code == 0
    assert capsys.readouterr().out == ""
    assert (tmp_path / "message.txt").read_bytes() == b""


@pytest.mark.parametrize("configuration", [None, b"{", b'{"raw_prefixes": ["training"]}'])
def test_without_a_usable_configuration_nobody_is_listed(capsys, caplog, configuration):
    store = MemoryStore()
    if configuration is not None:
        store.put("config.json", configuration)
    clinical(store, "P1", "A")
    assert run(store).exit_code == 0
    assert capsys.readouterr().out == "A\n"
    told = [record.getMessage() for record in caplog.records]
    assert "config.json" in told[0]
    assert told[-1] == "config.json does not list the submitting centre A"


def test_what_names_no_centre_or_cannot_be_read_is_counted(store, capsys, caplog):
    clinical(store, "P1", "Listed")
    clinical(store, "P2", 5)
    store.put("training/data/P3/data_2020-01-01.json", b"{")
    report = run(store)
    assert report.exit_code == 1
    assert capsys.readouterr().out == "Listed\n"
    assert [record.getMessage() for record in caplog.records] == [
        "1 patients have clinical files that name no submitting centre"
    ]
    assert report.services["shortfall"] == {"clinical file: damaged": 1}


def test_a_name_stays_on_its_line(store, capsys):
    clinical(store, "P1", "North\nField\x1b[2J")
    run(store)
    assert capsys.readouterr().out == "North\\nField\\x1b[2J\n"


def test_a_part_of_the_names_is_not_printed(capsys, tmp_path):
    class Failing(MemoryStore):
        def list(self, prefix=""):
            yield from super().list(prefix)
            if prefix == "validation/data/":
                raise StoreFault("list")

    store = Failing()
    clinical(store, "P1", "A")
    assert run(store, tmp_path / "message.txt").exit_code == 4
    assert capsys.readouterr().out == ""
    assert not (tmp_path / "message.txt").exists()
