"""`warehouse cohort` by the real command: one list from a folder and from S3, fetched whole though killed."""

import os
import pty
import signal
import subprocess
import time

from test_s3 import environment

from support import bare_environment, script

WHERE = "type IN ('ct', 'xray') AND site LIKE 'Northfield%'"


def keys_of(manifest):
    return [
        line.split(",")[0] for line in manifest.splitlines() if line.startswith(("training/", "validation/"))
    ]


def fetched(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and ".warehouse-tmp" not in path.parts
    }


def test_a_cohort_from_a_folder(command, loaded_once, tmp_path):
    made = command("warehouse", "cohort", loaded_once, "--where", WHERE, "--out", "m.csv")
    assert (made.code, made.err) == (0, "")
    keys = keys_of((tmp_path / "m.csv").read_text())
    assert f"{len(keys)} images" in made.out
    ended = command("warehouse", "cohort", "fetch", "m.csv", "out")
    assert ended.code == 0, ended.err
    assert ended.out == f"fetched {len(keys)} ({ended.out.split('(')[1].split(')')[0]}), there already 0\n"
    assert fetched(tmp_path / "out") == {key: (loaded_once / key).read_bytes() for key in keys}


def test_no_is_an_answer_and_no_signal(command, loaded_once, tmp_path):
    command("warehouse", "cohort", loaded_once, "--where", WHERE, "--out", "m.csv")
    person, terminal = pty.openpty()
    try:
        os.write(person, b"n\n")
        ended = subprocess.run(
            [script("warehouse"), "cohort", "fetch", "m.csv", "out"],
            cwd=tmp_path,
            env=bare_environment(),
            stdin=terminal,
            capture_output=True,
            timeout=60,
            check=False,
        )
    finally:
        os.close(person)
        os.close(terminal)
    assert (ended.returncode, ended.stdout) == (0, b"")
    assert ended.stderr.endswith(b"nothing was fetched\n")
    assert not (tmp_path / "out").exists()


def test_what_fails_is_told_in_a_line_each(command, loaded_once, tmp_path):
    (tmp_path / "m.csv").write_bytes(b"key\n")
    for words in (("cohort", "fetch", "m.csv", "out"), ("cohort", loaded_once, "--where", "random() > 0")):
        refused = command("warehouse", *words)
        assert (refused.code, refused.out, len(refused.err.splitlines())) == (2, "", 1)
    command("warehouse", "cohort", loaded_once, "--where", "fold = 8", "--out", "m.csv")
    (key, *_) = keys_of((tmp_path / "m.csv").read_text())
    (tmp_path / "out" / key).mkdir(parents=True)
    ended = command("warehouse", "cohort", "fetch", "m.csv", "out")
    assert ended.code == 1
    assert "failed 1" in ended.out
    assert key in ended.out


def test_a_cohort_from_s3_is_that_of_the_folder_and_comes_though_the_fetch_was_killed(
    command, s3_server, loaded_bucket, loaded_once, tmp_path
):
    bucket, env = loaded_bucket, environment(s3_server, WAREHOUSE_CONCURRENCY="2")
    command("warehouse", "cohort", bucket, "--where", WHERE, "--out", "m.csv", env=env)
    keys = keys_of((tmp_path / "m.csv").read_text())
    assert keys == keys_of(command("warehouse", "cohort", loaded_once, "--where", WHERE).out)

    parts = ("--include", "images,metadata,clinical")
    killed = subprocess.Popen(
        [script("warehouse"), "cohort", "fetch", "m.csv", "out", *parts],
        cwd=tmp_path,
        env=bare_environment(**env),
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(lambda: (tmp_path / "out").exists() and len(fetched(tmp_path / "out")) > 3)
    finally:
        killed.send_signal(signal.SIGKILL)
        killed.wait(timeout=60)
    before = fetched(tmp_path / "out")
    assert all(data == (loaded_once / key).read_bytes() for key, data in before.items())

    # The server may come to what the killed one asked for only now; the second one has a key of its own.
    env["AWS_ACCESS_KEY_ID"] = "second-access-key"
    ended = command("warehouse", "cohort", "fetch", "m.csv", "out", *parts, env=env)
    assert ended.code == 0, ended.err
    after = fetched(tmp_path / "out")
    assert after == {key: (loaded_once / key).read_bytes() for key in after}
    assert {key for key in after if key.endswith(".dcm")} == set(keys)
    assert f"there already {len(before)}" in ended.out
    read = [
        one.path.removeprefix(f"/{bucket}/")
        for one in s3_server.seen
        if one.name == "GetObject" and "second-access-key" in one.headers["authorization"]
    ]
    assert sorted(read) == sorted(after.keys() - before.keys())


def wait_for(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "nothing came"
        time.sleep(0.01)
