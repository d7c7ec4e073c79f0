"""The rule that starts a load every night, as EventBridge has it now."""

from __future__ import annotations

from dataclasses import dataclass

from warehouse.cloud.clients import Access, client, translated
from warehouse.cloud.stack import Stack

# Its logical id in deploy/warehouse.yaml.
RULE = "NightlyRule"


@dataclass(frozen=True, slots=True)
class Schedule:
    """An expression of EventBridge's, and whether it is acted upon."""

    expression: str
    enabled: bool


def nightly(stack: Stack, access: Access) -> Schedule:
    """The nightly rule of a stack. Raises CloudError."""
    with translated("cloudformation"):
        told = client("cloudformation", access).describe_stack_resource(
            StackName=stack.name, LogicalResourceId=RULE
        )
    # Of a rule on a bus of its own, the id is `bus|name`.
    name = told["StackResourceDetail"]["PhysicalResourceId"].rpartition("|")[2].rpartition("/")[2]
    with translated("events"):
        rule = client("events", access).describe_rule(Name=name)
    return Schedule(rule.get("ScheduleExpression", ""), rule.get("State") == "ENABLED")
