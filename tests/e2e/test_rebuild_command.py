"""The real command on a folder and on S3: a catalog that was lost comes back, and nothing is copied twice."""

import shutil
import subprocess
import sys

import pytest
from test_commands import tree, whole_tree
from test_s3 import environment, keys, state_on_s3

from support import bare_environment, state
from warehouse.errors import QueryError
from warehouse.storage.delta import DeltaCatalog
from warehouse.storage.folder import FolderStore

# What kills itself like a machine that goes down, once so many objects of the old catalog are removed.
DYING = """
import os, sys
from warehouse.storage.catalog_files import FolderCatalogFiles

left = [int(sys.argv.pop(1))]
remove = FolderCatalogFiles.remove

def dying(files, key):
    remove(files, key)
    left[0] -= 1
    if left[0] == 0:
        os._exit(137)

FolderCatalogFiles.remove = dying
from warehouse.cli import main
main()
"""


def state_of(folder):
    return state(FolderStore(str(folder)), DeltaCatalog(str(folder)))


def outside(folder):
    """The bytes and times of all that is no catalog."""
    return {path: what for path, what in whole_tree(folder).items() if "catalog" not in path and what[1]}


def damage(folder):
    for entry in folder.glob("catalog/objects/_delta_log/*.json"):
        entry.write_text("no log")


def rebuilt_and_loaded(command, folder, *words):
    """Make the catalog anew, then load; both end well, and neither touches anything else."""
    before = outside(folder)
    made = command("warehouse", "catalog", "rebuild", folder, *words)
    assert made.code == 0, made.err
    assert outside(folder) == before
    ended = command("warehouse", "load", folder)
    assert ended.code == 0, ended.err
    assert outside(folder) == before
    return made, ended


def test_a_catalog_that_was_deleted(command, loaded):
    before = state_of(loaded)
    shutil.rmtree(loaded / "catalog")
    made, ended = rebuilt_and_loaded(command, loaded)
    assert "raw objects that stand in the sets                       183" in made.out
    assert "223 raw objects: 183 decided by an earlier run, 40 looked at now." in ended.out
    assert "\nloaded" not in ended.out
    assert state_of(loaded) == before
    assert command("warehouse", "split", "audit", loaded).code == 0


def test_a_catalog_whose_log_is_damaged(command, loaded):
    before = state_of(loaded)
    damage(loaded)
    for words in (("load", loaded), ("query", loaded, "SELECT 1 FROM objects")):
        failed = command("warehouse", *words)
        assert failed.code == 4
        assert "`warehouse catalog rebuild --replace`" in failed.err
    stood = whole_tree(loaded)
    refused = command("warehouse", "catalog", "rebuild", loaded)
    assert refused.code == 2
    assert "a damaged catalog stands here: --replace" in refused.err
    assert whole_tree(loaded) == stood
    rebuilt_and_loaded(command, loaded, "--replace")
    assert state_of(loaded) == before


def test_a_catalog_one_of_whose_files_is_gone(command, loaded):
    before = state_of(loaded)
    next(loaded.glob("catalog/objects/*.parquet")).unlink()
    refused = command("warehouse", "catalog", "rebuild", loaded)
    assert (refused.code, "damaged" in refused.err) == (2, True)
    rebuilt_and_loaded(command, loaded, "--replace")
    assert state_of(loaded) == before


def test_one_that_can_be_read_is_replaced_only_where_that_is_asked_for(command, loaded):
    before, stood = state_of(loaded), whole_tree(loaded)
    refused = command("warehouse", "catalog", "rebuild", loaded)
    assert refused.code == 2
    assert "can be read" in refused.err
    assert refused.err.count("\n") == 1
    assert whole_tree(loaded) == stood
    rebuilt_and_loaded(command, loaded, "--replace")
    assert state_of(loaded) == before
    runs = DeltaCatalog(str(loaded)).query("SELECT known FROM runs").to_pylist()
    assert runs == [{"known": 183}]


def test_older_versions_are_said_to_be_gone(command, loaded):
    command("warehouse", "load", loaded)
    command("warehouse", "catalog", "rebuild", loaded, "--replace")
    for moment in ("7", "2020-01-01"):
        for words in (("query", loaded, "SELECT 1 FROM images"), ("cohort", loaded, "--where", "true")):
            refused = command("warehouse", *words, "--as-of", moment)
            assert refused.code == 2
            assert "it was made anew at 20" in refused.err
            assert "what was there before is gone" in refused.err
    # The tables of the sets are published of the new catalog; those of before stand, by their time.
    with pytest.raises(QueryError, match="not that old"):
        DeltaCatalog(str(loaded)).snapshot(FolderStore(loaded).head("config.json").last_modified)
    shown = command("warehouse", "query", loaded, "SELECT count(*) FROM images", "--set", "training")
    assert shown.code == 0
    again = command(
        "warehouse", "query", loaded, "SELECT count(*) FROM images", "--set", "training", "--as-of", "0"
    )
    assert (again.code, again.out) == (0, shown.out)


@pytest.mark.parametrize("removed", [1, 2, 99])
def test_a_kill_half_way(loaded, command, removed, tmp_path):
    before = state_of(loaded)
    shutil.rmtree(loaded / "catalog" / "runs")
    stood = len([path for path in loaded.glob("catalog/**/*") if path.is_file()])
    script = tmp_path / "dying.py"
    script.write_text(DYING)
    killed = subprocess.run(
        [sys.executable, script, str(min(removed, stood)), "catalog", "rebuild", loaded, "--replace"],
        env=bare_environment(),
        capture_output=True,
        timeout=240,
        check=False,
    )
    assert killed.returncode == 137, killed.stderr
    rebuilt_and_loaded(command, loaded, "--replace")
    assert state_of(loaded) == before


def test_what_cannot_be_read_leaves_everything_as_it_was(command, s3_server, loaded_bucket):
    bucket, s3 = loaded_bucket, environment(s3_server)
    before = keys(s3_server, bucket)
    s3_server.plan("GetObject", 403, "AccessDenied", times=1, about="training/ct/")
    failed = command("warehouse", "catalog", "rebuild", bucket, "--replace", env=s3)
    assert failed.code == 4
    assert "NOTHING WAS CHANGED: 1 objects could not be read" in failed.out
    assert keys(s3_server, bucket) == before


def test_a_bucket_also_where_a_removal_fails_half_way(command, s3_server, loaded_bucket):
    bucket, s3 = loaded_bucket, environment(s3_server)
    before, stood = state_on_s3(s3_server, bucket), keys(s3_server, bucket)
    s3_server.plan("DeleteObject", 403, "AccessDenied", times=1, about="runs/_delta_log")
    failed = command("warehouse", "catalog", "rebuild", bucket, "--replace", env=s3)
    assert failed.code == 4
    assert "permission" in failed.err
    made = command("warehouse", "catalog", "rebuild", bucket, "--replace", env=s3)
    assert made.code == 0, made.err
    s3_server.seen.clear()
    ended = command("warehouse", "load", bucket, env=s3)
    assert ended.code == 0
    assert not {"CopyObject", "CreateMultipartUpload"} & set(s3_server.names_seen())
    assert state_on_s3(s3_server, bucket) == before
    after = keys(s3_server, bucket)
    kept = [key for key in stood if "catalog/" not in key]
    assert {key: after[key] for key in kept} == {key: stood[key] for key in kept}


def test_nobody_is_named(command, loaded):
    shutil.rmtree(loaded / "catalog")
    next(loaded.glob("assignments/patients/*.json")).write_text("{}")
    made = command("warehouse", "catalog", "rebuild", loaded)
    assert made.code == 0
    assert "left out:" in made.out
    assert "demo0" not in (made.out + made.err).lower()
    assert tree(loaded)
