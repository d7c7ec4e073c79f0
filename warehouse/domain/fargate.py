"""What one run in Fargate is asked to be: sizes that there are, overrides, a revision with another image."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from warehouse.errors import SettingsError

# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html, "Task CPU and
# memory": CPU units (1,024 a vCPU) -> MiB.
SIZES: Mapping[int, frozenset[int]] = {
    256: frozenset({512, 1024, 2048}),
    512: frozenset(range(1024, 4096 + 1, 1024)),
    1024: frozenset(range(2048, 8192 + 1, 1024)),
    2048: frozenset(range(4096, 16384 + 1, 1024)),
    4096: frozenset(range(8192, 30720 + 1, 1024)),
    8192: frozenset(range(16384, 61440 + 1, 4096)),
    16384: frozenset(range(32768, 122880 + 1, 8192)),
}

# API_RunTask, `overrides`: all of them together, in JSON.
LONGEST_OVERRIDES = 8192

# What DescribeTaskDefinition tells and RegisterTaskDefinition does not take.
TOLD_ONLY = frozenset(
    {
        *("taskDefinitionArn", "revision", "status", "requiresAttributes", "compatibilities"),
        *("registeredAt", "deregisteredAt", "registeredBy", "enableFaultInjection"),
    }
)

# An image's tag (OCI distribution specification, "Pulling manifests") or digest.
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def require_size(cpu: int, memory: int, names: tuple[str, str] = ("--cpu", "--memory")) -> None:
    """Raise SettingsError unless Fargate has tasks of these CPU units and MiB, which go by these names."""
    if cpu not in SIZES:
        raise SettingsError(f"{names[0]} must be one of {', '.join(map(str, SIZES))} (1024 are one vCPU)")
    if memory not in SIZES[cpu]:
        raise SettingsError(
            f"Fargate has no task of {cpu} CPU units and {memory} MiB: with that {names[0]}, {names[1]} is "
            f"{_in_words(sorted(SIZES[cpu]))}"
        )


def _in_words(sizes: Sequence[int]) -> str:
    """Sizes that rise, as a person reads them.

    >>> _in_words([512, 1024, 2048])
    '512, 1024 or 2048'
    >>> _in_words([1024, 2048, 3072, 4096])
    'from 1024 to 4096 in steps of 1024'
    """
    if len(sizes) == 3:
        return f"{sizes[0]}, {sizes[1]} or {sizes[2]}"
    return f"from {sizes[0]} to {sizes[-1]} in steps of {sizes[1] - sizes[0]}"


def variables(pairs: Iterable[str]) -> list[dict[str, str]]:
    """`K=V` as ECS takes it; the value may be empty. Raises SettingsError, which quotes no value."""
    found = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not _NAME.fullmatch(name):
            raise SettingsError("--env is of the form NAME=VALUE, with a name of letters, digits and _")
        found[name] = value
    return [{"name": name, "value": value} for name, value in found.items()]


def words(command: str) -> list[str]:
    """A command line as a shell would split it. Raises SettingsError."""
    try:
        split = shlex.split(command)
    except ValueError:
        raise SettingsError("--command has a quotation mark that is not closed") from None
    if not split:
        raise SettingsError("--command is empty: leave it out, or name what the container is to run")
    return split


def overrides(
    container: str,
    *,
    environment: Iterable[str] = (),
    command: str | None = None,
    cpu: int | None = None,
    memory: int | None = None,
) -> dict[str, Any]:
    """What one task differs in from its definition (API_TaskOverride). Raises SettingsError."""
    own: dict[str, Any] = {}
    if pairs := variables(environment):
        own["environment"] = pairs
    if command is not None:
        own["command"] = words(command)
    found: dict[str, Any] = {"containerOverrides": [{"name": container, **own}]} if own else {}
    if cpu is not None:
        found["cpu"] = str(cpu)
    if memory is not None:
        found["memory"] = str(memory)
    if len(json.dumps(found)) > LONGEST_OVERRIDES:
        raise SettingsError(
            f"--env and --command are longer than the {LONGEST_OVERRIDES:,} characters that ECS takes"
        )
    return found


def image_name(repository: str, image: str) -> str:
    """The image of a repository by its tag or digest. Raises SettingsError.

    >>> image_name("1.dkr.ecr.eu-west-2.amazonaws.com/warehouse", "v2")
    '1.dkr.ecr.eu-west-2.amazonaws.com/warehouse:v2'
    """
    if _DIGEST.fullmatch(image):
        return f"{repository}@{image}"
    if _TAG.fullmatch(image):
        return f"{repository}:{image}"
    raise SettingsError("--image is a tag of the stack's repository, or a digest: sha256:<64 digits>")


def with_image(definition: Mapping[str, Any], container: str, image: str) -> dict[str, Any]:
    """A task definition as RegisterTaskDefinition takes it, with another image in one container."""
    containers = [
        {**one, "image": image} if one["name"] == container else one
        for one in definition["containerDefinitions"]
    ]
    kept = {name: value for name, value in definition.items() if name not in TOLD_ONLY}
    return {**kept, "containerDefinitions": containers}


def family(task_definition: str) -> str:
    """The family of a task definition, by its ARN or `family:revision`.

    >>> family("arn:aws:ecs:eu-west-2:123456789012:task-definition/warehouse-dev-Pipeline:7")
    'warehouse-dev-Pipeline'
    """
    return task_definition.rpartition("/")[2].partition(":")[0]
