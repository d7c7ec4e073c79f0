"""The tasks of a stack in ECS: started, described, and found by their family."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from warehouse.cloud.clients import Access, client, translated
from warehouse.cloud.stack import CONTAINER, CONTAINER_COMMANDS, Pipeline, Stack
from warehouse.domain.ecs_task import Task, task_of
from warehouse.domain.fargate import family, image_name, require_size, with_image
from warehouse.errors import CloudError, CloudFault

# https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeTasks.html
DESCRIBED_AT_ONCE = 100

# API_RunTask, `startedBy`: letters, digits, hyphens, slashes and underscores; a space is refused.
STARTED_BY = "warehouse-cloud-run"


def stream_name(pipeline: Pipeline, task: str) -> str:
    """The log stream of a task (ECS developer guide, "awslogs-stream-prefix")."""
    return f"{CONTAINER_COMMANDS[pipeline]}/{CONTAINER}/{task}"


class Tasks:
    """The tasks of one stack. Raises CloudError."""

    def __init__(self, stack: Stack, access: Access) -> None:
        self._stack = stack
        self._ecs = client("ecs", access)

    def running(self, pipeline: Pipeline) -> list[Task]:
        """Those that run, or are about to."""
        return self._of(pipeline, "RUNNING")

    def stopped(self, pipeline: Pipeline) -> list[Task]:
        """Those that ended within the hour or so for which ECS remembers them."""
        return self._of(pipeline, "STOPPED")

    def find(self, task: str) -> Task | None:
        """One task as it is now, by its ARN or id; None where ECS knows it no more."""
        with translated("ecs"):
            found = self._ecs.describe_tasks(cluster=self._stack.cluster, tasks=[task])["tasks"]
        return task_of(found[0], CONTAINER) if found else None

    def require_size(self, pipeline: Pipeline, cpu: int | None, memory: int | None) -> None:
        """Raise SettingsError where Fargate has no such task; what is not given is the definition's."""
        if cpu is None and memory is None:
            return
        definition = self._definition(pipeline)
        require_size(
            int(definition.get("cpu", 0)) if cpu is None else cpu,
            int(definition.get("memory", 0)) if memory is None else memory,
        )

    def start(self, pipeline: Pipeline, overrides: Mapping[str, Any], image: str | None = None) -> Task:
        """Start a task, with an image of the stack's repository if one is named by its tag or digest."""
        if image is None:
            return self._run(self._stack.task_definitions[pipeline], overrides)
        name = image_name(self._stack.repository, image)
        request = with_image(self._definition(pipeline), CONTAINER, name)
        with translated("ecs"):
            made = self._ecs.register_task_definition(**request)["taskDefinition"]["taskDefinitionArn"]
        try:
            return self._run(made, overrides)
        finally:
            # Whoever starts a task by the family's name would get this revision, being the newest. A task
            # that runs is not concerned.
            with suppress(CloudError), translated("ecs"):
                self._ecs.deregister_task_definition(taskDefinition=made)

    def _run(self, definition: str, overrides: Mapping[str, Any]) -> Task:
        stack = self._stack
        with translated("ecs"):
            answer = self._ecs.run_task(
                cluster=stack.cluster,
                taskDefinition=definition,
                launchType="FARGATE",
                platformVersion=stack.platform_version,
                overrides=overrides,
                startedBy=STARTED_BY,
                # The client tries again by itself: with the token, that starts no second task.
                clientToken=uuid.uuid4().hex,
                networkConfiguration={
                    "awsvpcConfiguration": {
                        "subnets": list(stack.subnets),
                        "securityGroups": [stack.security_group],
                        "assignPublicIp": stack.assign_public_ip,
                    }
                },
            )
        if not answer["tasks"]:
            told = "; ".join(str(one.get("reason", "")) for one in answer.get("failures", ()))
            raise CloudFault(
                "ecs", "RunTask", f"no task was started ({told or 'no reason given'}): run again"
            )
        return task_of(answer["tasks"][0], CONTAINER)

    def _definition(self, pipeline: Pipeline) -> dict[str, Any]:
        with translated("ecs"):
            answer = self._ecs.describe_task_definition(taskDefinition=self._stack.task_definitions[pipeline])
        definition: dict[str, Any] = answer["taskDefinition"]
        return definition

    def _of(self, pipeline: Pipeline, desired: str) -> list[Task]:
        arns = list(self._arns(pipeline, desired))
        found: list[Task] = []
        for first in range(0, len(arns), DESCRIBED_AT_ONCE):
            some = arns[first : first + DESCRIBED_AT_ONCE]
            with translated("ecs"):
                told = self._ecs.describe_tasks(cluster=self._stack.cluster, tasks=some)["tasks"]
            found += [task_of(one, CONTAINER) for one in told]
        return found

    def _arns(self, pipeline: Pipeline, desired: str) -> Iterator[str]:
        name = family(self._stack.task_definitions[pipeline])
        pages = self._ecs.get_paginator("list_tasks").paginate(
            cluster=self._stack.cluster, family=name, desiredStatus=desired
        )
        with translated("ecs"):
            for page in pages:
                yield from page["taskArns"]
