"""Every exit code, reached by the real commands; bad input is one clear line and never a traceback."""

import json
import os
import signal
import subprocess
import time

import pytest

from support import bare_environment, script

CONFIG = {
    "raw_prefixes": ["raw-a"],
    "training_percentage": 50,
    "sites": {"split": [], "training": ["Train"], "validation": ["Valid"]},
}

LOADERS = {
    "warehouse": lambda folder, *flags: ("warehouse", "load", folder, *flags),
    "bonobo": lambda folder, *flags: (
        "bonobo",
        "run",
        "-m",
        "warehouse.warehouseloader",
        "-e",
        f"WAREHOUSE_BUCKET={folder}",
    ),
}


@pytest.fixture
def bucket(tmp_path):
    folder = tmp_path / "bucket"
    (folder / "raw-a/2020-01-01/data").mkdir(parents=True)
    (folder / "raw-a/2020-01-01/images").mkdir()
    (folder / "config.json").write_text(json.dumps(CONFIG))
    return folder


def clinical(bucket, patient, site="Train"):
    record = {"Pseudonym": patient, "SubmittingCentre": site}
    (bucket / f"raw-a/2020-01-01/data/{patient}_data.json").write_text(json.dumps(record))


@pytest.fixture(params=sorted(LOADERS))
def load(request, command):
    return lambda folder, *flags, **how: command(*LOADERS[request.param](folder, *flags), **how)


@pytest.fixture(params=sorted(LOADERS))
def load_started(request, started_in, tmp_path):
    """The same, always from the script: each code is once that of a process that was started by itself."""
    return lambda folder, *flags: started_in(tmp_path, *LOADERS[request.param](folder, *flags))


def test_0_everything_loaded(load_started, bucket):
    clinical(bucket, "P1")
    assert load_started(bucket).code == 0


def test_0_with_some_quarantined(load, bucket):
    clinical(bucket, "P1")
    (bucket / "raw-a/2020-01-01/images/x.dcm").write_bytes(b"")
    assert load(bucket).code == 0


def test_2_no_bucket_is_named(command):
    for words in (("warehouse", "load"), ("bonobo", "run", "-m", "warehouse.warehouseloader")):
        refused = command(*words)
        assert refused.code == 2
        assert "WAREHOUSE_BUCKET" in refused.err


def one_line(ended):
    lines = ended.err.splitlines()
    assert len(lines) == 1, ended.err
    return lines[0]


def test_2_the_folder_is_missing(load_started, tmp_path):
    refused = load_started(tmp_path / "nowhere")
    assert refused.code == 2
    assert one_line(refused).startswith("error: ")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "config.json"),
        ("{", "JSON"),
        ('{"raw_prefixes": ["training/"]}', "raw_prefixes"),
        (json.dumps({**CONFIG, "sites": {"split": ["A"], "training": ["A"]}}), "twice"),
        (
            json.dumps({**CONFIG, "sites": {"split": ["A"]}, "training_percentage": None}),
            "training_percentage",
        ),
        (json.dumps({**CONFIG, "sites": {"test": ["A"]}}), "group"),
    ],
)
def test_2_the_configuration_is_bad(load, bucket, text, words):
    clinical(bucket, "P1")
    if text is None:
        (bucket / "config.json").unlink()
    else:
        (bucket / "config.json").write_text(text)
    refused = load(bucket)
    assert refused.code == 2
    assert words in one_line(refused)
    assert not (bucket / "training").exists()
    assert not (bucket / "catalog").exists()


def test_2_usage(command, bucket):
    assert command("warehouse", "load", bucket, "--concurrency", "0").code == 2
    assert command("warehouse", "load", bucket, "--no-such-flag").code == 2
    assert command("warehouse", "load", "s3://bucket/prefix").code == 2
    both = {"WAREHOUSE_BUCKET": "b-1", "BUCKET_NAME": "b-2"}
    assert command("warehouse", "load", env=both).code == 2


def test_3_strict_and_something_newly_quarantined(command, bucket):
    clinical(bucket, "P1")
    (bucket / "raw-a/2020-01-01/images/x.dcm").write_bytes(b"no image")
    assert command("warehouse", "load", bucket, "--strict").code == 3
    assert command("warehouse", "load", bucket, "--strict").code == 0


def test_3_nothing_arrived_and_something_was_quarantined(load_started, bucket):
    (bucket / "raw-a/2020-01-01/images/x.dcm").write_bytes(b"no image")
    assert load_started(bucket).code == 3


def test_4_something_was_deferred_by_a_fault(load_started, bucket):
    clinical(bucket, "P1")
    (bucket / "training").mkdir()
    (bucket / "training/data").write_text("a file where a folder is needed")
    clinical(bucket, "P2", "Valid")
    ended = load_started(bucket)
    assert ended.code == 4
    assert (bucket / "validation/data/P2/data_2020-01-01.json").is_file()
    (bucket / "training/data").unlink()
    assert load_started(bucket).code == 0
    assert (bucket / "training/data/P1/data_2020-01-01.json").is_file()


def test_5_a_patient_stands_in_both_sets(load_started, bucket):
    clinical(bucket, "P1")
    clinical(bucket, "P2")
    for group in ("training", "validation"):
        (bucket / group / "data/P1").mkdir(parents=True)
        (bucket / group / "data/P1/data_2019-01-01.json").write_text("{}")
    assert load_started(bucket).code == 5
    assert (bucket / "training/data/P2").is_dir()


def test_70_an_internal_error(load, bucket, tmp_path):
    clinical(bucket, "P1")
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "sitecustomize.py").write_text(
        "import warehouse.storage.ledger as ledger\n"
        "def close(self):\n"
        "    raise ZeroDivisionError('P1')\n"
        "ledger.Ledger.close = close\n"
    )
    ended = load(bucket, env={"PYTHONPATH": str(broken)})
    assert ended.code == 70
    assert "ZeroDivisionError" in ended.err
    assert "P1" not in ended.err + ended.out


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("name", sorted(LOADERS))
def test_130_and_143_stopped_by_a_signal_and_completed_by_the_next_run(name, signum, code, drop, command):
    running = subprocess.Popen(
        [script(LOADERS[name](drop)[0]), *map(str, LOADERS[name](drop)[1:])],
        env=bare_environment(WAREHOUSE_CONCURRENCY="1"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        patience = time.monotonic() + 120
        while not any(drop.glob("training/ct/*/*/*/*.dcm")):
            assert running.poll() is None, running.stderr.read()
            assert time.monotonic() < patience
            time.sleep(0.01)
        os.kill(running.pid, signum)
        _, errors = running.communicate(timeout=120)
    finally:
        if running.poll() is None:
            running.kill()
            running.wait()
    assert running.returncode == code, errors
    assert "Traceback" not in errors
    assert command("warehouse", "load", drop).code == 0
    third = command("warehouse", "load", drop)
    assert "There is nothing to do" in third.out


def test_the_report_says_what_the_command_ended_with(command, bucket, tmp_path):
    (bucket / "raw-a/2020-01-01/images/x.dcm").write_bytes(b"no image")
    command("warehouse", "load", bucket, "--report", tmp_path / "r.json")
    report = json.loads((tmp_path / "r.json").read_text())
    assert report["exit_code"] == 3
    assert report["services"]["ledger"]["reasons"] == {"not-dicom": 1}


def test_a_report_that_cannot_be_written_is_said_before_anything_is_decided(command, bucket, tmp_path):
    clinical(bucket, "P1")
    refused = command("warehouse", "load", bucket, "--report", tmp_path / "no" / "r.json")
    assert refused.code == 2
    assert not (bucket / "training").exists()
