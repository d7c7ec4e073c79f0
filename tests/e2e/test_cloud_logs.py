"""`warehouse cloud logs` on moto: every fragment of the right stream, and what comes until the task ends."""

import json
import time

import pytest
from cloud_server import REGION
from moto.core import DEFAULT_ACCOUNT_ID
from moto.logs.models import logs_backends

STREAM = "warehouseloader/pipeline/one"


@pytest.fixture
def logs(command, cloud_server, installation):
    """Print a log of the stack."""

    def run(*words):
        env = cloud_server.environment
        return command("warehouse", "cloud", "logs", *words, "--stack", installation.name, env=env)

    return run


def messages(ended):
    assert ended.code == 0, ended.err
    return [line.partition(" ")[2] for line in ended.out.splitlines()]


def in_fragments(server, fragments):
    """Let a stream come in pages: an empty one is not the last, the last gives its own token back."""

    def page(request):
        number = int(request.get("nextToken", "f/0")[2:])
        here = fragments[number] if number < len(fragments) else []
        events = [{"timestamp": n, "message": one, "ingestionTime": n} for n, one in enumerate(here)]
        following = min(number + 1, len(fragments))
        return 200, {"events": events, "nextForwardToken": f"f/{following}", "nextBackwardToken": "b/0"}

    server.instead["GetLogEvents"] = page


def test_all_fragments_also_behind_an_empty_one(logs, cloud_server, installation):
    cloud_server.log(installation, STREAM, ["never shown"])
    in_fragments(cloud_server, [["a", "b"], [], [], ["c"], []])
    assert messages(logs()) == ["a", "b", "c"]
    assert messages(logs("--stream", "any")) == ["a", "b", "c"]


def test_the_latest_of_all_or_of_one_pipeline(logs, cloud_server, installation):
    now = int(time.time() * 1000)
    cloud_server.log(installation, STREAM, ["old"], now - 60_000)
    cloud_server.log(installation, "warehouseloader/pipeline/two", ["new"], now - 30_000)
    cloud_server.log(installation, "dataprocess/pipeline/three", ["tables"], now)
    cloud_server.log(installation, "somebody/else", ["strange"], now + 1)
    assert messages(logs()) == ["tables"]
    assert messages(logs("--pipeline", "loader")) == ["new"]
    assert messages(logs("--stream", STREAM)) == ["old"]


def test_what_is_not_there(logs, installation):
    ended = logs()
    assert ended.code == 2
    assert "nothing has been logged" in ended.err
    ended = logs("--stream", "warehouseloader/pipeline/none")
    assert ended.code == 2
    assert "there is no stream warehouseloader/pipeline/none" in ended.err
    assert logs("--stream", "x", "--pipeline", "loader").code == 2


def test_as_text_and_as_json_lines(logs, cloud_server, installation):
    line = {"time": "2026-01-01T00:00:00.000Z", "level": "warning", "run": "r", "message": "odd"}
    cloud_server.log(installation, STREAM, [json.dumps(line), "plain \x1b[31mred"])
    first, second = logs().out.splitlines()
    assert first == "2026-01-01T00:00:00.000Z warning: odd"
    assert second.endswith(r"Z plain \x1b[31mred")
    first, second = map(json.loads, logs("--format", "json").out.splitlines())
    assert first == line
    assert second["message"] == "plain \x1b[31mred"


def test_into_a_file_that_is_whole_or_not_there(logs, cloud_server, installation, tmp_path):
    cloud_server.log(installation, STREAM, ["a", "b"])
    ended = logs("--out", tmp_path / "log")
    assert (ended.code, ended.out) == (0, "")
    assert len((tmp_path / "log").read_text().splitlines()) == 2
    cloud_server.instead["GetLogEvents"] = lambda _: (400, {"__type": "AccessDeniedException"})
    ended = logs("--out", tmp_path / "other")
    assert ended.code == 2
    assert "logs:GetLogEvents" in ended.err
    assert not (tmp_path / "other").exists()


def test_follow_ends_when_the_task_has_stopped(logs, cloud_server, installation, command):
    env = cloud_server.environment
    started = command("warehouse", "cloud", "run", "loader", "--stack", installation.name, env=env)
    stream = f"warehouseloader/pipeline/{started.out.strip()}"
    cloud_server.log(installation, stream, ["first"])
    backend = logs_backends[DEFAULT_ACCOUNT_ID][REGION]
    looks = []

    def look(_):
        looks.append(len(looks))
        event = {"timestamp": int(time.time() * 1000) + len(looks), "message": f"line {len(looks)}"}
        backend.put_log_events(installation.group, stream, [event])

    # Each look at the task advances moto's: it has ended with the fourth.
    cloud_server.instead["DescribeTasks"] = look
    found = messages(logs("--follow", "--interval", "0.05"))
    assert found == ["first", *(f"line {number + 1}" for number in looks)]
    assert 3 <= len(looks) <= 5


def test_follow_waits_for_the_first_line_of_a_task_that_goes_on(logs, cloud_server, installation):
    backend = logs_backends[DEFAULT_ACCOUNT_ID][REGION]
    looks = iter(["RUNNING", "RUNNING", "STOPPED", "STOPPED"])

    def look(request):
        status = next(looks)
        if status == "STOPPED":
            backend.create_log_stream(installation.group, STREAM)
            event = {"timestamp": int(time.time() * 1000), "message": "late"}
            backend.put_log_events(installation.group, STREAM, [event])
        return 200, {"tasks": [{"taskArn": request["tasks"][0], "lastStatus": status, "containers": []}]}

    cloud_server.instead["DescribeTasks"] = look
    ended = logs("--stream", STREAM, "--follow", "--interval", "0.05")
    assert ended.code == 0, ended.err
    assert messages(ended) == ["late"]


def test_follow_of_a_task_that_is_forgotten_ends_at_once(logs, cloud_server, installation):
    cloud_server.log(installation, STREAM, ["a"])
    cloud_server.instead["DescribeTasks"] = lambda _: (
        200,
        {"tasks": [], "failures": [{"reason": "MISSING"}]},
    )
    assert messages(logs("--follow", "--interval", "0.05")) == ["a"]
