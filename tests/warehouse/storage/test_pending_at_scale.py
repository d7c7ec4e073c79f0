"""What is pending of a million keys is told in bounded memory: most of the work is on disk."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[3] / "benchmarks" / "scale.py"
MEBIBYTES = 1024


def step(folder, name, keys):
    words = [
        sys.executable,
        str(SCRIPT),
        "step",
        "--step",
        name,
        "--folder",
        str(folder),
        "--keys",
        str(keys),
    ]
    done = subprocess.run(words, capture_output=True, text=True, timeout=500, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def measured(folder, keys):
    """The peak of the resident memory in MiB; the script finds that one key in a hundred is new, or fails."""
    step(folder, "prepare", keys)
    cells = [cell.strip() for cell in step(folder, "pending", keys).split("|")]
    assert cells[1:4] == ["pending", f"{keys:,}", f"{keys // 100:,}"]
    return int(cells[-2])


def test_one_key_in_a_hundred_is_new(tmp_path):
    assert measured(tmp_path, 1_000) < MEBIBYTES


@pytest.mark.nightly
@pytest.mark.timeout(1200)
def test_a_million_keys_stay_in_memory_as_promised(tmp_path):
    assert measured(tmp_path, 1_000_000) < MEBIBYTES
