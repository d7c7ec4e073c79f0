"""The real command, on a folder and on S3: its code, its lines, its JSON, and that it writes nothing."""

import json
import os
import re
import shutil
from pathlib import Path

import pytest
from test_commands import whole_tree
from test_s3 import environment, keys

from support import fill
from warehouse.domain.verdict import VIOLATIONS

CANARY = "demo0"
PAGE = (Path(__file__).parents[2] / "docs" / "verify.md").read_text()


def first_cells(heading):
    """The names in the first cells of the table of the page that begins with `heading`."""
    table = PAGE.split(f"\n{heading}\n")[1].split("\n\n")[0]
    return [name for row in table.splitlines()[1:] for name in re.findall(r"`([\w-]+)`", row.split("|")[1])]


def test_the_page_lists_every_kind():
    assert first_cells("| Kind | Means | What to do |") == list(VIOLATIONS)


def copies(folder, pattern="training/ct/*/*/*/*.dcm"):
    return sorted(folder.glob(pattern))


def flip(path, *, rotten=False):
    """Change one byte; `rotten` where neither size nor time shows it."""
    status = path.stat()
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    if rotten:
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.mark.parametrize("how", [[], ["--deep"]], ids=["shallow", "deep"])
def test_a_whole_folder_is_whole_and_nothing_is_written(command, loaded, how):
    before = whole_tree(loaded)
    done = command("warehouse", "verify", loaded, *how)
    assert (done.code, done.out.splitlines()[0]) == (0, "nothing is wrong"), done.err
    assert "183 copies, 155 metadata documents, 223 raw objects" in done.out
    assert whole_tree(loaded) == before
    assert CANARY not in (done.out + done.err).lower()


def test_damage_is_listed_by_kind_with_its_remedy_and_without_names(command, loaded):
    missing, flipped, rotten = copies(loaded)[:3]
    missing.unlink()
    flip(flipped)
    flip(rotten, rotten=True)
    shallow = command("warehouse", "verify", loaded)
    assert shallow.code == 5
    lines = shallow.out.splitlines()
    assert lines[0] == "DAMAGED: 2 found of 2 kinds"
    assert "        1  copy-missing: the catalog tells of a copy, and no object stands there" in lines
    found = [line.split("\t") for line in lines if "\t" in line]
    assert [kind for kind, _, _ in found] == ["copy-changed", "copy-missing"]
    assert all("#" in name for _, name, _ in found)
    assert found[1][2].startswith("`warehouse retry --missing`")
    assert CANARY not in (shallow.out + shallow.err).lower()
    deep = command("warehouse", "verify", loaded, "--deep", "--keys")
    assert deep.code == 5
    assert sorted(line.split("\t")[1] for line in deep.out.splitlines() if "\t" in line) == sorted(
        str(path.relative_to(loaded)) for path in (missing, flipped, rotten)
    )


def test_an_object_is_named_as_the_catalog_names_it(command, loaded):
    gone = copies(loaded)[4]
    gone.unlink()
    done = command("warehouse", "verify", loaded)
    (name,) = (line.split("\t")[1] for line in done.out.splitlines() if "\t" in line)
    place, _, decision = name.partition("#")
    run, _, sequence = decision.rpartition("-")
    asked = f"SELECT target_key FROM objects WHERE run = '{run}' AND sequence = {sequence}"
    told = command("warehouse", "query", loaded, asked, "--format", "csv")
    assert told.out.splitlines()[1] == str(gone.relative_to(loaded))
    assert place.endswith("/images")


def test_programs_get_one_object_and_a_report(command, loaded, tmp_path):
    whole = json.loads(command("warehouse", "verify", loaded, "--format", "json").out)
    assert whole["proven"] is True
    assert whole["findings"] == []
    assert list(whole) == first_cells("| Key | Holds |")
    (loaded / "assignments/patients/DEMO001.json").unlink()
    report = tmp_path / "report.json"
    done = command("warehouse", "verify", loaded, "--format", "json", "--report", report)
    figures = json.loads(done.out)
    assert (done.code, figures["proven"]) == (5, False)
    (finding,) = figures["findings"]
    assert finding["kind"] == "assignment-missing"
    assert set(finding) == {"kind", "object", "remedy"}
    written = report.read_text()
    assert json.loads(written)["exit_code"] == 5
    assert '"assignment-missing":1' in written.replace(" ", "")
    assert CANARY not in (done.out + written).lower()
    named = command("warehouse", "verify", loaded, "--format", "json", "--keys")
    assert json.loads(named.out)["findings"][0]["key"] == "DEMO001"


def test_what_cannot_be_read_ends_with_4(command, loaded):
    (document, *_) = copies(loaded, "training/ct-metadata/*/*/*/*.json")
    document.unlink()
    document.symlink_to("/etc/hostname")
    copy = copies(loaded, "training/data/*/*.json")[0]
    copy.write_bytes(bytes(len(copy.read_bytes())))
    for raw in loaded.glob(f"raw-*/*/data/{copy.parent.name}_*.json"):
        raw.unlink()
    done = command("warehouse", "verify", loaded)
    assert "not read: copy (no-source)" in done.out
    assert done.code == 5
    assert "metadata-obstructed" in done.out
    document.unlink()
    header = command(
        "warehouse", "header", str(document).replace("ct-metadata", "ct").replace(".json", ".dcm")
    )
    document.write_text(header.out)
    mended = command("warehouse", "verify", loaded, "--deep")
    assert (mended.code, mended.out.splitlines()[0]) == (
        4,
        "NOT PROVEN: nothing wrong was found, but not all of it could be read",
    )


@pytest.mark.parametrize("arguments", [["nowhere"], ["./nowhere"], [], [".", "--format", "csv"]])
def test_what_makes_no_sense_ends_with_2(command, arguments):
    done = command("warehouse", "verify", *arguments)
    assert done.code == 2
    assert done.out == ""


def test_a_bucket_on_s3(command, s3_server, s3_bucket, loaded_bucket):
    bucket, settings = loaded_bucket, environment(s3_server)
    fill(s3_server, s3_bucket)
    before_any = command("warehouse", "verify", s3_bucket, env=settings)
    assert before_any.code == 0, before_any.err
    assert "      223  raw objects that no run has decided yet: the next load mends this" in before_any.out
    before = keys(s3_server, bucket)
    s3_server.seen.clear()
    for how in ([], ["--deep"]):
        whole = command("warehouse", "verify", bucket, *how, env=settings)
        assert (whole.code, whole.out.splitlines()[0]) == (0, "nothing is wrong"), whole.out
    assert {request.method for request in s3_server.seen} <= {"GET", "HEAD"}
    assert keys(s3_server, bucket) == before
    one, two, three = sorted(key for key in before if key.startswith("validation/mri/"))[:3]
    client = s3_server.client
    first, second = (client.get_object(Bucket=bucket, Key=key)["Body"].read() for key in (one, two))
    client.put_object(Bucket=bucket, Key=one, Body=second)
    client.put_object(Bucket=bucket, Key=two, Body=first)
    client.delete_object(Bucket=bucket, Key=three)
    damaged = command("warehouse", "verify", bucket, "--keys", env=settings)
    assert damaged.code == 5
    found = [tuple(line.split("\t")[:2]) for line in damaged.out.splitlines() if "\t" in line]
    assert found == [("copies-swapped", one), ("copies-swapped", two), ("copy-missing", three)] or found == [
        ("copies-swapped", two),
        ("copies-swapped", one),
        ("copy-missing", three),
    ]


def test_no_permission_to_read_ends_with_4(command, s3_server, loaded_bucket):
    bucket, settings = loaded_bucket, environment(s3_server)
    s3_server.plan("GetObject", 403, "AccessDenied", times=10_000, about="assignments/")
    done = command("warehouse", "verify", bucket, env=settings)
    assert done.code == 4
    assert "not read: claim (forbidden): allow s3:GetObject on the whole bucket" in done.out


def test_of_a_bucket_that_lost_all_it_held_nothing_is_proven(command, loaded):
    for folder in [path for path in loaded.iterdir() if path.is_dir()]:
        shutil.rmtree(folder)
    done = command("warehouse", "verify", loaded, "--format", "json")
    assert (done.code, json.loads(done.out)["proven"]) == (4, None), done.err
