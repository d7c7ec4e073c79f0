"""What is private is in no line of output, no report, no traceback: canaries are put everywhere.

They stand in every text attribute, in the names of files, in the fields of clinical files, good and bad.
"""

from __future__ import annotations

import io
import itertools
import json
import logging
import re
import warnings

import pydicom
import pytest
from java import needs_spark
from pydicom.data import get_testdata_file
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.valuerep import STR_VR
from test_s3 import environment

from support import load
from warehouse.demo import CONFIGURATION
from warehouse.storage.catalog import MemoryCatalog
from warehouse.storage.memory import MemoryStore

CANARY = re.compile(r"canar[yi]", re.IGNORECASE)
SITE = next(iter(CONFIGURATION["sites"]["split"]))
RAW = CONFIGURATION["raw_prefixes"][0].rstrip("/")
DAY = f"{RAW}/2020-05-01"
PATIENTS = ("CANARY1", "CANARY2", "CANARY3")


def clinical(patient, **fields):
    record = {"Pseudonym": patient, "SubmittingCentre": SITE, "Sex": "canary-sex", "Age": "canary-age"}
    return json.dumps({**record, "canary-field": "canary-value", **fields}).encode()


def picture(patient, number):
    """An image with a canary in each attribute that can hold one."""
    image = pydicom.dcmread(str(get_testdata_file("CT_small.dcm")))
    for element in list(image):
        if element.VR in STR_VR - {"UI", "IS", "DS", "CS", "DA", "TM", "DT", "AS"}:
            element.value = "canary"
    for keyword in (
        "PatientName",
        "InstitutionName",
        "StudyDescription",
        "OtherPatientIDs",
        "AccessionNumber",
    ):
        image.add_new(tag_for_keyword(keyword), dictionary_VR(keyword), "Canary^Name")
    image.PatientID = patient
    image.StudyInstanceUID = f"1.2.{int.from_bytes(patient.encode())}"
    image.SeriesInstanceUID = f"{image.StudyInstanceUID}.1"
    image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = f"{image.StudyInstanceUID}.1.{number}"
    stream = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        image.save_as(stream)
    return stream.getvalue()


def drop():
    """Key and bytes of good and bad objects, of each kind of end that a load knows."""
    for patient in PATIENTS[:2]:
        yield f"{DAY}/data/{patient}_data.json", clinical(patient)
        for number in range(2):
            yield f"{DAY}/images/canary-{patient}-{number}.dcm", picture(patient, number)
    good = picture(PATIENTS[0], 9)
    yield f"{DAY}/data/CANARY4_data.json", b'{"canary": '
    yield f"{DAY}/data/CANARY5_data.json", clinical("CANARY6")
    yield f"{DAY}/data/CANARY7_data.json", clinical("CANARY7", SubmittingCentre="Canary hospital")
    yield f"{DAY}/data/CANARY8_data.json", clinical("CANARY8", SubmittingCentre=None)
    yield f"{DAY}/data/canary bad name.json", clinical("CANARY9")
    yield f"{DAY}/images/canary-waits.dcm", picture(PATIENTS[2], 1)
    yield f"{DAY}/images/canary-truncated.dcm", good[:-300]
    yield f"{DAY}/images/canary-cut.dcm", good[:700]
    yield f"{DAY}/images/canary-text.dcm", b"canary" * 100
    yield f"{DAY}/images/canary-empty.dcm", b""
    yield f"{DAY}/images/canary-conflict.dcm", picture(PATIENTS[0], 0).replace(b"canary", b"canari", 1)
    yield f"{DAY}/images/canary-path.dcm", picture("../../canary", 3)
    yield f"{DAY}/images/nested/canary.dcm", good
    yield f"{DAY}/images/canary.txt", b"canary"
    yield f"{RAW}/canary/canary", b"canary"


@pytest.fixture(scope="module")
def objects():
    found = dict(drop())
    assert sum(bool(CANARY.search(data.decode("latin-1"))) for data in found.values()) > 15
    return found


def shown(text):
    return [line for line in text.splitlines() if CANARY.search(line)]


@pytest.mark.parametrize("kind", ["folder", "s3"])
def test_no_command_shows_what_is_private(command, tmp_path, s3_server, objects, kind):
    files = {"config.json": json.dumps(CONFIGURATION).encode(), **objects}
    if kind == "s3":
        bucket = s3_server.new_bucket()
        for key, data in files.items():
            s3_server.client.put_object(Bucket=bucket, Key=key, Body=data)
        where, env = f"s3://{bucket}", environment(s3_server)
    else:
        where, env = str(tmp_path / "drop"), {}
        for key, data in files.items():
            path = tmp_path / "drop" / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
    report = tmp_path / "report.json"
    words = [
        ("warehouse", "load", where, "--dry-run"),
        ("warehouse", "load", where, "--report", report),
        (
            "bonobo",
            "run",
            "-m",
            "warehouse.warehouseloader",
            "--env",
            f"WAREHOUSE_BUCKET={where}",
            "--report",
            report,
        ),
        ("warehouse", "config", "check", where),
        ("warehouse", "split", "audit", where),
        ("warehouse", "process", where, "--local-only", "--out", tmp_path / "tables"),
    ]
    for line in words:
        ended = command(*line, env=env)
        assert ended.code in (0, 2, 4), (line, ended.err)
        # `config check` is asked for the names of sites, and shows those that look alike.
        told = [*shown(ended.out), *shown(ended.err)]
        assert told == [] or (line[1] == "config" and all("Canary hospital" in one for one in told)), line
        if report.exists():
            written = report.read_text()
            assert shown(written) == []
            told_by_it = json.loads(written)
            assert told_by_it["exit_code"] == ended.code
            if line[1] == "load":
                assert told_by_it["services"]["ledger"]["outcomes"]["loaded"] == 6
                assert len(told_by_it["services"]["ledger"]["reasons"]) >= 8
            report.unlink()


class Talkative(Exception):
    """An error as careless libraries raise it."""


class TalkativeStore(MemoryStore):
    """Raises what quotes keys, from the fourth call of one verb on: the first read the configuration."""

    def __init__(self, verb, objects):
        super().__init__()
        for key, data in objects.items():
            self.put(key, data)
        calls, real = itertools.count(1), getattr(self, verb)

        def speak(*given, **named):
            if next(calls) < 4:
                return real(*given, **named)
            raise Talkative("canary: raw-a/2020-05-01/images/canary-1.dcm of CANARY1")

        setattr(self, verb, speak)


@pytest.mark.parametrize("verb", ["read", "copy", "create", "list"])
def test_no_error_of_anybody_is_quoted(objects, capfd, caplog, verb):
    caplog.set_level(logging.DEBUG)
    store = TalkativeStore(verb, {"config.json": json.dumps(CONFIGURATION).encode(), **objects})
    run = load(store, MemoryCatalog())
    assert run.code in (4, 70)
    told = capfd.readouterr()
    everything = [run.summary, json.dumps(run.figures, default=str), json.dumps(run.report.to_json()), *told]
    assert [line for text in everything for line in shown(text)] == []
    assert [record for record in caplog.records if CANARY.search(record.getMessage())] == []


@needs_spark
@pytest.mark.nightly
def test_nothing_private_is_shown_on_spark(command, tmp_path, objects):
    for key, data in {"config.json": json.dumps(CONFIGURATION).encode(), **objects}.items():
        path = tmp_path / "drop" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    # A claim that cannot be read: what is raised on an executor is told here.
    damaged = tmp_path / "drop" / "assignments" / "patients" / "CANARY2.json"
    damaged.parent.mkdir(parents=True)
    damaged.write_bytes(b"canary")
    engine = ("--engine", "spark", "--master", "local[2]", "--conf", "spark.driver.host=127.0.0.1")
    report = tmp_path / "report.json"
    for line in (("load",), ("process", "--local-only", "--out", tmp_path / "tables")):
        ended = command("warehouse", line[0], tmp_path / "drop", *line[1:], *engine, "--report", report)
        written = report.read_text()
        assert ended.code in (0, 4), ended.err
        assert json.loads(written)["exit_code"] == ended.code
        assert [*shown(ended.out), *shown(ended.err), *shown(written)] == []
        assert "Traceback" not in ended.err
