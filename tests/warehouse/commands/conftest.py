"""A warehouse for commands to ask."""

import json

import pytest

from support import load
from warehouse.demo import write_drop
from warehouse.storage.delta import DeltaCatalog
from warehouse.storage.folder import FolderStore


@pytest.fixture(scope="session")
def demo(tmp_path_factory):
    """The demonstration, loaded twice: the second time a site was listed that had waited."""
    folder = tmp_path_factory.mktemp("queried") / "drop"
    write_drop(folder)
    load_folder(folder)
    config = json.loads((folder / "config.json").read_text())
    config["sites"]["split"].append("Westhaven Clinic")
    (folder / "config.json").write_text(json.dumps(config))
    load_folder(folder)
    return folder


def load_folder(folder):
    store = FolderStore(folder)
    assert load(store, DeltaCatalog(str(folder))).code == 0
    store.close()
