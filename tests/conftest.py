"""Servers on the loopback for all tests that want one, and the demonstration, to be loaded and loaded."""

from __future__ import annotations

import gc
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from cloud_server import CloudServer, Installation
from hypothesis import settings
from s3_server import S3Server

from hard_drop import warehouse_in
from support import load
from warehouse.demo import write_drop

# A change is judged by what it changes and not by the luck of a draw, so the suite draws the same
# examples each time; `--hypothesis-profile fresh` draws new ones, and more, as the nightly run does.
settings.register_profile("suite", derandomize=True, print_blob=True)
settings.register_profile("fresh", max_examples=1000, deadline=None, print_blob=True)
settings.load_profile("suite")


def pytest_collection_finish() -> None:
    """What stands for the whole session, the tests themselves, is not looked through for garbage again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def _s3_server() -> Iterator[S3Server]:
    server = S3Server()
    yield server
    server.stop()


@pytest.fixture
def s3_server(_s3_server: S3Server) -> Iterator[S3Server]:
    """The server, with no fault planned and nothing recorded."""
    _s3_server.faults.clear()
    _s3_server.roles.clear()
    _s3_server.seen.clear()
    yield _s3_server
    _s3_server.faults.clear()
    _s3_server.roles.clear()
    _s3_server.copies_heed = True


@pytest.fixture(scope="session")
def moto_endpoint(_s3_server: S3Server) -> str:
    """The URL of the server, for whoever needs no more (`AWS_ENDPOINT_URL`). Any credentials will do."""
    return _s3_server.endpoint


@pytest.fixture
def s3_bucket(_s3_server: S3Server) -> str:
    """The name of a new, empty bucket."""
    return _s3_server.new_bucket()


@pytest.fixture(scope="session")
def _drop_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demonstration") / "drop"
    write_drop(folder)
    return folder


@pytest.fixture
def drop(_drop_once: Path, tmp_path: Path) -> Path:
    """A folder that holds the demonstration's raw drop and configuration, not yet loaded."""
    return Path(shutil.copytree(_drop_once, tmp_path / "drop"))


@pytest.fixture(scope="session")
def loaded_once(_drop_once: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demonstration, loaded: a folder to copy, not to change."""
    folder = Path(shutil.copytree(_drop_once, tmp_path_factory.mktemp("loaded") / "drop"))
    store, catalog = warehouse_in(folder)
    assert load(store, catalog).code == 0
    # What a store keeps for its work goes with it.
    store.close()
    return folder


@pytest.fixture(scope="session")
def _cloud_server() -> Iterator[CloudServer]:
    server = CloudServer()
    yield server
    server.stop()


@pytest.fixture
def cloud_server(_cloud_server: CloudServer) -> Iterator[CloudServer]:
    """The whole of moto, which answers for itself again afterwards."""
    yield _cloud_server
    _cloud_server.instead.clear()
    _cloud_server.calls.clear()


@pytest.fixture
def installation(cloud_server: CloudServer) -> Installation:
    """A stack of its own, with its name behind `warehouse-`."""
    return cloud_server.install(f"t{uuid.uuid4().hex[:8]}")
