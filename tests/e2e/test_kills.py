"""The real `warehouse load`, killed at random times and run again; and four of them at once on one bucket."""

import json
import os
import random
import signal
import subprocess
import time

import pytest

from hard_drop import FolderPlace, MemoryPlace, S3Place, warehouse_in
from support import NOT_COMPARED, bare_environment, load, script, state
from warehouse.storage.folder import FolderStore

KILLS = 20
NIGHTLY_KILLS = 200
AT_ONCE = 4
TIMEOUT = 120


@pytest.fixture(scope="module")
def expected():
    """What a load that nobody disturbs leaves."""
    opening = MemoryPlace().copy()
    assert load(*opening()).code == 0
    return state(*opening())


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    return FolderPlace(tmp_path_factory.mktemp("kills"))


def start(bucket, env=None):
    return subprocess.Popen(
        [script("warehouse"), "load", str(bucket)],
        env=bare_environment(**(env or {})),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process):
    try:
        _, errors = process.communicate(timeout=TIMEOUT)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    assert "Traceback" not in errors
    return process.returncode, errors


def files(folder):
    return sum(len(names) for _, _, names in os.walk(folder))


def kill_after(folder, more, pause):
    """Start a load, kill it once so many more files stand; whether it was still running."""
    before = files(folder)
    process = start(folder)
    patience = time.monotonic() + TIMEOUT
    while process.poll() is None and (stand := files(folder)) < before + more:
        assert time.monotonic() < patience
        # Until the first file, modules are imported: looking all the time would only slow them down.
        time.sleep(0.02 if stand == before else 0.002)
    time.sleep(pause)
    process.send_signal(signal.SIGKILL)
    return ended(process)[0] == -signal.SIGKILL


def assert_whole(folder, expected):
    """Whatever a kill leaves in sight is whole: an object of the two sets, an assignment, an upload."""
    tree, assignments, _ = expected
    store = FolderStore(folder)
    for info in store.list():
        area = info.key.split("/", 2)
        if info.key in tree:
            assert store.read(info.key).data == tree[info.key]
        elif info.key in assignments:
            claim = json.loads(store.read(info.key).data)
            assert {name: claim[name] for name in claim if name not in NOT_COMPARED} == assignments[info.key]
        else:
            assert area[0] in ("config.json", "raw-a", "raw-b", "catalog") or area[1] == "catalog", area[0]


def kill_and_run_again(folders, expected, kills, seed):
    """Kill loads of one folder after another until there were so many kills; each folder ends as expected."""
    print(f"seed {seed}")
    chance = random.Random(seed)
    killed = finished = 0
    while killed < kills:
        folder = folders.copy_folder()
        uploads = {path: path.stat().st_mtime_ns for path in folder.glob("raw-*/**/*") if path.is_file()}
        for _ in range(min(10, kills - killed)):
            if not kill_after(folder, chance.randrange(30), chance.uniform(0, 0.03)):
                break
            killed += 1
            assert_whole(folder, expected)
        code, errors = ended(start(folder))
        assert code == 0, errors
        assert state(*warehouse_in(folder)) == expected
        assert {path: path.stat().st_mtime_ns for path in uploads} == uploads
        finished += 1
        assert finished <= kills, "loads end before they are killed"
    print(f"{killed} kills, {finished} folders")


@pytest.mark.timeout(1200)
def test_killed_at_random_times_and_run_again(folders, expected, record_property):
    seed = random.randrange(2**32)
    record_property("seed", seed)
    kill_and_run_again(folders, expected, KILLS, seed)


@pytest.mark.nightly
@pytest.mark.timeout(3600)
def test_killed_at_random_times_many_times(folders, expected):
    kill_and_run_again(folders, expected, NIGHTLY_KILLS, random.randrange(2**32))


def all_at_once(bucket, env=None):
    """Let several loads run at once; each ends well, or incomplete because others kept committing first."""
    ends = [ended(process) for process in [start(bucket, env) for _ in range(AT_ONCE)]]
    print([code for code, _ in ends])
    for code, errors in ends:
        assert code == 0 or (code == 4 and "run again" in errors), errors


def test_four_at_once_in_a_folder_are_one(folders, expected):
    folder = folders.copy_folder()
    all_at_once(folder)
    assert_whole(folder, expected)
    assert state(*warehouse_in(folder)) == expected


def test_four_at_once_on_s3_are_one(s3_server, expected):
    place = S3Place(s3_server)
    bucket = place.copy_bucket()
    all_at_once(f"s3://{bucket}", s3_server.environment)
    assert state(*place.open(bucket)) == expected
