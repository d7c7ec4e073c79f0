"""`warehouse quarantine` and `warehouse deferred` by the real commands, on a folder and on S3."""

import csv
import json

import pytest
from test_s3 import environment

from warehouse.commands.worklists import SHOWN
from warehouse.domain.reasons import REASONS

QUARANTINED = {
    "same-instance-other-bytes.dcm": "conflicting-copy",
    "polyglot.dcm": "executable-preamble",
    "Demo004_data.json": "identity-mismatch",
    "escaping.dcm": "invalid-identity",
    "Demo003_data.json": "invalid-json",
    "no-such-day.dcm": "invalid-key",
    "empty.dcm": "not-dicom",
    "photograph.dcm": "not-dicom",
    "nobody.dcm": "placeholder-identity",
    "study-of-demo001.dcm": "study-of-another-patient",
    "cut-in-header.dcm": "truncated",
    "cut-short.dcm": "truncated",
}
OF_THE_SITE = {name for name in QUARANTINED if "emo" in name or name.startswith("same")}
CLINIC, HOSPITAL = "Westhaven Clinic", "Northfield General Hospital"


def listed(ended):
    """The lines that name an object, as name -> reason, in the list's order."""
    assert ended.code == 0, ended.err
    found, reason = {}, None
    for line in ended.out.splitlines():
        if line.startswith("  raw-"):
            found[line.split("  ")[1].rpartition("/")[2]] = reason
        elif line and not line.startswith(" "):
            reason = line.split(" ")[0]
    return found


def rows(file):
    with file.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def refused(ended, code=2):
    assert (ended.code, ended.out) == (code, ""), ended.out
    return ended.err.splitlines()[-1]


def test_what_is_quarantined_is_listed_by_reason_with_its_remedy(command, loaded):
    ended = command("warehouse", "quarantine", loaded)
    assert ended.err == ""
    assert listed(ended) == QUARANTINED
    lines = ended.out.splitlines()
    assert lines[0] == "quarantined now 12"
    at = lines.index(f"truncated 2: {REASONS['truncated'].meaning}")
    assert lines[at + 1] == f"  -> {REASONS['truncated'].remedy}"
    assert lines[at + 2].startswith("  raw-northfield/2020-11-05/images/cut-in-header.dcm  20")
    assert lines[at + 2].endswith("  raw-northfield")


def test_what_waits_is_listed_with_its_patient_and_its_age(command, loaded):
    ended = command("warehouse", "deferred", loaded)
    found = listed(ended)
    # One patient's two files have one name.
    assert ended.out.splitlines()[0] == f"deferred now {len(found) + 1}"
    assert set(found.values()) == {"no-clinical-data", "unlisted-site"}
    assert found["Demo025_data.json"] == "unlisted-site"
    waits = [line for line in ended.out.splitlines() if "raw-southmoor/" in line]
    assert len(waits) == 7
    assert all(line.endswith("  raw-southmoor  patient DEMO027") for line in waits)
    assert all(" days)  " in line or " day)  " in line for line in waits)


def test_what_is_asked_for_is_listed_and_nothing_else(command, loaded):
    some = command("warehouse", "quarantine", loaded, "--reason", "truncated", "--reason", "not-dicom")
    assert set(listed(some).values()) == {"truncated", "not-dicom"}
    assert some.out.startswith("quarantined now 4, of what was asked for\n")
    of_site = command("warehouse", "quarantine", loaded, "--centre", HOSPITAL)
    assert set(listed(of_site)) == OF_THE_SITE
    assert listed(command("warehouse", "deferred", loaded, "--since", "2999-01-01")) == {}
    assert len(listed(command("warehouse", "deferred", loaded, "--since", "2020-01-01T00:00:00Z"))) == 25


def test_what_cannot_be_asked_for_is_refused(command, loaded):
    said = refused(command("warehouse", "quarantine", loaded, "--reason", "unlisted-site"))
    assert all(code in said for code in ("truncated", "conflicting-copy"))
    assert "no-clinical-data" not in said.partition("is not one of")[2]
    assert "no-clinical-data" in refused(command("warehouse", "deferred", loaded, "--reason", "truncated"))
    assert "warehouse centres" in refused(command("warehouse", "deferred", loaded, "--centre", "northfield"))
    assert "2024-02-29" in refused(command("warehouse", "quarantine", loaded, "--since", "yesterday"))
    assert ".csv or .json" in refused(command("warehouse", "quarantine", loaded, "--out", "list.txt"))
    inside = command("warehouse", "quarantine", loaded, "--out", loaded / "lists")
    assert "within the warehouse" in refused(inside)
    assert not (loaded / "lists").exists()


def test_each_centre_gets_a_file_of_its_own(command, loaded, tmp_path):
    ended = command("warehouse", "quarantine", loaded, "--out", "lists")
    files = sorted((tmp_path / "lists").iterdir())
    assert ended.out.splitlines()[1:] == [f"{len(rows(file))} objects: lists/{file.name}" for file in files]
    assert [file.name.rpartition("-")[0] for file in files] == [
        "quarantine-Northfield-General-Hospital",
        "quarantine-raw-northfield",
    ]
    of_site, of_uploader = map(rows, files)
    assert {row["key"].rpartition("/")[2] for row in of_site} == OF_THE_SITE
    assert {row["centre"] for row in of_site} == {HOSPITAL}
    assert {row["centre"] for row in of_uploader} == {"raw-northfield"}
    assert len(of_site) + len(of_uploader) == len(QUARANTINED)
    for row in of_site + of_uploader:
        assert row["reason"] == QUARANTINED[row["key"].rpartition("/")[2]]
        assert row["remedy"] == REASONS[row["reason"]].remedy
    # Whose object holds the study or the place may be another centre's secret.
    assert "Demo001" not in files[0].read_text()


def test_a_file_of_one_centre_is_written_where_it_was_named(command, loaded, tmp_path):
    ended = command("warehouse", "deferred", loaded, "--centre", CLINIC, "--out", "clinic.json")
    assert ended.code == 0, ended.err
    found = json.loads((tmp_path / "clinic.json").read_bytes())
    assert ended.out.splitlines() == [
        f"deferred now {len(found)}, of what was asked for",
        f"{len(found)} objects: clinic.json",
    ]
    assert {one["centre"] for one in found} == {CLINIC}
    assert {one["patient"] for one in found} == {"DEMO025", "DEMO026"}
    assert {one["reason"] for one in found} == {"unlisted-site"}
    nothing = command("warehouse", "quarantine", loaded, "--centre", CLINIC, "--out", "none.csv")
    assert nothing.code == 0, nothing.err
    assert (tmp_path / "none.csv").read_bytes() == b"centre,key,reason,means,decided,run,remedy\n"


def test_without_a_centre_a_named_file_becomes_one_for_each(command, loaded, tmp_path):
    assert command("warehouse", "deferred", loaded, "--out", "waits.json").code == 0
    names = sorted(path.name.rpartition("-")[0] for path in tmp_path.glob("waits*"))
    assert names == ["waits-Westhaven-Clinic", "waits-raw-southmoor"]
    for file in tmp_path.glob("waits*.json"):
        assert len({one["centre"] for one in json.loads(file.read_bytes())}) == 1


def test_no_cell_that_a_centre_gets_is_a_formula(command, drop, tmp_path):
    folder = drop / "raw-northfield" / "2020-11-05" / "data"
    (folder / "Demo990_data.json").write_text('{"Pseudonym": "Demo990", "SubmittingCentre": "=cmd|A1"}')
    assert command("warehouse", "load", drop).code == 0
    ended = command("warehouse", "deferred", drop, "--centre", "=cmd|A1", "--out", "list.csv")
    assert ended.code == 0, ended.err
    (row,) = rows(tmp_path / "list.csv")
    assert (row["centre"], row["patient"]) == ("'=cmd|A1", "DEMO990")


def test_what_was_removed_or_replaced_is_left_out_and_counted(command, loaded):
    images = loaded / "raw-northfield" / "2020-11-05" / "images"
    (images / "polyglot.dcm").unlink()
    (images / "empty.dcm").write_bytes(b"another upload")
    ended = command("warehouse", "quarantine", loaded)
    assert set(QUARANTINED) - set(listed(ended)) == {"polyglot.dcm", "empty.dcm"}
    assert ended.out.splitlines()[0] == "quarantined now 10"
    assert ended.out.splitlines()[-2:] == [
        "left out 1: quarantined, but removed from raw since",
        "left out 1: quarantined, but replaced in raw by another upload since",
    ]


def test_a_file_or_device_without_a_suffix_is_refused_before_anything_is_read(command, loaded, tmp_path):
    (tmp_path / "notes").write_text("mine")
    for out in ("notes", "/dev/full"):
        assert "neither" in refused(command("warehouse", "quarantine", loaded, "--out", out))
    assert (tmp_path / "notes").read_text() == "mine"


@pytest.mark.parametrize("name", ["quarantine", "deferred"])
def test_without_a_catalog_there_is_no_list(command, drop, tmp_path, name):
    assert "a load fills it" in refused(command("warehouse", name, drop))
    (tmp_path / "empty").mkdir()
    assert "a load fills it" in refused(command("warehouse", name, "./empty"))
    assert "does not exist" in refused(command("warehouse", name, "./nowhere"))


@pytest.mark.parametrize("name", ["quarantine", "deferred"])
def test_a_damaged_catalog_is_one_line_and_writes_nothing(command, loaded, tmp_path, name):
    for file in (loaded / "catalog" / "objects").rglob("*.parquet"):
        file.write_bytes(b"no parquet")
    ended = command("warehouse", name, loaded, "--out", "lists")
    assert (ended.code, ended.out, len(ended.err.splitlines())) == (4, "", 1)
    assert not (tmp_path / "lists").exists()


def test_a_bucket_gives_the_same_lists(command, s3_server, loaded_bucket, tmp_path):
    bucket, env = loaded_bucket, environment(s3_server)
    empty = command("warehouse", "quarantine", f"s3://{s3_server.new_bucket()}", env=env)
    assert "a load fills it" in refused(empty)
    before = s3_server.client.list_objects_v2(Bucket=bucket)["KeyCount"]
    assert listed(command("warehouse", "quarantine", bucket, env=env)) == QUARANTINED
    s3_server.client.delete_object(Bucket=bucket, Key="raw-northfield/2020-11-05/images/polyglot.dcm")
    ended = command("warehouse", "quarantine", bucket, "--out", "lists", env=env)
    assert ended.out.splitlines()[0] == "quarantined now 11"
    assert "left out 1: quarantined, but removed from raw since" in ended.out
    assert sum(len(rows(file)) for file in (tmp_path / "lists").iterdir()) == 11
    assert s3_server.client.list_objects_v2(Bucket=bucket)["KeyCount"] == before - 1
    s3_server.plan("ListObjectsV2", 403, "AccessDenied", times=99, about="prefix=raw-")
    ended = command("warehouse", "quarantine", bucket, "--out", "more", env=env)
    assert (ended.code, ended.out, len(ended.err.splitlines())) == (4, "", 1)
    assert not (tmp_path / "more").exists()


def test_of_a_reason_that_has_many_the_first_are_shown_and_a_file_holds_all(command, tmp_path):
    drop = tmp_path / "many"
    images = drop / "raw-a/2020-01-01/images"
    images.mkdir(parents=True)
    (drop / "config.json").write_text('{"raw_prefixes": ["raw-a"], "sites": {}}')
    for number in range(SHOWN + 3):
        (images / f".{number:03}.dcm").write_bytes(b"")
    assert command("warehouse", "load", drop).code == 3
    ended = command("warehouse", "quarantine", drop)
    assert len(listed(ended)) == SHOWN
    assert ended.out.splitlines()[0] == f"quarantined now {SHOWN + 3}"
    assert ended.out.splitlines()[-1] == "  ... and 3 more; --out writes all"
    assert command("warehouse", "quarantine", drop, "--out", "lists").code == 0
    (file,) = (tmp_path / "lists").iterdir()
    assert len(rows(file)) == SHOWN + 3
