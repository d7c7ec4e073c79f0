"""What one installation is called, and what its stack says of itself: the commands know no other names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from warehouse.cloud.clients import Access, client, translated
from warehouse.errors import CloudError, CloudUnavailable, SettingsError

Pipeline = Literal["loader", "centres", "process"]

# By the word on the command line: the command in the container, which also names logs and metrics.
CONTAINER_COMMANDS: Mapping[Pipeline, str] = {
    "loader": "warehouseloader",
    "centres": "submittingcentres",
    "process": "dataprocess",
}
CONTAINER = "pipeline"
# The image repository is called after the stack: no two hyphens in a row (API_CreateRepository).
_NAME = re.compile(r"(?=.{1,32}\Z)[a-z0-9]+(?:-[a-z0-9]+)*")


@dataclass(frozen=True, slots=True)
class Stack:
    """The outputs of a stack that `deploy/warehouse.yaml` made."""

    name: str
    status: str
    bucket: str
    processed_bucket: str
    inventory_bucket: str
    cluster: str
    task_definitions: Mapping[Pipeline, str]
    subnets: tuple[str, ...]
    security_group: str
    assign_public_ip: str
    platform_version: str
    log_group: str
    topic: str
    repository: str
    starter: str


def stack_name(stack: str) -> str:
    """CloudFormation's name for the stack of a stage (`dev`, `staging`, `prod`). Raises SettingsError."""
    if not _NAME.fullmatch(stack):
        raise SettingsError(
            "--stack is a name of up to 32 small letters, digits and single hyphens, such as dev or prod"
        )
    return f"warehouse-{stack}"


def find_stack(stack: str, access: Access) -> Stack:
    """The stack of a stage as it stands (CloudFormation DescribeStacks).

    Raises CloudUnavailable where there is none, or where it is none of ours; SettingsError; CloudFault.
    """
    name = stack_name(stack)
    cloudformation = client("cloudformation", access)
    try:
        with translated("cloudformation"):
            (found,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
    except CloudError as error:
        if error.code != "ValidationError":
            raise
        said = (
            f"there is no stack {name} in this account and region: `warehouse cloud deploy --stack {stack}`"
        )
        raise CloudUnavailable("cloudformation", "DescribeStacks", said) from None
    return read_stack(found)


def read_stack(described: Mapping[str, Any]) -> Stack:
    """A stack as DescribeStacks tells of it. Raises CloudUnavailable where outputs are missing."""
    outputs = {one["OutputKey"]: one.get("OutputValue", "") for one in described.get("Outputs", ())}
    try:
        return Stack(
            name=described["StackName"],
            status=described["StackStatus"],
            bucket=outputs["WarehouseBucketName"],
            processed_bucket=outputs["ProcessedBucketName"],
            inventory_bucket=outputs["InventoryBucketName"],
            cluster=outputs["ClusterName"],
            task_definitions={
                "loader": outputs["LoaderTaskDefinition"],
                "centres": outputs["CentresTaskDefinition"],
                "process": outputs["ProcessTaskDefinition"],
            },
            subnets=tuple(outputs["SubnetIds"].split(",")),
            security_group=outputs["SecurityGroupId"],
            assign_public_ip=outputs["AssignPublicIp"],
            platform_version=outputs["PlatformVersion"],
            log_group=outputs["LogGroupName"],
            topic=outputs["TopicArn"],
            repository=outputs["RepositoryUri"],
            starter=outputs["StarterFunctionName"],
        )
    except KeyError as error:
        said = (
            f"the stack {described['StackName']} has no output {error.args[0]} (it is"
            f" {described['StackStatus']}): bring it up to date with `warehouse cloud deploy`"
        )
        raise CloudUnavailable("cloudformation", "DescribeStacks", said) from None
