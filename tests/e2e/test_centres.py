"""The real commands: names on standard output and nothing else there, and what is not listed on stderr."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from test_s3 import environment

from support import bare_environment, script

ROOT = Path(__file__).parents[2]
GRAPH = ROOT / "warehouse" / "submittingcentres.py"
CENTRES = "Eastgate University Hospital\nNorthfield General Hospital\nSouthmoor Royal Infirmary\n"

COMMANDS = {
    "warehouse": lambda bucket: ("warehouse", "centres", bucket),
    "bonobo": lambda bucket: ("bonobo", "run", GRAPH, "-e", f"WAREHOUSE_BUCKET={bucket}"),
}


@pytest.fixture(params=sorted(COMMANDS))
def centres(request, command):
    return lambda bucket, **how: command(*COMMANDS[request.param](bucket), **how)


@pytest.fixture
def loaded(loaded_once, tmp_path):
    """A folder of its own with the loaded demonstration."""
    return shutil.copytree(loaded_once, tmp_path / "drop")


def test_inspect_draws_the_chain_without_any_settings(command):
    drawn = command("bonobo", "inspect", "--graph", GRAPH)
    assert drawn.code == 0
    places = [
        drawn.out.index(name) for name in ("list_clinical_files", "read_clinical_file", "print_centres")
    ]
    assert places == sorted(places)


@pytest.mark.parametrize("quiet", [False, True])
def test_the_demo(centres, loaded, tmp_path, quiet):
    variables = {"TMPDIR": str(tmp_path), **({"NO_OUTPUT_FILE": "1"} if quiet else {})}
    before = sorted(loaded.rglob("*"))
    printed = centres(loaded, env=variables)
    assert (printed.code, printed.out) == (0, CENTRES), printed.err
    message = tmp_path / "message.txt"
    assert (message.read_text() if message.exists() else None) == (None if quiet else CENTRES)
    assert "does not list" not in printed.err
    assert sorted(loaded.rglob("*")) == before


def test_what_the_configuration_does_not_list(centres, loaded, tmp_path):
    config = json.loads((loaded / "config.json").read_text())
    config["sites"] = {
        "split": ["northfield general hospital"],
        "validation": ["Eastgate University Hospital"],
    }
    (loaded / "config.json").write_text(json.dumps(config))
    shutil.rmtree(loaded / "catalog")
    printed = centres(loaded, env={"TMPDIR": str(tmp_path)})
    assert (printed.code, printed.out) == (0, CENTRES)
    told = [line for line in printed.err.splitlines() if "does not list" in line]
    assert [line.rpartition("centre ")[2] for line in told] == [
        "Northfield General Hospital",
        "Southmoor Royal Infirmary",
    ]


def test_an_empty_warehouse(centres, tmp_path):
    (tmp_path / "empty").mkdir()
    printed = centres(tmp_path / "empty", env={"TMPDIR": str(tmp_path)})
    assert (printed.code, printed.out) == (0, "")
    assert "no config.json" in printed.err


def test_a_damaged_file_is_told_and_the_others_are_named(centres, loaded, tmp_path):
    patient = min((loaded / "training/data").iterdir())
    max(patient.iterdir()).write_text("{")
    printed = centres(loaded, env={"TMPDIR": str(tmp_path)})
    assert (printed.code, printed.out) == (1, CENTRES)
    assert "not read: 1 clinical file" in printed.err
    assert patient.name not in printed.err


def test_a_bucket(command, s3_server, tmp_path):
    bucket = s3_server.new_bucket()
    for number, (group, centre) in enumerate((("training", "B"), ("validation", "A"), ("training", "B"))):
        key = f"{group}/data/P{number}/status_2020-01-01.json"
        document = json.dumps({"Pseudonym": f"P{number}", "SubmittingCentre": centre}).encode()
        s3_server.client.put_object(Bucket=bucket, Key=key, Body=document)
    s3_server.seen.clear()
    settings = environment(s3_server, TMPDIR=str(tmp_path))
    printed = command("warehouse", "centres", bucket, env=settings)
    assert (printed.code, printed.out) == (0, "A\nB\n")
    assert {request.method for request in s3_server.seen} <= {"GET", "HEAD"}
    assert not [request for request in s3_server.seen if "/catalog/" in request.path]


def test_a_message_that_cannot_be_written_leaves_no_list_without_a_word(centres, loaded, tmp_path):
    (tmp_path / "message.txt").mkdir()
    ended = centres(loaded, env={"TMPDIR": str(tmp_path)})
    assert ended.code == 4
    assert ended.err.splitlines()[-1].startswith("error: write: ")


def test_a_reader_that_has_seen_enough(loaded, tmp_path):
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [script("warehouse"), "centres", loaded],
            env=bare_environment(TMPDIR=str(tmp_path)),
            stdout=writing,
            stderr=subprocess.PIPE,
            timeout=60,
            check=False,
        )
    finally:
        os.close(writing)
    assert done.returncode == 0
    assert b"rror" not in done.stderr
