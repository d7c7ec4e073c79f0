"""What is declared, pinned and shipped is one thing said thrice: setup.py, requirements.lock, the tree."""

from __future__ import annotations

import ast
import os
import re
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[2]

_PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^\s;\\]+)")


def declared() -> dict[str, Any]:
    """The arguments of `setup(...)` that are written out, without running setup.py."""
    tree = ast.parse((ROOT / "setup.py").read_text(encoding="utf-8"))
    (call,) = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "setup"
    ]
    arguments = {}
    for keyword in call.keywords:
        try:
            arguments[str(keyword.arg)] = ast.literal_eval(keyword.value)
        except ValueError:
            continue
    return arguments


def pinned() -> dict[str, tuple[str, int]]:
    """Each pinned distribution: its version, and how many hashes stand under it."""
    pins: dict[str, tuple[str, int]] = {}
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    for block in re.split(r"\n(?=\S)", text):
        match = _PIN.match(block)
        if match:
            hashes = re.findall(r"--hash=sha256:[0-9a-f]{64}\b", block)
            pins[canonicalize_name(match[1])] = (match[2], len(hashes))
    return pins


def test_each_requirement_is_pinned_to_a_version_that_satisfies_it() -> None:
    requirements = [Requirement(text) for text in declared()["install_requires"]]
    assert requirements
    pins = pinned()
    missing = [one.name for one in requirements if canonicalize_name(one.name) not in pins]
    assert missing == []
    assert [
        f"{one} is pinned to {pins[canonicalize_name(one.name)][0]}"
        for one in requirements
        if Version(pins[canonicalize_name(one.name)][0]) not in one.specifier
    ] == []


def test_every_pin_has_hashes_and_every_line_is_a_pin() -> None:
    pins = pinned()
    assert [name for name, (_, hashes) in pins.items() if not hashes] == []
    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    starts = [line for line in lines if line and not line.startswith(("#", " "))]
    assert [line for line in starts if not _PIN.match(line)] == []
    assert len(starts) == len(pins)


def test_requirements_were_made_by_the_documented_command() -> None:
    made = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    told = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").replace("\\\n", " ")
    commands = [re.findall(r"^[# ]*pip-compile (.+)$", text, re.MULTILINE) for text in (made, told)]
    assert [len(found) for found in commands] == [1, 1]
    used, documented = (set(found[0].split()) for found in commands)
    assert used == documented
    assert "--generate-hashes" in used


def test_every_requirement_has_a_decision_and_a_reason() -> None:
    page = (ROOT / "docs/decisions/0005-dependencies.md").read_text(encoding="utf-8")
    rows = "\n".join(line for line in page.splitlines() if line.startswith("|"))
    names = {Requirement(text).name for text in declared()["install_requires"]}
    assert {name for name in names if f"`{name}`" not in rows} == set()


def test_the_version_is_said_once_more_and_alike() -> None:
    import warehouse

    version = declared()["version"]
    assert warehouse.__version__ == version
    assert f"\n## {version}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_commands_exist() -> None:
    scripts = declared()["entry_points"]["console_scripts"]
    places = {name.strip(): target.strip() for name, target in (line.split("=") for line in scripts)}
    assert set(places) == {"bonobo", "warehouse"}
    for target in places.values():
        module, _, function = target.partition(":")
        tree = ast.parse((ROOT / (module.replace(".", "/") + ".py")).read_text(encoding="utf-8"))
        assert function in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def python_files() -> list[Path]:
    folders = ("bonobo", "warehouse", "docs", "benchmarks", "tests", "fuzz")
    return [
        ROOT / "setup.py",
        *(path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))),
    ]


def test_every_module_opens_with_the_law_that_it_keeps() -> None:
    paths = python_files()
    assert len(paths) > 50
    assert [
        str(path.relative_to(ROOT))
        for path in paths
        if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    ] == []


def test_test_modules_have_names_of_their_own() -> None:
    names = [path.name for path in (ROOT / "tests").rglob("test_*.py")]
    assert sorted(names) == sorted(set(names))


def test_what_is_no_code_is_shipped() -> None:
    shipped = {
        ROOT.joinpath(*package.split("."), name)
        for package, names in declared()["package_data"].items()
        for name in names
    }
    files = (path for package in ("bonobo", "warehouse") for path in (ROOT / package).rglob("*"))
    assert shipped == {path for path in files if path.is_file() and path.suffix not in (".py", ".pyc")}
    assert {ROOT / package / "py.typed" for package in ("bonobo", "warehouse")} <= shipped


@pytest.mark.parametrize("name", ["bin/demo", "bin/test", ".ci/run"])
def test_scripts_can_be_run(name: str) -> None:
    path = ROOT / name
    assert os.access(path, os.X_OK)
    assert path.read_text(encoding="utf-8").startswith("#!/usr/bin/env bash\n")
