"""`warehouse cloud run` on moto: a task as the stack says, never a second one unasked, and its code."""

import json
import re
import signal
import subprocess
import time

import pytest
from cloud_server import FAMILIES, REGION, buckets
from moto.core import DEFAULT_ACCOUNT_ID
from moto.logs.models import logs_backends

from support import bare_environment, script
from warehouse.cloud.schedule import RULE
from warehouse.cloud.template import read_template

LOADER = "warehouseloader/pipeline"


@pytest.fixture
def cloud(command, cloud_server, installation):
    """Run `warehouse cloud WORD ...` on the stack."""

    def run(word, *words, **extra):
        env = {**cloud_server.environment, **extra}
        return command("warehouse", "cloud", word, *words, "--stack", installation.name, env=env)

    return run


def tasks(server, installation):
    """The tasks that were started, as ECS was asked for them."""
    ecs = server.client("ecs")
    cluster = installation.outputs["ClusterName"]
    arns = ecs.list_tasks(cluster=cluster)["taskArns"]
    return ecs.describe_tasks(cluster=cluster, tasks=arns)["tasks"] if arns else []


def asked(server, operation):
    """What is sent with an operation from now on; moto answers all the same."""
    seen = []

    def note(request):
        seen.append(request)

    server.instead[operation] = note
    return seen


def test_a_task_as_the_stack_says(cloud, cloud_server, installation):
    sent = asked(cloud_server, "RunTask")
    ended = cloud("run", "loader")
    assert ended.code == 0, ended.err
    (task,) = tasks(cloud_server, installation)
    assert task["taskArn"].endswith("/" + ended.out.strip())
    assert task["taskDefinitionArn"] == installation.outputs["LoaderTaskDefinition"]
    (request,) = sent
    network = request["networkConfiguration"]["awsvpcConfiguration"]
    assert network == {
        "subnets": installation.outputs["SubnetIds"].split(","),
        "securityGroups": [installation.outputs["SecurityGroupId"]],
        "assignPublicIp": "ENABLED",
    }
    assert (request["launchType"], request["platformVersion"]) == ("FARGATE", "1.4.0")
    assert request["overrides"] == {}
    assert request["clientToken"]


@pytest.mark.parametrize(
    ("pipeline", "family"),
    [("centres", "SubmittingCentres"), ("process", "DataProcessing"), ("loader", "Pipeline")],
)
def test_each_pipeline_has_its_own(cloud, cloud_server, installation, pipeline, family):
    assert cloud("run", pipeline).code == 0
    (task,) = tasks(cloud_server, installation)
    assert f"warehouse-{installation.name}-{family}:" in task["taskDefinitionArn"]


def test_a_task_that_runs_already_is_said_and_no_other_started(cloud, cloud_server, installation):
    first = cloud("run", "loader").out.strip()
    refused = cloud("run", "loader")
    assert refused.code == 2
    assert f"a task of loader is running already: {first} (" in refused.err
    assert "--anyway" in refused.err
    assert len(tasks(cloud_server, installation)) == 1
    # Another pipeline is another matter.
    assert cloud("run", "centres").code == 0
    assert cloud("run", "loader", "--anyway").code == 0
    assert len(tasks(cloud_server, installation)) == 3


def test_overrides(cloud, cloud_server, installation):
    sent = asked(cloud_server, "RunTask")
    words = ("--env", "DRY_RUN=1", "--env", "X=a=b", "--command", "warehouseloader --note 'two words'")
    assert cloud("run", "loader", *words, "--cpu", "2048", "--memory", "16384").code == 0
    assert sent[0]["overrides"] == {
        "containerOverrides": [
            {
                "name": "pipeline",
                "environment": [{"name": "DRY_RUN", "value": "1"}, {"name": "X", "value": "a=b"}],
                "command": ["warehouseloader", "--note", "two words"],
            }
        ],
        "cpu": "2048",
        "memory": "16384",
    }


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--env", "=secret"), "NAME=VALUE"),
        (("--cpu", "1000"), "--cpu must be one of"),
        (("--cpu", "512"), "from 1024 to 4096"),
        (("--memory", "16384"), "from 2048 to 8192"),
        (("--image", "a b"), "--image"),
        (("--command", "'"), "--command"),
    ],
)
def test_what_fargate_would_refuse_is_refused_before(cloud, cloud_server, installation, words, said):
    ended = cloud("run", "loader", *words)
    assert ended.code == 2
    assert said in ended.err
    assert "secret" not in ended.err
    assert tasks(cloud_server, installation) == []


@pytest.mark.parametrize(("image", "named"), [("v2", ":v2"), ("sha256:" + "a" * 64, "@sha256:" + "a" * 64)])
def test_another_image_for_one_run(cloud, cloud_server, installation, image, named):
    ecs = cloud_server.client("ecs")
    before = ecs.describe_task_definition(taskDefinition=installation.outputs["LoaderTaskDefinition"])
    ended = cloud("run", "loader", "--image", image)
    assert ended.code == 0, ended.err
    (task,) = tasks(cloud_server, installation)
    made = ecs.describe_task_definition(taskDefinition=task["taskDefinitionArn"])["taskDefinition"]
    (container,) = made["containerDefinitions"]
    assert container["image"] == installation.outputs["RepositoryUri"] + named
    stands = before["taskDefinition"]
    for name in ("family", "cpu", "memory", "taskRoleArn", "executionRoleArn", "requiresCompatibilities"):
        assert made[name] == stands[name], name
    assert container["command"] == stands["containerDefinitions"][0]["command"]
    # Whoever starts a task by the family's name still gets the stack's own.
    family = f"warehouse-{installation.name}-Pipeline"
    newest = ecs.list_task_definitions(familyPrefix=family, status="ACTIVE")["taskDefinitionArns"]
    assert newest == [installation.outputs["LoaderTaskDefinition"]]


@pytest.mark.parametrize("code", [0, 3, 5, 137])
def test_wait_follows_the_log_and_ends_with_the_code(cloud, cloud_server, installation, code):
    def started(request):
        # The next look is moto's again; the log is there by then.
        del cloud_server.instead["DescribeTasks"]
        stream = f"{LOADER}/{request['tasks'][0].rpartition('/')[2]}"
        _later(cloud_server, installation, code, stream)

    cloud_server.instead["DescribeTasks"] = started
    ended = cloud("run", "loader", "--wait", "--interval", "0.1")
    assert ended.code == code, ended.err
    assert [line.partition(" ")[2] for line in ended.out.splitlines()] == ["first", "second"]
    assert f"ended with {code}" in ended.err


def _later(server, installation, code, stream):
    """What happens in the cluster: lines are logged, the task ends. In moto itself, which is locked now."""
    server.end_with(installation, code)
    backend = logs_backends[DEFAULT_ACCOUNT_ID][REGION]
    backend.create_log_stream(installation.group, stream)
    now = int(time.time() * 1000)
    lines = [{"timestamp": now + n, "message": line} for n, line in enumerate(("first", "second"))]
    backend.put_log_events(installation.group, stream, lines)


def test_a_task_that_never_started_says_why(cloud, cloud_server, installation):
    def started(request):
        del cloud_server.instead["DescribeTasks"]
        server = cloud_server
        server.end_with(installation, None, "CannotPullContainerError: no such\nimage")

    cloud_server.instead["DescribeTasks"] = started
    ended = cloud("run", "loader", "--wait", "--interval", "0.1")
    assert ended.code == 4
    assert ended.out == ""
    assert "never started: CannotPullContainerError: no such image" in ended.err


def test_an_interrupt_ends_the_waiting_and_not_the_task(cloud_server, installation, tmp_path):
    cloud_server.instead["DescribeTasks"] = lambda request: (
        200,
        {"tasks": [{"taskArn": request["tasks"][0], "lastStatus": "RUNNING", "containers": []}]},
    )
    stopped = asked(cloud_server, "StopTask")
    words = ("cloud", "run", "loader", "--stack", installation.name, "--wait", "--interval", "0.1")
    process = subprocess.Popen(
        [script("warehouse"), *words],
        cwd=tmp_path,
        env=bare_environment(**cloud_server.environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Where the suite runs in the background, an interrupt would be ignored from the start.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        assert process.stderr.readline().startswith("started ")
        while cloud_server.calls["GetLogEvents"] < 2:
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130, err
    assert "the task goes on: `warehouse cloud logs" in err
    assert "Traceback" not in err
    assert stopped == []


def test_the_stack_of_these_tests_has_the_names_of_the_template(installation):
    template = read_template()
    assert template["Outputs"].keys() == installation.outputs.keys()
    made = {name: one for name, one in template["Resources"].items() if name in FAMILIES}
    for name, (family, command) in FAMILIES.items():
        properties = made[name]["Properties"]
        assert properties["Family"] == {"Fn::Sub": f"${{AWS::StackName}}-{family}"}
        (container,) = properties["ContainerDefinitions"]
        assert container["Name"] == "pipeline"
        assert container["LogConfiguration"]["Options"]["awslogs-stream-prefix"] == command
    assert {RULE, *buckets(installation.name)} <= template["Resources"].keys()


def test_no_room_in_the_cluster(cloud, cloud_server):
    failure = {"arn": "a", "reason": "Capacity is unavailable at this time"}
    cloud_server.instead["RunTask"] = lambda _: (200, {"tasks": [], "failures": [failure]})
    ended = cloud("run", "loader")
    assert ended.code == 4
    assert "Capacity is unavailable" in ended.err


def test_what_may_not_be_done_names_the_permission(cloud, cloud_server):
    refusal = {
        "__type": "AccessDeniedException",
        "message": "User: arn:aws:iam::1:user/ada is not authorized",
    }
    cloud_server.instead["RunTask"] = lambda _: (400, refusal)
    ended = cloud("run", "loader")
    assert ended.code == 2
    assert "ecs:RunTask" in ended.err
    assert "ada" not in ended.err


def test_who_may_not_watch_is_told_that_the_task_goes_on(cloud, cloud_server):
    cloud_server.instead["DescribeTasks"] = lambda _: (400, {"__type": "AccessDeniedException"})
    ended = cloud("run", "loader", "--wait")
    assert ended.code == 2
    assert "the task goes on: `warehouse cloud logs" in ended.err
    assert "ecs:DescribeTasks" in ended.err


def test_no_such_stack(command, cloud_server):
    for word in ("run loader", "status", "logs", "inventory d", "purge x/"):
        ended = command(
            "warehouse", "cloud", *word.split(), "--stack", "nowhere", env=cloud_server.environment
        )
        assert ended.code == 2, word
        (line,) = ended.err.splitlines()
        assert "there is no stack warehouse-nowhere" in line


def test_status(cloud, cloud_server, installation):
    ended = cloud("status")
    assert ended.code == 0, ended.err
    assert ended.out.count("nothing runs, and nothing ended of late") == 3
    assert "T01:00Z" in ended.out
    assert "catalog: " in ended.out
    task = cloud("run", "loader").out.strip()
    assert re.search(f"  {task}  [A-Z]+  began", cloud("status").out)
    cloud_server.end_with(installation, 4)
    for _ in range(5):
        tasks(cloud_server, installation)
    told = json.loads(cloud("status", "--format", "json").out)
    (one,) = told["tasks"]["loader"]
    assert (one["id"], one["exit_code"], one["status"]) == (task, 4, "STOPPED")
    assert told["tasks"]["centres"] == []
    assert "exit code 4" in cloud("status").out


def test_status_says_that_the_schedule_is_switched_off(cloud, cloud_server, installation):
    (name,) = (
        rule["Name"]
        for rule in cloud_server.client("events").list_rules(NamePrefix=f"warehouse-{installation.name}-")[
            "Rules"
        ]
    )
    cloud_server.client("events").disable_rule(Name=name)
    assert "next nightly run: none, the schedule is switched off" in cloud("status").out


def test_status_tells_the_version_of_the_catalog(cloud, cloud_server, installation, command):
    s3 = cloud_server.client("s3")
    s3.put_object(
        Bucket=installation.bucket,
        Key="config.json",
        Body=json.dumps({"raw_prefixes": ["raw-a"], "training_percentage": 0, "sites": {}}).encode(),
    )
    s3.put_object(Bucket=installation.bucket, Key="raw-a/2020-01-01/images/note.txt", Body=b"x")
    loaded = command("warehouse", "load", f"s3://{installation.bucket}", env=cloud_server.environment)
    assert loaded.code == 0, loaded.err
    assert cloud("status").out.splitlines()[-1] in ("catalog: 0", "catalog: 1")
