"""The Lambda starts one task where there is work and none is running; no upload is forgotten."""

from __future__ import annotations

import importlib.util
import json

import boto3
import pytest
from policies import allows, statements_of
from stack_template import FILE, REGION, Made

FAMILY, CLUSTER = "warehouse-dev-Pipeline", "the-cluster"
NIGHT, TICK = {"source": "nightly"}, {"source": "tick"}
BATCH = {"Records": [{"messageId": "m1"}, {"messageId": "m2"}]}
ALL_BACK = {"batchItemFailures": [{"itemIdentifier": "m1"}, {"itemIdentifier": "m2"}]}
NONE_BACK = {"batchItemFailures": []}
START = 1_800_000_000.0


class Clock:
    """The time of the Lambda, which passes when a test says so."""

    def __init__(self):
        self.now = START

    def time(self):
        return self.now


class Ecs:
    """moto's ECS, with what it lacks of RunTask's: a client token, and the time at which a task was made.

    ECS tells again of the task that a token started, for 24 hours, with its parameters the same
    (API_RunTask, `clientToken`).
    """

    def __init__(self, clock):
        self._ecs, self._clock = boto3.client("ecs"), clock
        self.asked, self._by_token, self._made_at = [], {}, {}
        self.failures = []

    def get_paginator(self, name):
        return self._ecs.get_paginator(name)

    def run_task(self, **how):
        self.asked.append(how)
        assert len(how["clientToken"]) <= 64
        if self.failures:
            return {"tasks": [], "failures": self.failures}
        if how["clientToken"] not in self._by_token:
            (task,) = self._ecs.run_task(**how)["tasks"]
            self._made_at[task["taskArn"]] = self._clock.now
            self._by_token[how["clientToken"]] = task["taskArn"]
        return self.describe_tasks(cluster=how["cluster"], tasks=[self._by_token[how["clientToken"]]])

    def describe_tasks(self, *, cluster, tasks):
        found = self._ecs.describe_tasks(cluster=cluster, tasks=tasks)["tasks"]
        return {"tasks": [{**one, "createdAt": Moment(self._made_at[one["taskArn"]])} for one in found]}

    def tasks(self):
        return self._ecs.list_tasks(cluster=CLUSTER, family=FAMILY)["taskArns"]

    def made(self):
        return len(self._made_at)

    def end_all(self):
        for arn in self.tasks():
            self._ecs.stop_task(cluster=CLUSTER, task=arn)


class Moment(float):
    """A time as boto3 gives it, as far as it is asked."""

    def timestamp(self):
        return float(self)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def ecs(aws, clock):
    """A cluster, a network and the loader's task definition, and nothing running."""
    client, ec2 = boto3.client("ecs"), boto3.client("ec2")
    client.create_cluster(clusterName=CLUSTER)
    for family in (FAMILY, "warehouse-dev-DataProcessing"):
        client.register_task_definition(
            family=family,
            requiresCompatibilities=["FARGATE"],
            networkMode="awsvpc",
            cpu="256",
            memory="512",
            containerDefinitions=[{"name": "pipeline", "image": "i", "memory": 512}],
        )
    vpc = ec2.create_vpc(CidrBlock="10.40.0.0/16")["Vpc"]["VpcId"]
    # Without names for hosts, moto knows no address of a task.
    ec2.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})
    made = Ecs(clock)
    made.subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.40.0.0/24")["Subnet"]["SubnetId"]
    made.group = ec2.create_security_group(VpcId=vpc, GroupName="g", Description="d")["GroupId"]
    return made


@pytest.fixture
def starter(ecs, clock, monkeypatch):
    """The handler of deploy/starter.py, in the environment that the template gives it."""
    given = Made().properties("Starter")["Environment"]["Variables"]
    ours = {"CLUSTER": CLUSTER, "FAMILY": FAMILY, "SUBNETS": ecs.subnet, "SECURITY_GROUP": ecs.group}
    if "TASK_DEFINITION" in given:
        ours["TASK_DEFINITION"] = FAMILY
    assert ours.keys() <= given.keys()
    for name, value in {**given, **ours}.items():
        monkeypatch.setenv(name, value)
    spec = importlib.util.spec_from_file_location("starter", FILE.with_name("starter.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "time", clock)
    client = boto3.client
    monkeypatch.setattr(
        module.boto3,
        "client",
        lambda name, *args, **how: ecs if name == "ecs" else client(name, *args, **how),
    )
    return lambda event: module.handler(event, None)


@pytest.mark.parametrize("event", [NIGHT, BATCH])
def test_work_starts_a_task_in_the_network_of_the_stack(starter, ecs, event):
    assert starter(event) == NONE_BACK
    assert len(ecs.tasks()) == 1
    (asked,) = ecs.asked
    assert (asked["launchType"], asked["platformVersion"]) == ("FARGATE", "1.4.0")
    assert asked["networkConfiguration"] == {
        "awsvpcConfiguration": {
            "subnets": [ecs.subnet],
            "securityGroups": [ecs.group],
            "assignPublicIp": "ENABLED",
        }
    }


def test_while_a_task_runs_no_second_one_is_started_and_the_batch_goes_back(starter, ecs, clock):
    starter(NIGHT)
    clock.now += 3600
    assert starter(BATCH) == ALL_BACK
    assert starter(NIGHT) == NONE_BACK
    assert ecs.made() == 1


def test_what_went_back_has_a_run_of_its_own_when_the_task_has_ended(starter, ecs, clock):
    starter(BATCH)
    clock.now += 3600
    assert starter(BATCH) == ALL_BACK
    ecs.end_all()
    assert starter(BATCH) == NONE_BACK
    assert ecs.made() == 2


def test_two_calls_in_one_window_start_one_task(starter, ecs, clock, monkeypatch):
    # The first task is not listed yet, as ECS's listings may lag.
    monkeypatch.setattr(Ecs, "get_paginator", lambda *_: Nothing())
    assert starter(BATCH) == NONE_BACK
    clock.now += 60
    assert starter(BATCH) == ALL_BACK
    first, second = (asked["clientToken"] for asked in ecs.asked)
    assert first == second
    assert ecs.made() == 1


class Nothing:
    def paginate(self, **_):
        return [{"taskArns": []}]


def test_no_stack_takes_another_s_token(starter, ecs, monkeypatch):
    """API_RunTask: a token of up to 64 characters; another request of the account with it is refused."""
    tokens = []

    def refused(**request):
        tokens.append(request["clientToken"])
        return {"tasks": [], "failures": [{"reason": "RESOURCE"}]}

    monkeypatch.setattr(ecs, "run_task", refused)
    for end in ("a", "b"):
        monkeypatch.setenv("FAMILY", f"warehouse-{'x' * 31}{end}-Pipeline")
        with pytest.raises(RuntimeError, match="RESOURCE"):
            starter(NIGHT)
    assert len(set(tokens)) == 2
    assert max(map(len, tokens)) <= 64


def test_a_short_run_s_late_uploads_wait_for_the_next_window(starter, ecs, clock):
    starter(BATCH)
    ecs.end_all()
    clock.now += 60
    assert starter(BATCH) == ALL_BACK
    clock.now += 900
    assert starter(BATCH) == NONE_BACK
    assert ecs.made() == 2


def test_a_task_of_another_pipeline_is_no_reason_to_wait(starter, ecs):
    ecs._ecs.run_task(
        cluster=CLUSTER,
        taskDefinition="warehouse-dev-DataProcessing",
        launchType="FARGATE",
        networkConfiguration={"awsvpcConfiguration": {"subnets": [ecs.subnet], "securityGroups": []}},
    )
    assert starter(BATCH) == NONE_BACK


def metrics(out):
    return [document for document in map(json.loads, out.splitlines()) if "_aws" in document]


def test_a_tick_starts_nothing_and_tells_how_long_the_oldest_task_has_run(starter, ecs, clock, capsys):
    assert starter(TICK) == NONE_BACK
    assert ecs.asked == []
    starter(NIGHT)
    clock.now += 12.5 * 3600
    starter(TICK)
    first, _, last = metrics(capsys.readouterr().out)
    assert (first["TaskHours"], last["TaskHours"]) == (0, 12.5)
    assert last["Stack"] == "warehouse-dev"
    assert last["_aws"] == {
        "Timestamp": int(clock.now * 1000),
        "CloudWatchMetrics": [
            {
                "Namespace": "ImagingWarehouse",
                "Dimensions": [["Stack"]],
                "Metrics": [{"Name": "TaskHours"}],
            }
        ],
    }


def test_a_task_that_cannot_be_started_is_an_error_so_that_the_batch_comes_again(starter, ecs):
    ecs.failures = [{"reason": "RESOURCE:ENI"}]
    with pytest.raises(RuntimeError, match="RESOURCE:ENI"):
        starter(BATCH)
    assert ecs.made() == 0


def test_it_needs_no_more_rights_than_it_has():
    held = statements_of(Made(), "StarterRole")
    account = f"arn:aws:ecs:{REGION}:123456789012"
    inside = {"ecs:cluster": f"arn:aws:ecs:{REGION}:123456789012:ECSCluster"}
    definition, other = "LoaderTaskDefinition", "ProcessTaskDefinition"
    for cluster, allowed in ((inside, True), ({"ecs:cluster": "another"}, False)):
        assert allows(held, "ecs:ListTasks", f"{account}:container-instance/x", cluster) is allowed
        assert allows(held, "ecs:RunTask", definition, cluster) is allowed
    assert allows(held, "ecs:DescribeTasks", f"{account}:task/ECSCluster/x", inside)
    assert not allows(held, "ecs:RunTask", other, inside)
    assert not allows(held, "ecs:StopTask", f"{account}:task/ECSCluster/x", inside)
    passed = {"iam:PassedToService": "ecs-tasks.amazonaws.com"}
    for role in ("TaskExecutionRole", "LoaderRole", "CentresRole", "ProcessRole", "ReplicationRole"):
        arn = f"arn:aws:iam:{REGION}:123456789012:{role}"
        assert allows(held, "iam:PassRole", arn, passed) is (role in ("TaskExecutionRole", "LoaderRole"))
    assert not any(action.startswith("s3:") for one in held for action in one.actions)
