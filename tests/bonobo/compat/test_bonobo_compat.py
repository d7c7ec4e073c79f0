"""Graphs written for Bonobo 0.6 run unchanged, and print and write what the real 0.6.4 did; see record.py."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
GRAPHS = sorted(path.stem for path in (HERE / "graphs").glob("*.py"))
SECONDS = 60

_specification = importlib.util.spec_from_file_location("compat_record", HERE / "record.py")
assert _specification is not None
assert _specification.loader is not None
record = importlib.util.module_from_spec(_specification)
_specification.loader.exec_module(record)

BY_SCRIPT = [sys.executable]
BY_COMMAND = [sys.executable, "-m", "bonobo", "run"]


def start(command: list[str], folder: Path) -> subprocess.Popen[str]:
    folder.mkdir()
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8"}
    pipe = subprocess.PIPE
    return subprocess.Popen(
        command, cwd=folder, env=environment, stdout=pipe, stderr=pipe, text=True, encoding="utf-8"
    )


@pytest.mark.parametrize("name", GRAPHS)
def test_graph_does_what_it_did(name: str, tmp_path: Path) -> None:
    recorded = json.loads((HERE / "recorded" / f"{name}.json").read_text())
    arguments = [str(HERE / "graphs" / f"{name}.py"), *recorded["arguments"]]
    folders = {"script": tmp_path / "script", "command": tmp_path / "command"}
    running = {
        "script": start([*BY_SCRIPT, *arguments], folders["script"]),
        "command": start([*BY_COMMAND, *arguments], folders["command"]),
    }
    alike = record.branches if recorded["order"] == "branches" else str
    for way, process in running.items():
        stdout, stderr = process.communicate(timeout=SECONDS)
        assert alike(stdout) == alike(recorded["stdout"]), f"as a {way}: {stderr}"
        assert record.files_of(folders[way]) == recorded["files"], f"as a {way}"
    assert running["command"].returncode == recorded["exit_code"]


def test_every_graph_is_recorded() -> None:
    assert len(GRAPHS) >= 32
    assert sorted(path.stem for path in (HERE / "recorded").iterdir()) == GRAPHS
