"""The real commands, in subprocesses, in an environment that holds nothing of the developer's."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

SCRIPTS = Path(sys.executable).parent
ROOT = Path(__file__).parents[2]
TIMEOUT = 120


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str


def bare_environment(**extra):
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
    return {**kept, "HOME": "/nonexistent", "AWS_EC2_METADATA_DISABLED": "true", **extra}


def script(name):
    path = SCRIPTS / name
    assert path.is_file(), f"{name} is not installed here: run bin/test"
    return str(path)


@pytest.fixture
def command(tmp_path):
    """Run an installed command to its end: command("warehouse", "load", ..., cwd=..., env={...})."""

    def run(name, *arguments, cwd=tmp_path, env=None):
        done = subprocess.run(
            [script(name), *map(str, arguments)],
            cwd=cwd,
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
def drop(tmp_path):
    """A folder that holds the demonstration's raw drop and configuration, not yet loaded."""
    from warehouse.demo import write_drop

    folder = tmp_path / "drop"
    write_drop(folder)
    return folder
