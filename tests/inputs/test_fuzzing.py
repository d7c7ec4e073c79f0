"""Mutants of any input keep the promises of `any_input`, in a process that may use so much and no more."""

from __future__ import annotations

import ast
import importlib.util
import os
import subprocess
import sys
import time
from pathlib import Path

import any_input
import fuzzing
import pytest
from mutations import SEEDS, mutant

TARGETS = Path(fuzzing.__file__).parent
COUNTS = {"header": 5000, "clinical": 1000, "inventory": 1000, "keys": 1000}


@pytest.mark.parametrize("target", COUNTS)
def test_mutants(target: str) -> None:
    """The same ones in each run of the suite; the nightly ones are new each night."""
    print(fuzzing.run(target, seed=1, count=COUNTS[target]))


@pytest.mark.nightly
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("target", COUNTS)
def test_many_mutants(target: str) -> None:
    print(fuzzing.run(target, seed=time.time_ns() & 0xFFFFFFFF, count=100_000))


@pytest.mark.parametrize("target", COUNTS)
def test_a_mutant_can_be_made_again(target: str) -> None:
    """In another process too, where sets have another order."""
    source = (
        "import fuzzing, mutations, zlib\n"
        f"print([zlib.crc32(mutations.mutant({target!r}, 1, n)) for n in range(300)])"
    )
    found = [
        subprocess.run(
            [sys.executable, "-c", source],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
            env=os.environ | {"PYTHONPATH": str(TARGETS), "PYTHONHASHSEED": hashes},
        ).stdout
        for hashes in ("1", "2")
    ]
    assert found[0] == found[1]
    assert len({mutant(target, 1, n) for n in range(50)}) > 25


@pytest.mark.parametrize("target", any_input.CHECKS)
def test_the_check_of_a_target_holds_for_its_seeds(target: str) -> None:
    found = {any_input.CHECKS[target](seed) for seed in SEEDS[target]()}
    assert len(found) > 1


def test_every_check_has_a_target() -> None:
    targets = {
        node.args[0].value
        for path in TARGETS.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "fuzz"
        and isinstance(node.args[0], ast.Constant)
        and node.args[0].value == path.stem
    }
    assert targets == set(any_input.CHECKS) == set(COUNTS) == set(SEEDS)


@pytest.mark.skipif(not importlib.util.find_spec("atheris"), reason="needs atheris, of the extra fuzz")
@pytest.mark.parametrize("target", any_input.CHECKS)
def test_a_target_runs(target: str) -> None:
    words = [sys.executable, str(TARGETS / f"{target}.py"), "-runs=300", "-seed=1"]
    ended = subprocess.run(words, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0, ended.stderr[-3000:]
    assert "Done 300 runs" in ended.stderr


BROKEN = {
    "hangs": ("import re; check = lambda d: re.match('(a*)*b', 'a' * 64)", "CPU"),
    "allocates": ("check = lambda d: str(len(bytes(300 << 20)))", "MemoryError"),
    "raises": ("check = lambda d: {}[d]", "KeyError"),
}


@pytest.mark.parametrize(("source", "said"), BROKEN.values(), ids=BROKEN)
def test_a_check_that_breaks_its_limits_is_found(
    source: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "broken.py"
    script.write_text(
        f"import sys; sys.path.insert(0, {str(TARGETS)!r})\nimport fuzzing\nfuzzing.CPU_SECONDS = 1\n"
        f"{source}\nfuzzing.CHECKS['keys'] = check\nfuzzing.main()\n"
    )
    monkeypatch.setattr(fuzzing, "SCRIPT", script)
    with pytest.raises(AssertionError, match=rf"(?s){said}.*keys --seed 7 --first 0 --count 1"):
        fuzzing.run("keys", seed=7, count=3)
