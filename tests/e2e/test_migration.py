"""The first loads over a bucket that an older loader filled: what stands is found, and not copied again."""

import csv
import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from test_s3 import environment

import old_bucket
from support import decisions
from warehouse.storage.aws import storage_options
from warehouse.storage.delta import DeltaCatalog

LOADER = Path(__file__).parents[2] / "warehouse" / "warehouseloader.py"
SETS = ("training/", "validation/", "assignments/")
PUBLISHED = ("training/catalog/", "validation/catalog/")


class InFolder:
    """The old bucket as a folder; a file that is written anew shows in its time of change."""

    def __init__(self, folder):
        self.address, self.environment = str(folder / "bucket"), {}
        for key, data in old_bucket.build().objects.items():
            path = Path(self.address, key)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)

    def objects(self):
        files = [path for path in Path(self.address).rglob("*") if path.is_file()]
        return {
            path.relative_to(self.address).as_posix(): (path.stat().st_mtime_ns, path.read_bytes())
            for path in files
        }

    def read(self, key):
        return Path(self.address, key).read_bytes()

    def catalog(self):
        return DeltaCatalog(self.address)


class OnS3:
    """The old bucket on the S3 server, versioned: an object that is written anew has one version more."""

    def __init__(self, server):
        self._server, self.address = server, server.new_bucket()
        self.environment = environment(server)
        server.client.put_bucket_versioning(
            Bucket=self.address, VersioningConfiguration={"Status": "Enabled"}
        )
        for key, data in old_bucket.build().objects.items():
            server.client.put_object(Bucket=self.address, Key=key, Body=data)

    def objects(self):
        pages = self._server.client.get_paginator("list_object_versions").paginate(Bucket=self.address)
        found = {}
        for entry in (entry for page in pages for entry in page.get("Versions", ())):
            found.setdefault(entry["Key"], set()).add((entry["VersionId"], entry["ETag"]))
        return found

    def read(self, key):
        return self._server.client.get_object(Bucket=self.address, Key=key)["Body"].read()

    def catalog(self):
        options = storage_options(self._server.session(), self._server.endpoint)
        return DeltaCatalog(f"s3://{self.address}", lambda: options)


@dataclass(frozen=True)
class Migrated:
    """Each step of a migration: how the command ended, and what stood in the bucket after it."""

    bucket: Any
    before: dict[str, Any]
    checked: Any
    dry: Any
    after_dry: dict[str, Any]
    first: Any
    report: dict[str, Any]
    after: dict[str, Any]
    decided: dict[str, Any]
    second: Any
    second_report: dict[str, Any]
    after_second: dict[str, Any]


@pytest.fixture(scope="module", params=["folder", "s3"])
def migrated(request, command_in, tmp_path_factory, _s3_server):
    folder = tmp_path_factory.mktemp("migration")
    bucket = InFolder(folder) if request.param == "folder" else OnS3(_s3_server)

    def run(*words):
        return command_in(folder, "warehouse", *words, env=bucket.environment)

    def report(name):
        return json.loads((folder / name).read_text())["services"]["ledger"]

    before = bucket.objects()
    checked = run("config", "check", bucket.address)
    dry, after_dry = run("load", bucket.address, "--dry-run"), bucket.objects()
    first, after = run("load", bucket.address, "--report", "first.json"), bucket.objects()
    decided = decisions(bucket.catalog())
    second, after_second = run("load", bucket.address, "--report", "second.json"), bucket.objects()
    return Migrated(
        bucket=bucket,
        before=before,
        checked=checked,
        dry=dry,
        after_dry=after_dry,
        first=first,
        report=report("first.json"),
        after=after,
        decided=decided,
        second=second,
        second_report=report("second.json"),
        after_second=after_second,
    )


def in_the_sets(objects):
    return {key for key in objects if key.startswith(SETS) and not key.startswith(PUBLISHED)}


def test_before_the_first_load_the_configuration_is_checked_and_the_load_rehearsed(migrated):
    assert migrated.checked.code == 0, migrated.checked.err
    assert "no run has used a configuration here yet" in migrated.checked.out
    assert migrated.dry.code == 5
    assert migrated.after_dry == migrated.before
    said = [line for line in migrated.dry.out.splitlines() if "dry run" not in line]
    assert said == migrated.first.out.splitlines()


def test_every_raw_object_gets_its_verdict(migrated):
    verdicts = {key: (row["outcome"], row["reason"]) for key, row in migrated.decided.items()}
    assert verdicts == old_bucket.build().expected


def test_a_patient_in_both_sets_is_reported_and_all_others_load(migrated):
    assert migrated.first.code == 5, migrated.first.err
    assert migrated.report["accounted"]
    assert "patient-in-both-sets" in migrated.first.out
    assert "Both" not in migrated.first.out + migrated.first.err
    waiting = {key for key in migrated.after if key.startswith("assignments/") and "BOTH" in key}
    assert waiting == set()


def test_no_byte_that_stood_there_changes(migrated):
    for later in (migrated.after, migrated.after_second):
        assert {key: later.get(key) for key in migrated.before} == migrated.before


def test_only_what_was_missing_is_added(migrated):
    added = in_the_sets(migrated.after) - in_the_sets(migrated.before)
    loaded = {key: row for key, row in migrated.decided.items() if row["outcome"] == "loaded"}
    copies = {row["target_key"] for row in loaded.values()}
    assert {key for key in added if "-metadata/" not in key and not key.startswith("assignments/")} == copies
    stems = {key.rpartition("/")[2] for key in added if "-metadata/" in key}
    assert stems == {f"{name}.json" for name in ("c1a", "c1d", "early", "n1", "n2", "s1b", "s2c", "w1a")}


def test_nothing_is_copied_again(migrated):
    requests, outcomes = migrated.report["requests"], migrated.report["outcomes"]
    assert requests["copy"] == outcomes["loaded"] == 12
    assert outcomes["present"] == 17


def test_missing_metadata_is_written_and_metadata_that_stands_is_kept(migrated):
    images = {row["SOPInstanceUID"]: row for row in migrated.decided.values() if row["kind"] == "image"}
    assert images
    written = next(key for key in migrated.after if key.endswith("/c1a.json"))
    raw = f"raw-south/{old_bucket.DAY}/images/c1a.dcm"
    standing = json.loads(old_bucket.old_metadata(migrated.bucket.read(raw)))
    assert json.loads(migrated.bucket.read(written)) == standing
    assert [key for key, row in migrated.decided.items() if "metadata-kept" in row["flags"]] == []


def test_who_stood_in_a_set_is_assigned_to_it(migrated):
    claims = {
        claim["patient"]: claim
        for key in migrated.after
        if key.startswith("assignments/")
        for claim in [json.loads(migrated.bucket.read(key))]
    }
    existing = {name: claim["group"] for name, claim in claims.items() if claim["rule"] == "existing"}
    trained = dict.fromkeys(("BAD1", "CASE1", "CASE2", "CRASHED1", "WHOLE1"), "training")
    assert existing == {**trained, "WHOLE2": "validation"}
    assert claims.keys() - existing.keys() == {"NEW1"}
    assert (claims["NEW1"]["rule"], claims["NEW1"]["group"]) == ("site", "validation")
    assert (claims["CASE1"]["folder"], claims["CASE2"]["folder"]) == ("case1", "CASE2")


def test_a_patient_keeps_its_set_whatever_its_site_says_today(migrated):
    row = migrated.decided[f"raw-north/{old_bucket.DAY}/data/Whole1_data.json"]
    assert (row["group"], row["rule"], row["flags"]) == ("training", "existing", ["site-differs"])
    later = migrated.decided[f"raw-north/{old_bucket.LATER}/data/CASE1_data.json"]
    assert later["target_key"] == f"training/data/case1/data_{old_bucket.LATER}.json"


def test_a_folder_in_two_spellings_is_found_in_both_and_grows_in_one(migrated):
    targets = {
        key.rpartition("/")[2]: row["target_key"].split("/")[2]
        for key, row in migrated.decided.items()
        if row["patient"] == "CASE2"
    }
    assert targets == {
        "Case2_data.json": "Case2",
        "s2a.dcm": "Case2",
        "CASE2_data.json": "CASE2",
        "s2b.dcm": "CASE2",
        "s2c.dcm": "CASE2",
    }


def test_the_second_load_has_nothing_to_do(migrated):
    # Two patients of the old bucket stand in both sets.
    assert migrated.second.code == 5, migrated.second.err
    assert "patients who stand in both sets 2" in migrated.second.out
    assert "Both" not in migrated.second.out + migrated.second.err
    assert "There is nothing to do; 2 wait" in migrated.second.out
    assert in_the_sets(migrated.after_second) == in_the_sets(migrated.after)
    requests = migrated.second_report["requests"]
    assert (requests["copy"], requests["create"], requests["read"]) == (0, 0, 1)


def test_before_the_first_load_the_audit_names_who_is_in_both_sets(command, tmp_path):
    bucket = InFolder(tmp_path)
    before = bucket.objects()
    audit = command("warehouse", "split", "audit", bucket.address, "--patients", "--format", "json")
    assert audit.code == 5
    assert set(re.findall(r"BOTH\d|CASE\d|WHOLE\d", audit.out)) == {"BOTH1", "BOTH2"}
    assert bucket.objects() == before


def test_before_the_first_load_centres_and_tables_are_made_of_what_stands(command, tmp_path):
    bucket = InFolder(tmp_path)
    before = bucket.objects()
    centres = command("warehouse", "centres", bucket.address)
    assert centres.out == "Elsewhere\nSplit\nTrain\nValid\n"
    assert "does not list the submitting centre Elsewhere" in centres.err
    made = command("warehouse", "process", bucket.address, "--out", tmp_path / "tables")
    assert made.code == 0, made.err
    with open(tmp_path / "tables" / "patient.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    both = [row["group"] for row in rows if row["Pseudonym"].upper() == "BOTH1"]
    assert both == ["training", "validation"]
    assert len(rows) == len({row["Pseudonym"].upper() for row in rows}) + 2
    assert bucket.objects() == before


def verdicts_of(bucket):
    return {key: (row["outcome"], row["reason"]) for key, row in decisions(bucket.catalog()).items()}


def without_both_in_validation(bucket):
    for name in ("Both1", "BOTH2"):
        shutil.rmtree(Path(bucket.address, "validation/data", name))


def test_who_is_taken_out_of_one_set_before_the_first_load_loads(command, tmp_path):
    bucket = InFolder(tmp_path)
    without_both_in_validation(bucket)
    ended = command("warehouse", "load", bucket.address)
    assert ended.code == 0, ended.err
    found = {key: verdict for key, verdict in verdicts_of(bucket).items() if "oth" in key or "/b1" in key}
    assert found == {
        f"raw-north/{old_bucket.DAY}/data/Both1_data.json": old_bucket.PRESENT,
        f"raw-north/{old_bucket.LATER}/data/Both1_data.json": old_bucket.LOADED,
        f"raw-north/{old_bucket.DAY}/data/Both2_data.json": old_bucket.PRESENT,
        f"raw-south/{old_bucket.DAY}/images/b1a.dcm": old_bucket.PRESENT,
        f"raw-south/{old_bucket.LATER}/images/b1b.dcm": old_bucket.LOADED,
    }


def test_who_is_taken_out_of_one_set_later_loads_what_is_sent_under_another_date(command, tmp_path):
    bucket = InFolder(tmp_path)
    assert command("warehouse", "load", bucket.address).code == 5
    without_both_in_validation(bucket)
    again = command("warehouse", "load", bucket.address)
    assert (again.code, "There is nothing to do" in again.out) == (0, True)
    sent = {"raw-north/2021-03-01/data": "Both1_data.json", "raw-south/2021-03-01/images": "b1a.dcm"}
    for place, name in sent.items():
        (first,) = Path(bucket.address).glob(f"raw-*/{old_bucket.DAY}/*/{name}")
        Path(bucket.address, place).mkdir(parents=True)
        Path(bucket.address, place, name).write_bytes(first.read_bytes())
    assert command("warehouse", "load", bucket.address).code == 0
    found = verdicts_of(bucket)
    verdicts = [found[f"{place}/{name}"] for place, name in sent.items()]
    assert verdicts == [old_bucket.LOADED, old_bucket.PRESENT]


def test_bonobo_run_takes_the_old_variables(command, tmp_path):
    bucket = InFolder(tmp_path)
    old = {"BUCKET_NAME": bucket.address, "COMMIT": "0123abc"}
    before = bucket.objects()
    dry = command("bonobo", "run", LOADER, env={**old, "DRY_RUN": "yes"})
    assert dry.code == 5
    assert bucket.objects() == before
    ended = command("bonobo", "run", LOADER, env=old)
    assert ended.code == 5
    for run in (dry, ended):
        assert "COMMIT is ignored" in run.err
        assert "0123abc" not in run.out + run.err
    assert verdicts_of(bucket) == old_bucket.build().expected
