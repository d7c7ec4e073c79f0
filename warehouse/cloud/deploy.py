"""Brings a stack up to a template by a change set, which is looked at before it is carried out.

CloudFormation: CreateChangeSet, DescribeChangeSet, ExecuteChangeSet, DeleteChangeSet, DescribeStacks,
DescribeStackEvents.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import botocore.exceptions as boto

from warehouse.cloud.clients import Access, client, translated
from warehouse.cloud.template import body_of
from warehouse.domain.deployment import (
    ABSENT,
    BUSY,
    STUCK,
    Change,
    changes_of,
    parameters,
    says_nothing_to_do,
    state_of,
)
from warehouse.errors import CloudFault, CloudUnavailable

SERVICE = "cloudformation"
# The roles have no names of our choice.
CAPABILITIES = ("CAPABILITY_IAM",)
POLL_SECONDS = 5
LONGEST_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class ChangeSet:
    """A change set that waits to be carried out or thrown away; no changes: nothing is to be done."""

    stack: str
    name: str
    changes: Sequence[Change]
    makes_the_stack: bool


class Deployer:
    """Changes the stacks of an account and region. Raises CloudFault and CloudUnavailable."""

    def __init__(self, access: Access) -> None:
        self._client = client(SERVICE, access)

    def propose(
        self,
        stack: str,
        template: Mapping[str, Any],
        given: Sequence[str],
        defaults: Mapping[str, str],
        now: datetime,
    ) -> ChangeSet:
        """Make a change set for a stack that stands, or for one that does not yet."""
        described = self.describe(stack)
        status = None if described is None else described["StackStatus"]
        state = state_of(status)
        if state == BUSY:
            raise CloudUnavailable(SERVICE, "", f"the stack {stack} {BUSY} ({status}): wait for its end")
        if state == STUCK:
            said = (
                f"the stack {stack} {STUCK} ({status}): delete it in CloudFormation, which keeps all buckets"
            )
            raise CloudUnavailable(SERVICE, "", said)
        made = state == ABSENT
        held = () if made or described is None else _names(described)
        change_set = ChangeSet(stack, f"warehouse-{now:%Y%m%d-%H%M%S}", (), made)
        try:
            with translated(SERVICE):
                self._client.create_change_set(
                    StackName=stack,
                    ChangeSetName=change_set.name,
                    ChangeSetType="CREATE" if made else "UPDATE",
                    TemplateBody=body_of(dict(template)),
                    Parameters=parameters(template.get("Parameters", {}), given, held, defaults),
                    Capabilities=list(CAPABILITIES),
                )
        except CloudFault as error:
            if says_nothing_to_do(str(error)):
                return change_set
            raise
        return self._proposed(change_set)

    def _proposed(self, change_set: ChangeSet) -> ChangeSet:
        waiter = self._client.get_waiter("change_set_create_complete")
        try:
            waiter.wait(
                StackName=change_set.stack,
                ChangeSetName=change_set.name,
                WaiterConfig={"Delay": POLL_SECONDS, "MaxAttempts": LONGEST_SECONDS // POLL_SECONDS},
            )
        except boto.WaiterError as error:
            reason = str(error.last_response.get("StatusReason", ""))
            self.discard(change_set)
            if says_nothing_to_do(reason):
                return change_set
            said = f"the change set failed: {' '.join(reason.split()) or error.last_response.get('Status')}"
            raise CloudFault(SERVICE, "CreateChangeSet", said) from None
        except boto.ClientError:
            with translated(SERVICE):
                raise
        changes = tuple(self._changes(change_set))
        if not changes:
            self.discard(change_set)
        return ChangeSet(change_set.stack, change_set.name, changes, change_set.makes_the_stack)

    def _changes(self, change_set: ChangeSet) -> Iterator[Change]:
        more: dict[str, str] = {}
        while True:
            with translated(SERVICE):
                page = self._client.describe_change_set(
                    StackName=change_set.stack, ChangeSetName=change_set.name, **more
                )
            yield from changes_of(page)
            if not page.get("NextToken"):
                return
            more = {"NextToken": page["NextToken"]}

    def discard(self, change_set: ChangeSet) -> None:
        """Throw a change set away, and with it the stack that it alone made: not one that stands by now."""
        with translated(SERVICE):
            self._client.delete_change_set(StackName=change_set.stack, ChangeSetName=change_set.name)
        if not change_set.makes_the_stack:
            return
        # Whoever was asked may have waited while somebody else deployed.
        described = self.describe(change_set.stack)
        if described is not None and described["StackStatus"] == "REVIEW_IN_PROGRESS":
            with translated(SERVICE):
                self._client.delete_stack(StackName=change_set.stack)

    def carry_out(self, change_set: ChangeSet) -> None:
        """Carry a change set out, and wait for its end. Raises CloudFault with what failed first."""
        # Of a first attempt that fails not even the buckets stay: they are empty, and in the next one's way.
        first = {"RetainExceptOnCreate": True} if change_set.makes_the_stack else {}
        with translated(SERVICE):
            self._client.execute_change_set(
                StackName=change_set.stack, ChangeSetName=change_set.name, **first
            )
        done = "stack_create_complete" if change_set.makes_the_stack else "stack_update_complete"
        try:
            self._client.get_waiter(done).wait(
                StackName=change_set.stack,
                WaiterConfig={"Delay": POLL_SECONDS, "MaxAttempts": LONGEST_SECONDS // POLL_SECONDS},
            )
        except boto.WaiterError:
            said = f"the stack {change_set.stack} was not brought up to the template"
            why = self._failure(change_set)
            raise CloudFault(SERVICE, "ExecuteChangeSet", f"{said}; {why}") from None

    def _failure(self, change_set: ChangeSet) -> str:
        """What failed first: the rest are its consequences."""
        pages = self._client.get_paginator("describe_stack_events").paginate(StackName=change_set.stack)
        first = ""
        with translated(SERVICE):
            for event in (event for page in pages for event in page["StackEvents"]):
                if event.get("ResourceStatus", "").endswith("_FAILED"):
                    reason = " ".join(str(event.get("ResourceStatusReason", "")).split())
                    first = f"{event['LogicalResourceId']}: {reason}"
                # The newest event comes first.
                if event["LogicalResourceId"] == change_set.stack and event.get("ResourceStatus") in (
                    "CREATE_IN_PROGRESS",
                    "UPDATE_IN_PROGRESS",
                ):
                    break
        return first or "CloudFormation's events say why"

    def describe(self, stack: str) -> Mapping[str, Any] | None:
        """A stack as DescribeStacks tells of it; None where there is none."""
        try:
            with translated(SERVICE):
                (found,) = self._client.describe_stacks(StackName=stack)["Stacks"]
        except CloudFault as error:
            if error.code == "ValidationError":
                return None
            raise
        described: Mapping[str, Any] = found
        return described


def _names(described: Mapping[str, Any]) -> Sequence[str]:
    return [one["ParameterKey"] for one in described.get("Parameters", ())]
