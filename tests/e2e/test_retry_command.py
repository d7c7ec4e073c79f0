"""The real command on a folder and on S3: another look is asked for, and the next load takes it."""

import json
import re
import shutil

import pytest
from test_commands import tree, whole_tree
from test_s3 import environment, keys, state_on_s3

from support import state
from warehouse.storage.delta import DeltaCatalog
from warehouse.storage.folder import FolderStore

QUARANTINED = {
    "conflicting-copy": 1,
    "executable-preamble": 1,
    "identity-mismatch": 1,
    "invalid-identity": 1,
    "invalid-json": 1,
    "invalid-key": 1,
    "not-dicom": 2,
    "placeholder-identity": 1,
    "study-of-another-patient": 1,
    "truncated": 2,
}


def counts(ended):
    """What a command says in lines of a name and a number."""
    return {name: int(count) for name, count in re.findall(r"^  (\S.*?) +(\d+)$", ended.out, re.M)}


def reasons(folder):
    rows = DeltaCatalog(str(folder)).query("SELECT outcome, reason, count(*) FROM objects_now GROUP BY ALL")
    return {tuple(row.values())[:2]: tuple(row.values())[2] for row in rows.to_pylist()}


def state_of(folder):
    return state(FolderStore(str(folder)), DeltaCatalog(str(folder)))


def test_all_that_is_quarantined_is_looked_at_by_the_next_load(command, loaded):
    before, files = state_of(loaded), tree(loaded)
    asked = command("warehouse", "retry", loaded)
    assert (asked.code, counts(asked)) == (0, QUARANTINED)
    assert asked.out.splitlines()[0] == "the next load will look again at 12 objects"
    assert "`warehouse load`" in asked.out
    assert tree(loaded) == files
    assert reasons(loaded)["deferred", "retry"] == 12
    again = command("warehouse", "retry", loaded)
    assert (again.code, again.out) == (0, "nothing that stands in raw is quarantined\n")
    # Nothing was loaded, and something was quarantined.
    assert command("warehouse", "load", loaded).code == 3
    assert state_of(loaded) == before


def test_each_reason_can_be_asked_for(command, loaded):
    total = 0
    for reason, count in QUARANTINED.items():
        asked = command("warehouse", "retry", loaded, "--reason", reason)
        assert (asked.code, counts(asked)) == (0, {reason: count})
        total += count
        assert reasons(loaded)["deferred", "retry"] == total


def test_more_than_one_reason_can_be_asked_for(command, loaded):
    wanted = ("truncated", "not-dicom")
    asked = command("warehouse", "retry", loaded, *(word for one in wanted for word in ("--reason", one)))
    assert (asked.code, counts(asked)) == (0, {one: QUARANTINED[one] for one in wanted})


def test_a_dry_run_says_the_same_and_writes_nothing(command, loaded):
    before = whole_tree(loaded)
    asked = command("warehouse", "retry", loaded, "--dry-run")
    assert (asked.code, counts(asked)) == (0, QUARANTINED)
    assert "would look again at 12" in asked.out
    assert whole_tree(loaded) == before


def test_a_reason_that_is_none_is_answered_with_those_that_there_are(command, loaded):
    for wrong in ("broken", "no-clinical-data", "other-suffix"):
        refused = command("warehouse", "retry", loaded, "--reason", wrong)
        assert refused.code == 2
        assert "'truncated'" in refused.err
        assert "'patient-in-both-sets'" in refused.err
    refused = command("warehouse", "retry", loaded, "--reason", "truncated", "--missing")
    assert refused.code == 2
    assert refused.err.startswith("error: ")


def test_what_the_configuration_was_the_cause_of_loads_once_it_is_gone(command, loaded):
    config = json.loads((loaded / "config.json").read_text())
    config["placeholder_ids"] = ["nobody-else"]
    (loaded / "config.json").write_text(json.dumps(config))
    assert reasons(loaded)["quarantined", "placeholder-identity"] == 1
    command("warehouse", "load", loaded)
    assert reasons(loaded)["quarantined", "placeholder-identity"] == 1
    command("warehouse", "retry", loaded, "--reason", "placeholder-identity")
    assert command("warehouse", "load", loaded).code == 0
    # ANONYMOUS is an identifier like any other now, of a patient without a clinical file.
    assert ("quarantined", "placeholder-identity") not in reasons(loaded)
    assert reasons(loaded)["deferred", "no-clinical-data"] == 8


def test_what_is_gone_from_the_sets_comes_back(command, loaded):
    before, files = state_of(loaded), tree(loaded)
    untouched = command("warehouse", "retry", loaded, "--missing")
    assert (untouched.code, untouched.out.count("\n")) == (0, 1)
    gone = [
        next(loaded.glob("training/ct/*/*/*/*.dcm")),
        next(loaded.glob("validation/mri-metadata/*/*/*/*.json")),
        next(loaded.glob("training/data/*/*.json")),
    ]
    for file in gone:
        file.unlink()
    asked = command("warehouse", "retry", loaded, "--missing")
    assert (asked.code, counts(asked)) == (0, {"its copy is gone": 2, "its metadata document is gone": 1})
    again = command("warehouse", "retry", loaded, "--missing")
    assert (again.code, counts(again)) == (0, {})
    assert command("warehouse", "load", loaded).code == 0
    assert all(file.is_file() for file in gone)
    assert tree(loaded) == files
    assert state_of(loaded) == before


def test_nobody_is_named(command, loaded):
    next(loaded.glob("training/data/*/*.json")).unlink()
    for words in ((), ("--missing",)):
        asked = command("warehouse", "retry", loaded, *words)
        assert "demo0" not in (asked.out + asked.err).lower()


def test_a_bucket(command, s3_server, loaded_bucket):
    bucket, s3 = loaded_bucket, environment(s3_server)
    before, stood = state_on_s3(s3_server, bucket), keys(s3_server, bucket)
    gone = [
        next(key for key in stood if key.startswith(prefix))
        for prefix in ("training/ct/", "training/mri-metadata/", "validation/data/")
    ]
    for key in gone:
        s3_server.client.delete_object(Bucket=bucket, Key=key)
    asked = command("warehouse", "retry", bucket, "--missing", env=s3)
    assert (asked.code, counts(asked)) == (0, {"its copy is gone": 2, "its metadata document is gone": 1})
    asked = command("warehouse", "retry", bucket, env=s3)
    assert (asked.code, counts(asked)) == (0, QUARANTINED)
    assert command("warehouse", "load", bucket, env=s3).code == 0
    assert state_on_s3(s3_server, bucket) == before
    after = keys(s3_server, bucket)
    assert [key for key in stood if key not in after] == []


@pytest.mark.parametrize("options", [[], ["--missing"], ["--dry-run"]])
def test_a_lost_catalog_is_not_told_as_nothing_to_look_at_again(command, loaded, options):
    # As a rebuilding leaves it that was cut short after the logs were removed.
    for log in loaded.glob("catalog/*/_delta_log"):
        shutil.rmtree(log)
    before = tree(loaded)
    asked = command("warehouse", "retry", loaded, *options)
    assert (asked.code, asked.out) == (2, "")
    assert "`warehouse catalog rebuild --replace`" in asked.err
    assert tree(loaded) == before
