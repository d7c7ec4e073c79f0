"""What a container runs, as it is run: its lines, its message on a queue that hears the topic, its code."""

import json
import os
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

from hard_drop import FolderPlace
from support import bare_environment, script

ROOT = Path(__file__).parents[2]
REGION = "eu-west-2"
TIMEOUT = 120
CENTRES = [
    "Eastgate University Hospital",
    "Northfield General Hospital",
    "Southmoor Royal Infirmary",
    "Westhaven Clinic",
]


@dataclass(frozen=True)
class Topic:
    """A topic, and a queue that hears it."""

    arn: str
    endpoint: str
    queue: str
    sqs: object

    def heard(self):
        """The messages since the last time, each as SNS wraps it for a queue."""
        got = self.sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get("Messages", [])
        for one in got:
            self.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=one["ReceiptHandle"])
        return [json.loads(one["Body"]) for one in got]


@pytest.fixture(scope="module")
def server():
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def topic(server):
    session = boto3.Session("test-access-key", "test-secret-key", region_name=REGION)
    sns, sqs = (session.client(name, endpoint_url=server) for name in ("sns", "sqs"))
    name = f"t{time.monotonic_ns()}"
    arn = sns.create_topic(Name=name)["TopicArn"]
    queue = sqs.create_queue(QueueName=name)["QueueUrl"]
    queue_arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"][
        "QueueArn"
    ]
    sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=queue_arn)
    return Topic(arn, server, queue, sqs)


@dataclass(frozen=True)
class Ended:
    """A task that ended: its code, and the objects that it wrote, a line each."""

    code: int
    out: list
    err: list

    @property
    def messages(self):
        return [line["message"] for line in self.out]

    @property
    def metrics(self):
        return next((line for line in self.out if "_aws" in line), None)


def environment_of(bucket, topic=None, **env):
    """What a task finds in its environment."""
    variables = {
        "WAREHOUSE_BUCKET": str(bucket),
        "WAREHOUSE_LOG_FORMAT": "json",
        "WAREHOUSE_STACK": "dev",
        "AWS_ACCESS_KEY_ID": "test-access-key",
        "AWS_SECRET_ACCESS_KEY": "test-secret-key",
        **({} if topic is None else {"TOPIC_ARN": topic.arn, "AWS_ENDPOINT_URL_SNS": topic.endpoint}),
        **env,
    }
    environment = bare_environment(**variables)
    # The image's PATH begins with its virtual environment.
    environment["PATH"] = os.pathsep.join([str(Path(script("warehouse")).parent), environment["PATH"]])
    return environment


def start(pipeline, bucket, topic=None, before=(), behind=(), **env):
    """Start a task by its command, as a container does; `before` are words that run it in turn, `behind` its
    arguments."""
    return subprocess.Popen(
        [*before, ROOT / "bin" / pipeline, *behind],
        env=environment_of(bucket, topic, **env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def end(process, lines=json.loads):
    try:
        out, err = process.communicate(timeout=TIMEOUT)
    finally:
        process.kill()
    return told(process.returncode, out, err, lines)


def told(code, out, err, lines=json.loads):
    assert "Traceback" not in out + err
    return Ended(code, *([lines(line) for line in text.splitlines()] for text in (out, err)))


@pytest.fixture(scope="module")
def run(forking):
    """Run a task to its end: by its command the first time that a pipeline is asked for, then as a fork."""
    met = set()

    def run(pipeline, bucket, topic=None, **env):
        if pipeline in met and not any(name.startswith("PYTHON") for name in env):
            environment = environment_of(bucket, topic, **env)
            return told(*forking.run("task", [pipeline], ROOT, environment, TIMEOUT))
        met.add(pipeline)
        return end(start(pipeline, bucket, topic, **env))

    return run


def files_in(folder):
    return sum(len(names) for _, _, names in os.walk(folder))


def wait_for(process, happened):
    """Wait until something happened while a process runs."""
    patience = time.monotonic() + TIMEOUT
    while not happened():
        assert process.poll() is None
        assert time.monotonic() < patience
        time.sleep(0.005)


def attributes(message):
    """The attributes of a message, each as what it says."""
    told = message["MessageAttributes"]
    return {
        name: json.loads(one["Value"]) if one["Type"] == "Number" or one["Value"][:1] == "{" else one["Value"]
        for name, one in told.items()
    }


def names_a_patient(text):
    return "Demo0" in text


def test_a_good_run_and_one_with_nothing_to_do(run, drop, topic):
    ended = run("warehouseloader", drop, topic)
    assert ended.code == 0, ended.err
    (message,) = topic.heard()
    assert message["Subject"] == "Pipeline finished - warehouseloader"
    first, *rest = message["Message"].splitlines()
    assert first.startswith("Pipeline run in 00h:0")
    assert first.endswith("s and exited with code 0.")
    assert "223 raw objects: none known yet, 223 looked at now." in rest
    told = attributes(message)
    assert (told["pipeline"], told["exit_code"]) == ("warehouseloader", 0)
    assert told["outcomes"] == {
        "loaded": 183, "present": 1, "quarantined": 12, "deferred": 26, "ignored": 1
    }  # fmt: skip
    assert told["run"]["waiting"]["patients"] == 3
    assert not names_a_patient(json.dumps(message))

    again = run("warehouseloader", drop, topic)
    assert again.code == 0
    assert "There is nothing to do; 26 wait for what is told below." in again.messages
    (second,) = topic.heard()
    assert "There is nothing to do; 26 wait for what is told below." in second["Message"].splitlines()
    retold = attributes(second)
    assert (retold["exit_code"], retold["outcomes"]["loaded"], retold["bytes"]["written"]) == (0, 0, 0)
    assert retold["catalog_version"] == told["catalog_version"]
    assert retold["run"]["known"] == 197


def test_each_line_is_an_object_that_says_whose_it_is(run, drop, topic):
    ended = run("warehouseloader", drop, topic)
    (message,) = topic.heard()
    names = {(line["pipeline"], line["run"]) for line in [*ended.out, *ended.err]}
    # It is the run of the message, too, and that of the catalog.
    assert names == {("warehouseloader", attributes(message)["run"]["run"])}
    assert f"Run {names.pop()[1]} of version" in message["Message"]
    assert all({"time", "level", "message"} <= set(line) for line in [*ended.out, *ended.err])
    assert ended.messages[-2] == message["Message"].splitlines()[0]
    assert ended.metrics == ended.out[-1]
    assert {"Stack": "dev", "Pipeline": "warehouseloader", "Loaded": 183}.items() <= ended.metrics.items()
    assert not names_a_patient(json.dumps([ended.out, ended.err]))


def test_the_run_of_the_catalog_has_the_same_name(run, command, drop):
    ended = run("warehouseloader", drop)
    asked = command("warehouse", "query", drop, "SELECT run FROM runs")
    assert asked.out.split() == ["run", ended.out[0]["run"]]


def test_a_run_that_cannot_begin(run, tmp_path, topic):
    ended = run("warehouseloader", tmp_path, topic)
    assert ended.code == 2
    (error,) = [line for line in ended.err if line["level"] == "error"]
    assert "config.json" in error["message"]
    (message,) = topic.heard()
    assert message["Message"].splitlines()[1] == f"error: {error['message']}"
    assert attributes(message)["exit_code"] == 2
    assert (ended.metrics["ExitCode"], ended.metrics["Succeeded"]) == (2, 0)


@pytest.mark.parametrize(
    ("pipeline", "env", "said"),
    [
        ("warehouseloader", {"WAREHOUSE_BUCKET": ""}, "no bucket"),
        ("submittingcentres", {"WAREHOUSE_CONCURRENCY": "many"}, "WAREHOUSE_CONCURRENCY"),
        ("dataprocess", {"WAREHOUSE_BUCKET": "/nonexistent/folder"}, "cannot be used"),
    ],
)
def test_settings_that_cannot_be_used_are_told_too(run, drop, topic, pipeline, env, said):
    ended = run(pipeline, drop, topic, **env)
    assert ended.code == 2
    assert said in ended.err[-1]["message"]
    (message,) = topic.heard()
    assert message["Subject"] == f"Pipeline finished - {pipeline}"
    assert "exited with code 2." in message["Message"]
    assert said in message["Message"].splitlines()[1]


def test_a_run_that_could_not_load_all(run, drop, topic):
    # What stands where a copy should go is no file, so that the store fails on one object after another.
    (drop / "training").write_text("in the way")
    ended = run("warehouseloader", drop, topic)
    assert ended.code == 4
    (message,) = topic.heard()
    assert message["Message"].splitlines()[0].endswith("exited with code 4.")
    assert attributes(message)["exit_code"] == ended.metrics["ExitCode"] == 4


def test_a_crash_inside(run, drop, topic, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\n"
        "class Broken:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'warehouse.storage.ledger':\n"
        "            import importlib.util, importlib.machinery\n"
        "            sys.meta_path.remove(self)\n"
        "            spec = importlib.util.find_spec(name)\n"
        "            execute = spec.loader.exec_module\n"
        "            def changed(module):\n"
        "                execute(module)\n"
        "                module.Ledger.record = lambda self, outcome: 1 // 0\n"
        "            spec.loader.exec_module = changed\n"
        "            return spec\n"
        "sys.meta_path.insert(0, Broken())\n"
    )
    ended = run("warehouseloader", drop, topic, PYTHONPATH=str(tmp_path))
    assert ended.code == 70
    (message,) = topic.heard()
    assert "exited with code 70." in message["Message"]
    assert "ZeroDivisionError" in message["Message"].splitlines()[1]
    assert attributes(message)["run"]["error"] == message["Message"].splitlines()[1].removeprefix("error: ")


def test_a_stopped_run_is_told_and_goes_on_with_the_next(run, tmp_path, topic):
    folder = FolderPlace(tmp_path).copy_folder()
    before = files_in(folder)
    process = start("warehouseloader", folder, topic, WAREHOUSE_CONCURRENCY="1")
    wait_for(process, lambda: files_in(folder) >= before + 5)
    process.send_signal(signal.SIGTERM)
    ended = end(process)
    assert ended.code == 143
    (message,) = topic.heard()
    assert "exited with code 143." in message["Message"]
    assert message["Message"].splitlines()[1] == "error: stopped by SIGTERM"
    assert ended.metrics["ExitCode"] == 143
    assert run("warehouseloader", folder).code == 0


def test_the_first_process_of_a_container_can_be_stopped(tmp_path, topic):
    """Its like gets no signal that it does not handle (pid_namespaces(7))."""
    alone = ["unshare", "--pid", "--fork", "--kill-child"]
    if shutil.which("unshare") is None or subprocess.run([*alone, "true"], check=False).returncode:
        pytest.skip("no namespace of processes can be made here")
    folder = FolderPlace(tmp_path).copy_folder()
    before = files_in(folder)
    process = start("warehouseloader", folder, topic, before=alone, WAREHOUSE_CONCURRENCY="1")
    wait_for(process, lambda: files_in(folder) >= before + 5)
    (first,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    os.kill(int(first), signal.SIGTERM)
    ended = end(process)
    assert ended.code == 143
    (message,) = topic.heard()
    assert "exited with code 143." in message["Message"]


def test_a_stop_before_the_beginning_is_told_too(drop, topic):
    process = start("warehouseloader", drop, topic, PYTHONVERBOSE="1")
    for line in process.stderr:
        # The watch is there, and modules are being read.
        if line.startswith("import 'warehouse.cloud.running'") or "import 'pydicom'" in line:
            process.send_signal(signal.SIGTERM)
            break
    ended = end(process, lines=str)
    assert ended.code == 143
    (message,) = topic.heard()
    assert "exited with code 143." in message["Message"]
    assert not (drop / "catalog").exists()


def test_the_centres(run, drop, topic, tmp_path):
    ended = run("submittingcentres", drop, topic, TMPDIR=str(tmp_path))
    assert ended.code == 0
    assert ended.messages[:4] == CENTRES
    (message,) = topic.heard()
    assert message["Subject"] == "Pipeline finished - submittingcentres"
    assert message["Message"].splitlines()[2:6] == CENTRES
    assert (tmp_path / "message.txt").read_text().splitlines() == CENTRES
    told = attributes(message)
    assert not {"outcomes", "catalog_version"} & set(told)
    assert told["requests"] == ended.metrics["Requests"] > 0
    assert told["bytes"]["read"] > 0
    assert not names_a_patient(json.dumps(message))


def test_without_a_file_for_it_the_centres_are_not_sent(run, drop, topic, tmp_path):
    ended = run("submittingcentres", drop, topic, TMPDIR=str(tmp_path), NO_OUTPUT_FILE="1")
    assert (ended.code, ended.messages[:4]) == (0, CENTRES)
    (message,) = topic.heard()
    assert "Hospital" not in message["Message"]


def test_the_tables(run, loaded_once, topic, tmp_path):
    folder = tmp_path / "drop"
    subprocess.run(["cp", "-r", loaded_once, folder], check=True)
    ended = run("dataprocess", folder, topic)
    assert ended.code == 0
    (message,) = topic.heard()
    assert message["Subject"] == "Pipeline finished - dataprocess"
    assert "latest.csv names them" in message["Message"].splitlines()
    assert attributes(message)["catalog_version"] >= 0


def test_a_topic_that_cannot_be_told_makes_a_good_run_incomplete_and_keeps_the_code_of_another(
    run, drop, server
):
    nowhere = {
        "TOPIC_ARN": f"arn:aws:sns:{REGION}:123456789012:no-such-topic",
        "AWS_ENDPOINT_URL_SNS": server,
    }
    ended = run("warehouseloader", drop, **nowhere)
    assert ended.code == ended.metrics["ExitCode"] == 4
    (error,) = [line["message"] for line in ended.err if line["level"] == "error"]
    assert error == "the notification was not sent: sns Publish: NotFound"
    assert ended.messages[-2].endswith("exited with code 4.")
    assert run("warehouseloader", drop, WAREHOUSE_BUCKET="", **nowhere).code == 2


def test_without_a_topic_and_a_stack_nothing_is_sent_or_measured(run, drop):
    ended = run("warehouseloader", drop, WAREHOUSE_STACK="", AWS_ENDPOINT_URL="http://127.0.0.1:9")
    assert ended.code == 0
    assert ended.metrics is None
    assert ended.messages[-1].endswith("exited with code 0.")


def test_a_dry_run_is_told_and_not_measured(run, drop, topic):
    ended = run("warehouseloader", drop, topic, DRY_RUN="1")
    assert (ended.code, ended.metrics) == (0, None)
    (message,) = topic.heard()
    assert "This is a dry run" in message["Message"]
    assert attributes(message)["run"]["dry_run"] is True


@pytest.mark.parametrize(
    "env", [{"TOPIC_ARN": "topic"}, {"WAREHOUSE_STACK": "Dev!"}, {"WAREHOUSE_LOG_FORMAT": "xml"}]
)
def test_a_container_that_is_told_nonsense(drop, env):
    ended = end(start("warehouseloader", drop, **env), lines=str)
    assert (ended.code, ended.out) == (2, [])
    (line,) = ended.err
    assert line.startswith(f"error: {next(iter(env))} ")


def test_as_text(drop):
    ended = end(start("warehouseloader", drop, WAREHOUSE_LOG_FORMAT="", WAREHOUSE_STACK=""), lines=str)
    assert ended.code == 0
    assert ended.err[0] == " - load_config in=1 out=1 [done]"
    assert ended.out[0].startswith("223 raw objects")
    assert ended.out[-1].startswith("Pipeline run in 00h:")


def test_a_container_runs_its_pipelines_and_no_others(tmp_path):
    (tmp_path / "other").symlink_to(ROOT / "bin/container")
    process = start(tmp_path / "other", tmp_path)
    ended = end(process, lines=str)
    assert ended.code == 2
    (line,) = ended.err
    assert line == "error: name one of the pipelines: warehouseloader, submittingcentres, dataprocess"


def test_arguments_are_refused_so_that_nobody_loads_who_asks_for_a_dry_run(drop):
    before = files_in(drop)
    ended = end(start("warehouseloader", drop, behind=("--dry-run",)), lines=str)
    assert ended.code == 2
    assert "warehouseloader takes no arguments: set variables, such as DRY_RUN" in ended.err[0]
    assert files_in(drop) == before


@pytest.mark.parametrize(
    ("words", "pipeline"),
    [("load", "warehouseloader"), ("centres", "submittingcentres"), ("process", "dataprocess")],
)
def test_the_commands_write_json_too(command, drop, tmp_path, words, pipeline):
    ended = command("warehouse", words, drop, env={"WAREHOUSE_LOG_FORMAT": "json", "TMPDIR": str(tmp_path)})
    assert ended.code == 0
    lines = [json.loads(line) for text in (ended.out, ended.err) for line in text.splitlines()]
    assert len({line["run"] for line in lines}) == 1
    assert {line["pipeline"] for line in lines} == {pipeline}
    refused = command("warehouse", words, env={"WAREHOUSE_LOG_FORMAT": "json"})
    assert (refused.code, json.loads(refused.err)["level"]) == (2, "error")
