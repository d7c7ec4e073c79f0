"""The image, checked without Docker: its file is read, its steps are followed, and the loader runs in it."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
from image_steps import Build, UnknownStep, base_python, identity, ignored, patterns, start, steps

import warehouse
from hard_drop import S3Place, clinical, image
from support import load, state
from warehouse.storage.catalog import MemoryCatalog
from warehouse.storage.memory import MemoryStore

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
STEPS = steps(DOCKERFILE)
COMMANDS = ("dataprocess", "submittingcentres", "warehouseloader")
PATIENTS, IMAGES = 30, 10
TIMEOUT = 120


def last(name):
    return next(step for step in reversed(STEPS) if step.name == name)


def test_the_base_is_pinned_to_a_version_which_is_that_of_the_lock():
    bases = [step.words[0] for step in STEPS if step.name == "FROM"]
    assert set(bases) == {"python:${PYTHON}"}
    (default,) = [step.text for step in STEPS if step.name == "ARG" and step.text.startswith("PYTHON=")]
    version = re.fullmatch(r"PYTHON=(\d+\.\d+)\.\d+-slim-[a-z]+", default)[1]
    made = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert f"pip-compile with Python {version}\n" in made


def test_dependencies_are_locked_and_hashed_and_the_package_brings_none():
    locked, package = [step.text for step in STEPS if step.name == "RUN" and "pip install" in step.text]
    assert "--require-hashes -r requirements.lock" in locked
    assert "--no-deps" in package


def test_it_is_run_as_a_numbered_user_by_commands_in_exec_form():
    uid, gid = identity(last("USER").text)
    assert uid > 999
    assert gid > 999
    assert STEPS.index(last("USER")) > max(n for n, step in enumerate(STEPS) if step.name in ("RUN", "COPY"))
    for name in ("ENTRYPOINT", "CMD"):
        assert json.loads(last(name).text)
    assert last("CMD").words[0] in COMMANDS


def test_the_labels_tell_the_version():
    assert f'image.version="{warehouse.__version__}"' in last("LABEL").text


def test_a_step_that_nobody_knows_is_an_error(tmp_path):
    (tmp_path / ".dockerignore").write_text("*\n")
    for number, text in enumerate(("ADD https://example.org/x /x", "RUN curl https://example.org/x")):
        with pytest.raises(UnknownStep):
            Build(f"FROM python\n{text}\n", tmp_path, tmp_path / str(number), "python").image()


@pytest.mark.parametrize(
    ("path", "rules", "out"),
    [
        ("a", ["*"], True),
        ("a/b", ["*"], True),
        ("a/b", ["*", "!a"], False),
        ("a/b", ["*", "!a/b"], False),
        ("a/c", ["*", "!a/b"], True),
        ("a/__pycache__/x", ["*", "!a", "**/__pycache__"], True),
        ("__pycache__/x", ["!a", "**/__pycache__"], True),
        ("a/b/x.pyc", ["!a", "**/*.pyc"], True),
        ("a/b/x.py", ["!a", "**/*.pyc"], False),
        ("a/b", ["a", "!a"], False),
    ],
)
def test_what_a_dockerignore_keeps_out(path, rules, out):
    assert ignored(path, rules) is out


def test_the_context_holds_code_and_no_tests():
    rules = patterns((ROOT / ".dockerignore").read_text(encoding="utf-8"))
    inside = ("warehouse/cli.py", "warehouse/report/page.css", "bonobo/py.typed", "bin/container", "setup.py")
    outside = ("tests/conftest.py", ".git/config", ".venv/pyvenv.cfg", "bin/demo", "docs/s3.md", ".env")
    assert [path for path in inside if ignored(path, rules)] == []
    assert [path for path in outside if not ignored(path, rules)] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_the_commands_are_one_script(name):
    link = ROOT / "bin" / name
    assert os.readlink(link) == "container"
    assert os.access(link, os.X_OK)
    listed = subprocess.run(
        ["git", "ls-files", "-s", f"bin/{name}"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    # Where there is no repository, there is nothing to keep them as links.
    assert listed.returncode or listed.stdout.startswith("120000 ")


@pytest.fixture(scope="module")
def workshop():
    """A folder that the image's user may go through, which pytest's own are not."""
    folder = Path(tempfile.mkdtemp(prefix="warehouse-image-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def built(workshop):
    version = re.search(r"PYTHON=(\d+\.\d+)", DOCKERFILE)[1]
    python = base_python(version, last("USER").text)
    if python is None:
        pytest.skip(f"there is no Python {version} here that another user could run")
    pin = re.search(r"^[\w-]+==[\w.]+", (ROOT / "requirements.lock").read_text(), re.MULTILINE)[0]
    probe = subprocess.run(
        [python, "-m", "venv", workshop / "probe"], capture_output=True, text=True, check=False
    )
    assert probe.returncode == 0, probe.stdout + probe.stderr
    probe = subprocess.run(
        [workshop / "probe/bin/pip", "download", "-q", "--no-deps", "-d", workshop / "pins", pin],
        capture_output=True,
        text=True,
        check=False,
    )
    if probe.returncode:
        pytest.skip(f"pip finds no packages here: {pin}")
    return Build(DOCKERFILE, ROOT, workshop, python).image()


@pytest.fixture
def room(workshop):
    """Where a container may write."""
    folder = Path(tempfile.mkdtemp(dir=workshop))
    folder.chmod(0o777)
    return folder


def ended(process):
    try:
        out, err = process.communicate(timeout=TIMEOUT)
    finally:
        process.kill()
    assert "Traceback" not in out + err
    return process.returncode, out, err


@pytest.mark.nightly
def test_what_is_in_the_image(built, room):
    names = {path.relative_to(built.root).as_posix() for path in built.root.glob("app/*")}
    assert names == {"app/venv", "app/bin"}
    assert {path.name for path in (built.root / "app/bin").iterdir()} == {"container", *COMMANDS}
    packages = {path.name for path in built.root.glob("app/venv/lib/python*/site-packages/*")}
    assert {"warehouse", "bonobo", "boto3"} <= packages
    assert not packages & {"pip", "setuptools", "tests", "pytest", "moto"}
    writable = stat.S_IWOTH | stat.S_IWGRP
    found = [
        path for path in built.root.rglob("*") if not path.is_symlink() and path.stat().st_mode & writable
    ]
    assert found == []
    code, out, err = ended(start(built, "warehouse", "--version", env={}, folder=room))
    assert (code, out, err) == (0, f"warehouse {warehouse.__version__}\n", "")
    asked = "import os, warehouse; print(os.getuid(), warehouse.__file__)"
    code, out, _ = ended(start(built, "python", "-P", "-c", asked, env={}, folder=room))
    uid, place = out.split()
    assert code == 0
    assert int(uid) != 0
    assert Path(place).is_relative_to(built.root)


def drop():
    """A few hundred images of patients of both sets, and one upload that is no image."""
    sites = {"training": ["Train"], "validation": ["Valid"]}
    yield "config.json", json.dumps({"raw_prefixes": ["raw-a"], "sites": sites}).encode()
    yield "raw-a/2020-01-01/images/page.dcm", b"<html></html>"
    for number in range(PATIENTS):
        patient = f"P{number}"
        yield f"raw-a/2020-01-01/data/{patient}_data.json", clinical(patient, ("Train", "Valid")[number % 2])
        for one in range(IMAGES):
            name = f"{patient}-{one}"
            yield f"raw-a/2020-01-01/images/{name}.dcm", image(patient, str(one % 2), name)


@pytest.mark.nightly
def test_a_load_that_is_stopped_and_run_again_ends_as_an_undisturbed_one(built, room, s3_server):
    bucket, store, catalog = s3_server.new_bucket(), MemoryStore(), MemoryCatalog()
    for key, data in drop():
        s3_server.client.put_object(Bucket=bucket, Key=key, Body=data)
        store.put(key, data)
    assert load(store, catalog).code == 0
    env = {
        "WAREHOUSE_BUCKET": bucket,
        "WAREHOUSE_LOG_FORMAT": "json",
        "WAREHOUSE_STACK": "dev",
        "WAREHOUSE_CONCURRENCY": "4",
        **s3_server.environment,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    s3_server.seen.clear()
    process = start(built, env={**env, "BONOBO_DRAIN": "0"}, folder=room)
    patience = time.monotonic() + TIMEOUT
    while s3_server.names_seen().count("CompleteMultipartUpload") < PATIENTS:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < patience
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    code, out, err = ended(process)
    assert code == 143, err
    told, metrics = map(json.loads, out.splitlines()[-2:])
    assert "exited with code 143." in told["message"]
    assert (metrics["ExitCode"], metrics["Succeeded"]) == (143, 0)
    tree, assignments, decisions = state(store, catalog)
    stopped, *_ = state(*S3Place(s3_server).open(bucket))
    assert 0 < len(stopped) < len(tree)
    assert stopped.items() <= tree.items()
    s3_server.seen.clear()
    code, out, err = ended(start(built, env=env, folder=room))
    assert code == 0, err
    metrics = json.loads(out.splitlines()[-1])
    # The catalog's own requests are not among those that are measured.
    assert 0 < metrics["Requests"] < len(s3_server.seen)
    assert (metrics["ExitCode"], metrics["Succeeded"], metrics["Quarantined"]) == (0, 1, 1)
    assert state(*S3Place(s3_server).open(bucket)) == (tree, assignments, decisions)
    assert list(room.iterdir()) == []
