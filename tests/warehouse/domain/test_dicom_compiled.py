"""The compiled header reader says what the plain one says: its own tests are run on it."""

from __future__ import annotations

import ast
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
HEADER = Path(sysconfig.get_path("include"), "Python.h")
TESTS = (
    "test_dicom_generated.py",
    "test_dicom_one_verdict.py",
    "test_dicom_parity.py",
    "test_dicom_reads.py",
    "test_dicom_verdicts.py",
)

# As `python setup.py`, without the time that C takes to be optimised: what is compiled says the same.
UNOPTIMISED = """
import runpy
from functools import partial
from mypyc import build
build.mypycify = partial(build.mypycify, opt_level="0")
runpy.run_path("setup.py", run_name="__main__")
"""

needs_compiler = pytest.mark.skipif(
    not (shutil.which("gcc") and HEADER.exists() and importlib.util.find_spec("mypyc")),
    reason="needs a compiler and Python's headers, of the system packages gcc and python3-dev, and mypy",
)


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project in which the reader is compiled."""
    folder = tmp_path_factory.mktemp("compiled")
    for name in ("warehouse", "bonobo", "tests"):
        left_out = shutil.ignore_patterns("__pycache__", "*.so", "e2e")
        shutil.copytree(ROOT / name, folder / name, ignore=left_out)
    for name in ("setup.py", "pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, folder)
    built = subprocess.run(
        [sys.executable, "-c", UNOPTIMISED, "-q", "build_ext", "--inplace"],
        cwd=folder,
        env={**os.environ, "WAREHOUSE_COMPILE": "1"},
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert built.returncode == 0, built.stdout + built.stderr
    return folder


def test_a_build_by_itself_has_the_types_of_what_is_compiled() -> None:
    tree = ast.parse((ROOT / "setup.py").read_text())
    names: dict[str, object] = {}
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            names[node.targets[0].id] = node.value
    (required,) = (
        value
        for node in ast.walk(tree)
        if isinstance(node, ast.Dict)
        for key, value in zip(node.keys, node.values, strict=True)
        if isinstance(key, ast.Constant) and key.value == "setup_requires"
    )
    text = ast.unparse(required)
    compiled = re.findall(r"'(dicom\w*)'", ast.unparse(names["COMPILED"]))
    assert len(compiled) == 10
    imported = {
        name.split(".")[0]
        for module in compiled
        for node in ast.walk(ast.parse((ROOT / f"warehouse/domain/{module}.py").read_text()))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in (
            [node.module or ""] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names]
        )
    }
    foreign = imported - sys.stdlib_module_names - {"warehouse"}
    assert foreign == {"orjson", "pydicom"}
    assert all(f"'{name}>=" in text for name in foreign)


@needs_compiler
def test_the_compiled_reader_passes_the_readers_tests(compiled: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(compiled)}
    where = "from warehouse.domain import dicom_scan; print(dicom_scan.__file__)"
    found = subprocess.run(
        [sys.executable, "-c", where],
        cwd=compiled,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert found.stdout.startswith(str(compiled)), found.stderr
    assert found.stdout.strip().endswith(".so")
    words = ["-q", "-p", "no:cacheprovider", "-p", "no:randomly", "-m", "not nightly"]
    tests = [str(compiled / "tests" / "warehouse" / "domain" / name) for name in TESTS]
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", *words, *tests],
        cwd=compiled,
        env=environment,
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert ended.returncode == 0, ended.stdout[-4000:]
    assert " passed" in ended.stdout
