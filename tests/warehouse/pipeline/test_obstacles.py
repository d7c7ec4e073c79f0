"""What stands in a copy's place in a folder and is no object is named, waited for, and never followed,
replaced or taken for the copy; once it is put aside, the copy comes back."""

import os

import planted
import pytest
from test_retry_nodes import AgainWarehouse

from support import decisions, state
from warehouse.domain.again import COPY, DOCUMENT
from warehouse.domain.keys import metadata_key
from warehouse.storage.folder import FolderStore


class FolderOfUploads(FolderStore):
    """A folder whose uploader replaces."""

    def put(self, key, data):
        path = self._root / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


@pytest.fixture
def warehouse(tmp_path, image):
    (tmp_path / "d").mkdir()
    made = AgainWarehouse(FolderOfUploads(tmp_path / "d"))
    made.clinical("P1")
    made.image(image("P1"))
    assert made.load().code == 0
    return made


def link(path, aside):
    path.rename(aside)
    path.symlink_to(aside)


def dangling(path, aside):
    path.rename(aside)
    path.symlink_to("nowhere")


def pipe(path, aside):
    path.rename(aside)
    os.mkfifo(path)


def empty_folder(path, aside):
    path.rename(aside)
    path.mkdir()


def full_folder(path, aside):
    empty_folder(path, aside)
    (path / "something").write_text("somebody's")


def linked_folder(path, aside):
    link(path.parent, aside)


def file_for_a_folder(path, aside):
    path.parent.rename(aside)
    path.parent.write_text("somebody's")


THINGS = [link, dangling, pipe, empty_folder, full_folder, linked_folder, file_for_a_folder]


def whole_tree(folder):
    return sorted(path for path in folder.rglob("*") if path.name != ".warehouse-tmp")


@pytest.mark.parametrize("what", ["image", "metadata", "clinical"])
@pytest.mark.parametrize("thing", THINGS, ids=lambda thing: thing.__name__)
def test_it_is_named_and_the_remedy_works(warehouse, tmp_path, thing, what):
    raw, kind = {
        "image": ("raw-a/2020-01-02/images/x.dcm", "copy-obstructed"),
        "metadata": ("raw-a/2020-01-02/images/x.dcm", "metadata-obstructed"),
        "clinical": ("raw-a/2020-01-01/data/P1_data.json", "copy-obstructed"),
    }[what]
    copy = warehouse.copy_of(raw)
    path = tmp_path / "d" / (metadata_key(copy) if what == "metadata" else copy)
    before = state(warehouse.store, warehouse.catalog)
    thing(path, tmp_path / "aside")
    damaged = whole_tree(tmp_path)
    _, code, findings = planted.found_in(warehouse.store, warehouse.catalog)
    assert (code, [(one.kind, one.key) for one in findings]) == (5, [(kind, copy)])
    assert warehouse.retry(missing=True) == ({DOCUMENT if what == "metadata" else COPY: 1}, 0)
    for _ in range(2):
        assert warehouse.load().code == 4
        assert decisions(warehouse.catalog)[raw]["reason"] == "occupied"
    assert whole_tree(tmp_path) == damaged
    there = path if os.path.lexists(path) else path.parent
    (path.parent if path.parent.is_symlink() else there).rename(tmp_path / "away")
    assert warehouse.load().code == 0
    assert state(warehouse.store, warehouse.catalog) == before
    assert planted.found_in(warehouse.store, warehouse.catalog, deep=True)[1:] == (0, [])


@pytest.mark.parametrize("thing", [link, pipe], ids=lambda thing: thing.__name__)
def test_in_the_place_of_a_claim_it_is_a_damaged_one(warehouse, tmp_path, thing):
    thing(tmp_path / "d/assignments/patients/P1.json", tmp_path / "aside")
    _, code, findings = planted.found_in(warehouse.store, warehouse.catalog)
    assert (code, [one.kind for one in findings]) == (5, ["assignment-damaged"])
