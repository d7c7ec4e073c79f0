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
CENTRES = (
    "Eastgate University Hospital\nNorthfield General Hospital\nSouthmoor Royal Infirmary\nWesthaven Clinic\n"
)

COMMANDS = {
    "warehouse": lambda bucket: ("warehouse", "centres", bucket),
    "bonobo": lambda bucket: ("bonobo", "run", GRAPH, "-e", f"WAREHOUSE_BUCKET={bucket}"),
}


@pytest.fixture(params=sorted(COMMANDS))
def centres(request, command):
    return lambda bucket, **how: command(*COMMANDS[request.param](bucket), **how)


def test_inspect_draws_the_chain_without_any_settings(command):
    drawn = command("bonobo", "inspect", "--graph", GRAPH)
    assert drawn.code == 0
    places = [
        drawn.out.index(name) for name in ("list_clinical_files", "read_clinical_file", "print_centres")
    ]
    assert places == sorted(places)


def unlisted(printed):
    lines = [line for line in printed.err.splitlines() if "does not list" in line]
    return [line.rpartition("centre ")[2] for line in lines]


@pytest.mark.parametrize("quiet", [False, True])
def test_the_demo_that_was_never_loaded(centres, drop, tmp_path, quiet):
    variables = {"TMPDIR": str(tmp_path), **({"NO_OUTPUT_FILE": "1"} if quiet else {})}
    before = sorted(drop.rglob("*"))
    printed = centres(drop, env=variables)
    assert printed.out == CENTRES, printed.err
    message = tmp_path / "message.txt"
    assert (message.read_text() if message.exists() else None) == (None if quiet else CENTRES)
    assert unlisted(printed) == ["Westhaven Clinic"]
    assert sorted(drop.rglob("*")) == before
    # The newest files of two patients are refused: an earlier one of each names its centre.
    assert printed.code == 0
    assert "not read" not in printed.err
    assert "that name" not in printed.err
    assert "Demo" not in printed.err


def test_a_patient_of_whom_no_file_can_be_read(centres, drop, tmp_path):
    for file in drop.glob("raw-northfield/*/data/Demo003_*.json"):
        file.write_text("{")
    printed = centres(drop, env={"TMPDIR": str(tmp_path)})
    assert (printed.code, printed.out) == (1, CENTRES)
    assert "not read: 1 uploaded clinical file" in printed.err
    assert "-> send a corrected file" in printed.err
    assert "Demo" not in printed.err


def test_a_quiet_run_still_says_what_could_not_be_read(command, drop, tmp_path):
    for file in drop.glob("raw-northfield/*/data/Demo003_*.json"):
        file.write_text("{")
    variables = {"TMPDIR": str(tmp_path), "WAREHOUSE_BUCKET": str(drop)}
    printed = command("bonobo", "run", "-q", GRAPH, env=variables)
    assert (printed.code, printed.out) == (1, CENTRES)
    assert "not read: 1 uploaded clinical file" in printed.err
    assert "[done]" not in printed.err


def test_a_centre_of_a_fresh_drop_is_named_before_its_load(centres, loaded, tmp_path):
    fresh = loaded / "raw-eastgate/2021-03-01/data/Fresh1_data.json"
    fresh.parent.mkdir(parents=True)
    fresh.write_text(json.dumps({"Pseudonym": "Fresh1", "SubmittingCentre": "Newcomer Infirmary"}))
    printed = centres(loaded, env={"TMPDIR": str(tmp_path)})
    assert printed.out.splitlines() == sorted([*CENTRES.splitlines(), "Newcomer Infirmary"])
    assert unlisted(printed) == ["Newcomer Infirmary", "Westhaven Clinic"]


def test_what_the_configuration_does_not_list(centres, drop, tmp_path):
    config = json.loads((drop / "config.json").read_text())
    config["sites"] = {
        "split": ["northfield general hospital"],
        "validation": ["Eastgate University Hospital"],
    }
    (drop / "config.json").write_text(json.dumps(config))
    printed = centres(drop, env={"TMPDIR": str(tmp_path)})
    assert printed.out == CENTRES
    assert unlisted(printed) == [
        "Northfield General Hospital",
        "Southmoor Royal Infirmary",
        "Westhaven Clinic",
    ]


def test_without_the_raw_files_the_data_set_names_its_centres(centres, loaded, tmp_path):
    for uploader in loaded.glob("raw-*"):
        shutil.rmtree(uploader)
    shutil.rmtree(loaded / "catalog")
    printed = centres(loaded, env={"TMPDIR": str(tmp_path)})
    assert (printed.code, printed.out) == (0, CENTRES.removesuffix("Westhaven Clinic\n")), printed.err


def test_an_empty_warehouse(centres, tmp_path):
    (tmp_path / "empty").mkdir()
    printed = centres(tmp_path / "empty", env={"TMPDIR": str(tmp_path)})
    assert (printed.code, printed.out) == (0, "")
    assert "no config.json" in printed.err


def test_a_bucket(command, s3_server, tmp_path):
    bucket = s3_server.new_bucket()
    files = {
        "raw-a/2020-01-01/data/P0_status.json": "B",
        "raw-a/2020-02-01/data/P1_data.json": "A",
        "raw-b/2020-02-01/data/P2_data.json": "B",
        "training/data/P0/status_2020-01-01.json": "not asked",
        "validation/data/P3/status_2020-01-01.json": "C",
    }
    documents = {key: {"SubmittingCentre": centre} for key, centre in files.items()}
    documents["config.json"] = {"raw_prefixes": ["raw-a", "raw-b"], "sites": {"training": ["A", "B"]}}
    for key, document in documents.items():
        s3_server.client.put_object(Bucket=bucket, Key=key, Body=json.dumps(document).encode())
    s3_server.seen.clear()
    settings = environment(s3_server, TMPDIR=str(tmp_path))
    printed = command("warehouse", "centres", bucket, env=settings)
    assert (printed.code, printed.out) == (0, "A\nB\nC\n")
    assert unlisted(printed) == ["C"]
    assert {request.method for request in s3_server.seen} <= {"GET", "HEAD"}
    assert not [request for request in s3_server.seen if "/catalog/" in request.path]


def test_a_message_that_cannot_be_written_leaves_no_list_without_a_word(centres, drop, tmp_path):
    (tmp_path / "message.txt").mkdir()
    ended = centres(drop, env={"TMPDIR": str(tmp_path)})
    assert ended.code == 4
    assert ended.err.splitlines()[-1].startswith(
        "error: write: failed (message.txt in the temporary directory: E"
    )


def test_a_reader_that_has_seen_enough(drop, tmp_path):
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [script("warehouse"), "centres", drop],
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
