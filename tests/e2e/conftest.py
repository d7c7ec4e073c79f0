"""The real commands, in subprocesses, in an environment that holds nothing of the developer's."""

import shutil
import subprocess
from dataclasses import dataclass

import pytest

from support import bare_environment, fill, load, opened_on_s3, script
from warehouse.storage.delta import DeltaCatalog
from warehouse.storage.folder import FolderStore

TIMEOUT = 240


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str


@pytest.fixture(scope="session")
def command_in():
    """Run an installed command to its end in a folder: command_in(folder, "warehouse", ..., env={...})."""

    def run(folder, name, *arguments, env=None):
        done = subprocess.run(
            [script(name), *map(str, arguments)],
            cwd=folder,
            env=bare_environment(**(env or {})),
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        assert "Traceback" not in done.stderr
        assert "Traceback" not in done.stdout
        return Ended(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def command(command_in, tmp_path):
    """Run an installed command to its end: command("warehouse", "load", ..., cwd=..., env={...})."""

    def run(name, *arguments, cwd=tmp_path, env=None):
        return command_in(cwd, name, *arguments, env=env)

    return run


@pytest.fixture(scope="session")
def loaded_once(_drop_once, tmp_path_factory):
    """The demonstration, loaded: a folder to copy, not to change."""
    folder = shutil.copytree(_drop_once, tmp_path_factory.mktemp("loaded") / "drop")
    store = FolderStore(folder)
    assert load(store, DeltaCatalog(str(folder))).code == 0
    store.close()
    return folder


@pytest.fixture
def loaded(loaded_once, tmp_path):
    """A folder of its own with the loaded demonstration, times and all."""
    return shutil.copytree(loaded_once, tmp_path / "drop")


@pytest.fixture(scope="session")
def _loaded_bucket_once(_s3_server):
    bucket = _s3_server.new_bucket()
    fill(_s3_server, bucket)
    store, catalog = opened_on_s3(_s3_server, bucket)
    assert load(store, catalog).code == 0
    store.close()
    return bucket


@pytest.fixture
def loaded_bucket(_loaded_bucket_once, s3_server):
    """The demonstration, loaded: a bucket of its own."""
    return s3_server.copy_bucket(_loaded_bucket_once)
