"""A stack is read from its outputs; what is missing is said with what to do."""

from __future__ import annotations

import pytest

from warehouse.cloud.stack import read_stack, stack_name
from warehouse.errors import CloudUnavailable, SettingsError

OUTPUTS = {
    "WarehouseBucketName": "b",
    "ProcessedBucketName": "b-processed",
    "InventoryBucketName": "b-inventory",
    "ClusterName": "c",
    "LoaderTaskDefinition": "loader:1",
    "CentresTaskDefinition": "centres:1",
    "ProcessTaskDefinition": "process:1",
    "SubnetIds": "subnet-1,subnet-2",
    "SecurityGroupId": "sg-1",
    "AssignPublicIp": "ENABLED",
    "PlatformVersion": "1.4.0",
    "LogGroupName": "/ecs/warehouse-dev-pipeline",
    "TopicArn": "arn:aws:sns:eu-west-2:123456789012:t",
    "RepositoryUri": "r",
    "StarterFunctionName": "s",
}


def described(outputs):
    pairs = [{"OutputKey": key, "OutputValue": value} for key, value in outputs.items()]
    return {"StackName": "warehouse-dev", "StackStatus": "CREATE_COMPLETE", "Outputs": pairs}


def test_the_outputs_of_a_stack():
    stack = read_stack(described(OUTPUTS))
    assert stack.subnets == ("subnet-1", "subnet-2")
    assert stack.task_definitions["process"] == "process:1"
    assert stack.name == "warehouse-dev"


@pytest.mark.parametrize("missing", OUTPUTS)
def test_an_output_that_is_missing_is_named(missing):
    left = {key: value for key, value in OUTPUTS.items() if key != missing}
    with pytest.raises(CloudUnavailable, match=f"no output {missing} .*cloud deploy"):
        read_stack(described(left))


@pytest.mark.parametrize("name", ["dev", "prod", "a", "stage-2", "x" * 32])
def test_names_of_installations(name):
    assert stack_name(name) == f"warehouse-{name}"


@pytest.mark.parametrize("name", ["", "Dev", "a_b", "a--b", "-a", "a-", "x" * 33, "ä", "a\n"])
def test_what_is_no_name_of_an_installation(name):
    with pytest.raises(SettingsError, match="--stack"):
        stack_name(name)
