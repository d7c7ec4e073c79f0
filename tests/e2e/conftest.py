"""The real commands, in processes of their own, in an environment that holds nothing of the developer's."""

import itertools
import shutil
import subprocess
from dataclasses import dataclass

import pytest
from forking import Forking

from support import bare_environment, fill, load, opened_on_s3, script

TIMEOUT = 240


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str


def start(name, arguments, folder, environment, typed=""):
    """Run an installed command to its end, from its script; its code, and what it wrote."""
    done = subprocess.run(
        [script(name), *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        input=typed,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def subject(name, arguments):
    """Which command it is: the script's name, and the words behind it up to the first value or option."""
    return name, *itertools.takewhile(str.isalpha, arguments[:2])


def without_traceback(ended):
    assert "Traceback" not in ended.err
    assert "Traceback" not in ended.out
    return ended


@pytest.fixture(scope="session")
def started_in():
    """As `command_in`, always from the script: for tests of how a process starts and ends."""

    def run(folder, name, *arguments, env=None):
        environment = bare_environment(**(env or {}))
        return without_traceback(Ended(*start(name, [*map(str, arguments)], folder, environment)))

    return run


@pytest.fixture(scope="session")
def forking():
    process = Forking(bare_environment())
    yield process
    process.close()


@pytest.fixture(scope="session")
def command_in(forking):
    """Run an installed command to its end in a folder: command_in(folder, "warehouse", ..., env={...}).

    The first time that a command is asked for it is started from its script; from then on it is a fork of a
    process that has read the modules, which is what most of a short command's time goes to.
    """
    met = set()

    def run(folder, name, *arguments, env=None, typed=""):
        words, environment = [*map(str, arguments)], bare_environment(**(env or {}))
        asked = subject(name, words)
        # What Python itself looks at as it starts.
        if asked in met and not any(one.startswith("PYTHON") for one in environment):
            ended = Ended(*forking.run(name, words, folder, environment, TIMEOUT, typed))
        else:
            met.add(asked)
            ended = Ended(*start(name, words, folder, environment, typed))
        return without_traceback(ended)

    return run


@pytest.fixture
def command(command_in, tmp_path):
    """Run an installed command to its end: command("warehouse", ..., cwd=..., env={...}, typed="yes\n")."""

    def run(name, *arguments, cwd=tmp_path, env=None, typed=""):
        return command_in(cwd, name, *arguments, env=env, typed=typed)

    return run


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
