"""What ECS is asked for is what it takes: moto takes more."""

from __future__ import annotations

import re

import pytest

from warehouse.cloud import tasks as module
from warehouse.cloud.clients import Access
from warehouse.cloud.stack import read_stack
from warehouse.cloud.tasks import Tasks
from warehouse.errors import SettingsError

ARN = "arn:aws:ecs:eu-west-2:123456789012:task/cluster/abc"
OUTPUTS = (
    *("WarehouseBucketName", "ProcessedBucketName", "InventoryBucketName", "ClusterName", "SubnetIds"),
    *("LoaderTaskDefinition", "CentresTaskDefinition", "ProcessTaskDefinition", "SecurityGroupId"),
    *("AssignPublicIp", "PlatformVersion", "LogGroupName", "TopicArn", "RepositoryUri"),
    "StarterFunctionName",
)
STACK = read_stack(
    {
        "StackName": "warehouse-dev",
        "StackStatus": "CREATE_COMPLETE",
        "Outputs": [{"OutputKey": name, "OutputValue": "x"} for name in OUTPUTS],
    }
)


@pytest.fixture
def sent(monkeypatch):
    """What RunTask was asked for."""
    requests = []

    class Ecs:
        def run_task(self, **request):
            requests.append(request)
            return {"tasks": [{"taskArn": ARN, "lastStatus": "PROVISIONING"}]}

    monkeypatch.setattr(module, "client", lambda service, access: Ecs())
    return requests


def test_a_task_is_asked_for_in_characters_that_ecs_takes(sent):
    """API_RunTask: `startedBy` and `clientToken`."""
    assert Tasks(STACK, Access()).start("loader", {}).arn == ARN
    (request,) = sent
    assert re.fullmatch(r"[A-Za-z0-9/_-]{1,128}", request["startedBy"])
    assert re.fullmatch(r"[!-~]{1,64}", request["clientToken"])


@pytest.mark.parametrize("size", [{"cpu": 0, "memory": None}, {"cpu": None, "memory": 0}])
def test_a_size_of_nothing_is_not_taken_for_none_given(monkeypatch, size):
    class Ecs:
        def describe_task_definition(self, **_):
            return {"taskDefinition": {"cpu": "1024", "memory": "8192"}}

    monkeypatch.setattr(module, "client", lambda service, access: Ecs())
    with pytest.raises(SettingsError):
        Tasks(STACK, Access()).require_size("loader", **size)
