"""Bad usage of the real commands: one line on stderr and the code of the table, and never a wait."""

import json
import os
import shlex
import subprocess
import sys

import pytest

from support import bare_environment, script

AWS = {"AWS_ACCESS_KEY_ID": "test-access-key", "AWS_SECRET_ACCESS_KEY": "test-secret-key"}
ROLE = "arn:aws:iam::123456789012:role/loader"
NO_SERVER = {**AWS, "AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_MAX_ATTEMPTS": "1"}


def refused(ended, code=2):
    assert ended.code == code, ended.err
    (line,) = ended.err.splitlines()
    assert line.startswith("error: ")
    return line


def redirected(words, redirection, cwd, **environment):
    """Run a command under a shell's redirection; its code and stderr."""
    line = f"exec {shlex.join([script(words[0]), *map(str, words[1:])])} {redirection}"
    return subprocess.run(
        ["sh", "-c", line],
        cwd=cwd,
        env=bare_environment(**environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    "bucket", ["file://[", "file:///tmp/no such#2", "http://x", "S3://x", "a b", "b" * 400, "s3://a"]
)
def test_a_bucket_that_cannot_be(command, bucket):
    refused(command("warehouse", "load", bucket))


def test_a_bucket_that_is_no_text(tmp_path):
    done = subprocess.run(
        [script("warehouse"), "load", b"d\xff"],
        cwd=tmp_path,
        env=bare_environment(),
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith(b"error: ")
    assert done.stderr.count(b"\n") == 1


def test_an_unusable_bucket_is_named(command, tmp_path):
    line = refused(command("warehouse", "load", tmp_path / "no#where"))
    assert f"{tmp_path}/no#where cannot be used: the folder does not exist" in line
    line = refused(command("warehouse", "load", "some-bucket", env=NO_SERVER))
    assert "s3://some-bucket cannot be used: " in line
    assert "no folder of that name" in line
    assert "no folder" not in refused(command("warehouse", "load", "s3://some-bucket", env=NO_SERVER))


COMMANDS = (
    ("load",),
    ("centres",),
    ("process",),
    ("report",),
    ("split", "preview"),
    ("split", "audit"),
    ("config", "check"),
    ("query", "SELECT 1"),
    ("cohort", "--where", "true"),
)


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_what_named_an_unusable_bucket_is_told(command, words):
    absent = {"AWS_EC2_METADATA_DISABLED": "true", "WAREHOUSE_BUCKET": "nosuch"}
    line = refused(command("warehouse", *words, env=absent))
    assert "no folder of that name here either; named by WAREHOUSE_BUCKET" in line
    bucket = "./nosuch"
    named = (words[0], bucket, *words[1:]) if words[0] in ("query", "cohort") else (*words, bucket)
    line = refused(command("warehouse", *named))
    assert line == (
        "error: ./nosuch cannot be used: the folder does not exist; create it, or name another one "
        "(named by the argument BUCKET)"
    )


@pytest.mark.parametrize(
    ("setting", "names"),
    [
        ({"AWS_ENDPOINT_URL": "not a url"}, "AWS_ENDPOINT_URL"),
        ({"AWS_ENDPOINT_URL_S3": "http://[::1"}, "AWS_ENDPOINT_URL_S3"),
        ({"AWS_DEFAULT_REGION": "!!"}, "AWS_DEFAULT_REGION"),
        ({"AWS_CONFIG_FILE": "malformed"}, "AWS_CONFIG_FILE"),
        ({"AWS_SECRET_ACCESS_KEY": ""}, "AWS_SECRET_ACCESS_KEY"),
        ({"WAREHOUSE_CONCURRENCY": "1" * 5000}, "WAREHOUSE_CONCURRENCY"),
    ],
)
def test_settings_that_cannot_be_used(command, tmp_path, setting, names):
    (tmp_path / "malformed").write_text("[[[")
    line = refused(command("warehouse", "load", "s3://some-bucket", env={**AWS, **setting}))
    assert names in line
    for value in ("not a url", "!!", AWS["AWS_SECRET_ACCESS_KEY"]):
        assert value not in line


def test_a_role_that_is_none_or_cannot_be_assumed(command):
    assert "--role-arn" in refused(
        command("warehouse", "load", "s3://some-bucket", "--role-arn", "me", env=AWS)
    )
    # botocore logs the failure with a traceback that quotes the request.
    ended = command("warehouse", "load", "s3://some-bucket", "--role-arn", ROLE, env=NO_SERVER)
    refused(ended)


@pytest.mark.parametrize("report", ["", "no/r.json", "/proc/x", "n" * 300, "pipe"])
def test_a_report_that_cannot_be_written_is_found_before_anything_is_decided(command, drop, tmp_path, report):
    os.mkfifo(tmp_path / "pipe")
    refusal = command("warehouse", "load", drop, "--report", report)
    # An empty place is no place: that is the command line's own refusal, with its usage.
    assert "report" in (refusal.err.splitlines()[-1] if not report else refused(refusal))
    assert refusal.code == 2
    assert not (drop / "training").exists()
    ended = command("bonobo", "run", "-m", "warehouse.warehouseloader", "--report", report)
    assert ended.code == 2
    assert "report" in ended.err.splitlines()[-1]


def test_a_report_on_standard_output(command, drop, tmp_path):
    printed = command("warehouse", "load", drop, "--report", "/dev/stdout", "--dry-run")
    report, end = json.JSONDecoder().raw_decode(printed.out)
    assert report["exit_code"] == printed.code == 0
    assert "raw objects" in printed.out[end:]
    with (tmp_path / "out").open("wb") as file:
        words = [script("warehouse"), "load", drop, "--report", "/dev/stdout", "--dry-run"]
        subprocess.run(
            words, env=bare_environment(), stdout=file, stderr=subprocess.PIPE, timeout=60, check=True
        )
    assert "raw objects" in (tmp_path / "out").read_text()[end:]


def test_a_folder_that_the_demo_cannot_write(command):
    for folder in ("/dev/null/x", "/proc/foo", "n" * 400):
        refused(command("warehouse", "demo", folder))


def test_the_demo_advises_the_header_of_a_ct_image(command, tmp_path):
    advice = command("warehouse", "demo", "my drop").out
    (line,) = (line for line in advice.splitlines() if "warehouse header" in line)
    printed = command(*shlex.split(line))
    assert json.loads(printed.out)["00080060"]["Value"] == ["CT"]


def test_what_is_no_file(command, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    refused(command("warehouse", "header", "pipe"))
    refused(command("warehouse", "config", "check", "./pipe"))
    assert "WAREHOUSE_BUCKET" in refused(command("warehouse", "config", "check"))


def test_config_check_takes_its_bucket_from_the_environment(command, drop):
    assert "valid" in command("warehouse", "config", "check", env={"WAREHOUSE_BUCKET": str(drop)}).out


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("redirection", [">/dev/full", ">&-"])
@pytest.mark.parametrize("words", ["header", "config check", "split preview"])
def test_standard_output_that_cannot_be_written(drop, words, redirection, unbuffered):
    named = min(drop.glob("raw-northfield/*/images/*-*-*-*-*.dcm")) if words == "header" else drop
    line = ("warehouse", *words.split(), named)
    done = redirected(line, redirection, drop, PYTHONUNBUFFERED=unbuffered)
    assert done.returncode == 4
    (told,) = (line for line in done.stderr.splitlines() if not line.startswith(" - "))
    assert told.startswith("error: standard output cannot be written: ")


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_that_has_seen_enough(drop, unbuffered):
    image = min(drop.glob("raw-northfield/*/images/*-*-*-*-*.dcm"))
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [script("warehouse"), "header", image],
            env=bare_environment(PYTHONUNBUFFERED=unbuffered),
            stdout=writing,
            stderr=subprocess.PIPE,
            timeout=60,
            check=False,
        )
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")


def test_help_lists_whole_sentences_and_bonobo_says_its_version(command):
    listed = command("warehouse", "--help").out
    assert "..." not in listed.partition("Commands:")[2]
    for words in (("load",), ("config",), ("config", "check")):
        assert "...\n" not in command("warehouse", *words, "--help").out.partition("\n")[2]
    assert command("bonobo", "--version").out == command("bonobo", "version").out


def test_an_interrupt_while_modules_are_read_ends_it_quietly():
    code = """
import os, signal, sys
class Interrupting:
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name == "warehouse.cli":
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Interrupting)
from warehouse.__main__ import main
main()
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, env=bare_environment(), timeout=60, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"")


def test_less_than_one_in_a_hundred_is_doubted_in_a_preview(command, drop):
    previewed = command("warehouse", "split", "preview", drop, "--training-percentage", "0.5")
    assert previewed.code == 0
    assert "less than one in a hundred" in previewed.err
