"""The whole of moto as AWS on the loopback, with answers that tests put in front of it, and a stack."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from loopback import REGION, Loopback, service_app
from moto.core import DEFAULT_ACCOUNT_ID
from moto.ecs.models import ecs_backends
from moto.moto_server.werkzeug_app import DomainDispatcherApplication

# The family of each pipeline's tasks, behind the stack's name, and the command in its container.
FAMILIES = {
    "LoaderTaskDefinition": ("Pipeline", "warehouseloader"),
    "CentresTaskDefinition": ("SubmittingCentres", "submittingcentres"),
    "ProcessTaskDefinition": ("DataProcessing", "dataprocess"),
}

# What the server answers instead of moto, by what was sent: a status and a document, or None to let moto
# answer. Documents are JSON, and of S3 the text of XML.
Answer = Callable[[Any], "tuple[int, Any] | None"]


@dataclass(frozen=True)
class Installation:
    """A stack that stands on the server; `name` is what `--stack` is given."""

    name: str
    outputs: dict[str, str]

    @property
    def bucket(self) -> str:
        return self.outputs["WarehouseBucketName"]

    @property
    def group(self) -> str:
        return self.outputs["LogGroupName"]


class CloudServer(Loopback):
    """moto behind a lock. `instead` holds, by the name of an operation, what answers in moto's place.

    The services that speak JSON (ECS, CloudWatch Logs, EventBridge) can be answered for, and S3's
    DeleteObjects; `calls` counts their requests.
    """

    def __init__(self) -> None:
        self.instead: dict[str, Answer] = {}
        self.calls: Counter[str] = Counter()
        self._clients: dict[str, Any] = {}
        super().__init__(DomainDispatcherApplication(service_app))

    def client(self, service: str) -> Any:
        """One for each service: to make EC2's takes longer than to make a stack."""
        if service not in self._clients:
            self._clients[service] = self.session().client(service, endpoint_url=self.endpoint)
        return self._clients[service]

    def install(self, stack: str) -> Installation:
        """Make a stack with the outputs of deploy/warehouse.yaml, and those resources that run tasks."""
        cloudformation = self.client("cloudformation")
        ecs = self.client("ecs")
        # moto's CloudFormation would forget that these are Fargate's.
        definitions = {
            name: ecs.register_task_definition(**task_definition(stack, *what))["taskDefinition"]
            for name, what in FAMILIES.items()
        }
        arns = {name: definition["taskDefinitionArn"] for name, definition in definitions.items()}
        body = json.dumps(template(stack, arns))
        cloudformation.create_stack(StackName=f"warehouse-{stack}", TemplateBody=body)
        (found,) = cloudformation.describe_stacks(StackName=f"warehouse-{stack}")["Stacks"]
        outputs = {one["OutputKey"]: one["OutputValue"] for one in found["Outputs"]}
        for name in buckets(stack).values():
            self.client("s3").put_bucket_versioning(
                Bucket=name, VersioningConfiguration={"Status": "Enabled"}
            )
        ec2 = self.client("ec2")
        (subnet, _) = ec2.describe_subnets(SubnetIds=outputs["SubnetIds"].split(","))["Subnets"]
        # Without it, moto can start no task.
        ec2.modify_vpc_attribute(VpcId=subnet["VpcId"], EnableDnsHostnames={"Value": True})
        return Installation(stack, outputs)

    def end_with(self, installation: Installation, code: int | None, reason: str = "") -> None:
        """Let the tasks that run end with a code, or never have started; moto has them end by and by."""
        backend = ecs_backends[DEFAULT_ACCOUNT_ID][REGION]
        for task in backend.tasks[installation.outputs["ClusterName"]].values():
            task.containers[0].exitCode = code
            task.stopped_reason = reason

    def log(self, installation: Installation, stream: str, lines: Iterable[str], time: int = 0) -> None:
        """Write lines to a stream, a millisecond apart; `time` is in milliseconds since 1970, else now."""
        logs = self.client("logs")
        with suppress(logs.exceptions.ResourceAlreadyExistsException):
            logs.create_log_stream(logGroupName=installation.group, logStreamName=stream)
        time = time or int(datetime.now(UTC).timestamp() * 1000)
        events = [{"timestamp": time + number, "message": line} for number, line in enumerate(lines)]
        logs.put_log_events(logGroupName=installation.group, logStreamName=stream, logEvents=events)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        operation = environ.get("HTTP_X_AMZ_TARGET", "").rpartition(".")[2]
        if environ["REQUEST_METHOD"] == "POST" and environ["QUERY_STRING"].startswith("delete"):
            operation = "DeleteObjects"
        with self._lock:
            self.calls[operation] += 1
            answer = self.instead.get(operation)
            if answer is not None:
                body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
                told = answer(body.decode() if operation == "DeleteObjects" else json.loads(body or b"{}"))
                if told is not None:
                    return _answered(*told, start_response)
                environ["wsgi.input"] = _Again(body)
            return list(self._moto(environ, start_response))


def buckets(stack: str) -> dict[str, str]:
    """The buckets of a stack, by their logical names."""
    bucket = f"nccid-data-warehouse-{stack}"
    return {
        "WarehouseBucket": bucket,
        "WarehouseInventoryBucket": f"{bucket}-inventory",
        "WarehouseProcessedBucket": f"{bucket}-processed",
        "WarehouseBackupBucket": f"{bucket}-backup",
    }


def template(stack: str, task_definitions: dict[str, str]) -> dict[str, Any]:
    """What moto's CloudFormation can make of the template, under the same logical names."""
    resources: dict[str, Any] = {
        name: _resource("AWS::S3::Bucket", BucketName=value) for name, value in buckets(stack).items()
    }
    group = f"/ecs/warehouse-{stack}-pipeline"
    vpc = {"Ref": "Network"}
    resources |= {
        "ECSCluster": _resource("AWS::ECS::Cluster"),
        "PipelineLogGroup": _resource("AWS::Logs::LogGroup", LogGroupName=group),
        "Network": _resource("AWS::EC2::VPC", CidrBlock="10.40.0.0/16"),
        "SubnetA": _resource("AWS::EC2::Subnet", VpcId=vpc, CidrBlock="10.40.0.0/24"),
        "SubnetB": _resource("AWS::EC2::Subnet", VpcId=vpc, CidrBlock="10.40.1.0/24"),
        "TaskSecurityGroup": _resource("AWS::EC2::SecurityGroup", VpcId=vpc, GroupDescription="tasks"),
        "Notifications": _resource("AWS::SNS::Topic"),
        "NightlyRule": _resource(
            "AWS::Events::Rule", ScheduleExpression="cron(0 1 * * ? *)", State="ENABLED"
        ),
    }
    outputs = {
        "WarehouseBucketName": {"Ref": "WarehouseBucket"},
        "ProcessedBucketName": {"Ref": "WarehouseProcessedBucket"},
        "InventoryBucketName": {"Ref": "WarehouseInventoryBucket"},
        "ClusterName": {"Ref": "ECSCluster"},
        **task_definitions,
        "SubnetIds": {"Fn::Join": [",", [{"Ref": "SubnetA"}, {"Ref": "SubnetB"}]]},
        "SecurityGroupId": {"Fn::GetAtt": ["TaskSecurityGroup", "GroupId"]},
        "AssignPublicIp": "ENABLED",
        "PlatformVersion": "1.4.0",
        "LogGroupName": {"Ref": "PipelineLogGroup"},
        "TopicArn": {"Ref": "Notifications"},
        "RepositoryUri": f"{DEFAULT_ACCOUNT_ID}.dkr.ecr.{REGION}.amazonaws.com/warehouse-{stack}",
        "StarterFunctionName": f"warehouse-{stack}-starter",
    }
    told = {name: {"Value": value} for name, value in outputs.items()}
    return {"AWSTemplateFormatVersion": "2010-09-09", "Resources": resources, "Outputs": told}


def _resource(kind: str, **properties: Any) -> dict[str, Any]:
    return {"Type": kind, "Properties": properties}


def task_definition(stack: str, family: str, command: str) -> dict[str, Any]:
    """A task definition as the template makes it, in the words of RegisterTaskDefinition."""
    options = {
        "awslogs-group": f"/ecs/warehouse-{stack}-pipeline",
        "awslogs-region": REGION,
        "awslogs-stream-prefix": command,
    }
    container = {
        "name": "pipeline",
        "image": f"{DEFAULT_ACCOUNT_ID}.dkr.ecr.{REGION}.amazonaws.com/warehouse-{stack}:latest",
        "essential": True,
        # moto wants it; to Fargate, the memory of the task is what counts.
        "memory": 8192,
        "command": [command],
        "environment": [{"name": "WAREHOUSE_BUCKET", "value": f"s3://nccid-data-warehouse-{stack}"}],
        "logConfiguration": {"logDriver": "awslogs", "options": options},
    }
    return {
        "family": f"warehouse-{stack}-{family}",
        "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"],
        "cpu": "1024",
        "memory": "8192",
        "executionRoleArn": f"arn:aws:iam::{DEFAULT_ACCOUNT_ID}:role/execution",
        "taskRoleArn": f"arn:aws:iam::{DEFAULT_ACCOUNT_ID}:role/loader",
        "containerDefinitions": [container],
    }


class _Again:
    """A body that was read already."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def read(self, size: int = -1) -> bytes:
        size = len(self._body) if size < 0 else size
        part, self._body = self._body[:size], self._body[size:]
        return part


def _answered(status: int, document: Any, start_response: Callable[..., Any]) -> Iterable[bytes]:
    text = isinstance(document, str)
    body = document.encode() if text else json.dumps(document).encode()
    kind = "application/xml" if text else "application/x-amz-json-1.1"
    headers = [("Content-Type", kind), ("Content-Length", str(len(body)))]
    start_response(f"{status} X", headers)
    return [body]
