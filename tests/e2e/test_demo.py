"""The demonstration: a drop becomes a warehouse, its counts add up, and a second load has nothing to do."""

import json
import re


def tree(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "catalog" not in path.relative_to(folder).parts[:2]
    }


LAYOUT = re.compile(
    r"config\.json|demo\.txt"
    r"|raw-[a-z]+/\d{4}-\d{2}-\d{2}/(data|images)/[^/]+"
    r"|assignments/patients/DEMO\d{3}\.json"
    r"|(training|validation)/(ct|mri|xray|unknown)/Demo\d{3}/[0-9.]+/[0-9.]+/[^/]+\.dcm"
    r"|(training|validation)/(ct|mri|xray|unknown)-metadata/Demo\d{3}/[0-9.]+/[0-9.]+/[^/]+\.json"
    r"|(training|validation)/data/Demo\d{3}/(data|status)_\d{4}-\d{2}-\d{2}\.json"
)


def test_the_demo_and_a_second_load(command, tmp_path):
    first = command("warehouse", "demo", "d")
    assert first.code == 0, first.err
    folder = tmp_path / "d"
    loaded = tree(folder)
    assert [key for key in loaded if not LAYOUT.fullmatch(key)] == []
    raw = [key for key in loaded if key.startswith("raw-")]
    assert f"{len(raw)} raw objects" in first.out
    totals = dict(
        re.findall(r"^(loaded|present|quarantined|deferred|ignored) (\d+)$", first.out, re.MULTILINE)
    )
    assert set(totals) == {"loaded", "present", "quarantined", "deferred", "ignored"}
    assert sum(map(int, totals.values())) == len(raw)
    placed = [key for key in loaded if re.match(r"(training|validation)/(data|ct|mri|xray|unknown)/", key)]
    assert len(placed) == int(totals["loaded"])

    second = command("warehouse", "load", "d", "--report", "report.json")
    assert second.code == 0
    assert "There is nothing to do" in second.out
    assert tree(folder) == loaded
    report = json.loads((tmp_path / "report.json").read_text())["services"]["ledger"]
    assert report["outcomes"]["loaded"] == 0
    assert report["known"] + report["decided"] == report["listed"] == len(raw)


def test_every_copy_has_the_bytes_of_a_raw_file_and_every_image_its_metadata(command, tmp_path):
    command("warehouse", "demo", "d")
    loaded = tree(tmp_path / "d")
    raw = {data for key, data in loaded.items() if key.startswith("raw-")}
    for key, data in loaded.items():
        if re.match(r"(training|validation)/(data|ct|mri|xray|unknown)/", key):
            assert data in raw
        if match := re.match(r"(\w+)/(ct|mri|xray|unknown)/(.*)\.dcm", key):
            metadata = json.loads(loaded[f"{match[1]}/{match[2]}-metadata/{match[3]}.json"])
            assert metadata["00100020"]["Value"] == [key.split("/")[2]]


def test_no_patient_is_in_both_sets(command, tmp_path):
    command("warehouse", "demo", "d")
    patients = {
        group: {path.name for path in (tmp_path / "d" / group).glob("*/*") if path.parent.name != "catalog"}
        for group in ("training", "validation")
    }
    assert patients["training"]
    assert patients["validation"]
    assert not patients["training"] & patients["validation"]


def test_a_folder_that_holds_something_else_is_left_alone(command, tmp_path):
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "thesis.txt").write_text("mine")
    refused = command("warehouse", "demo", "d")
    assert refused.code == 2
    assert len(refused.err.splitlines()) == 1
    assert [path.name for path in (tmp_path / "d").iterdir()] == ["thesis.txt"]
