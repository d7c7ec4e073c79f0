"""Brings a stack up to a template by a change set, which is looked at before it is carried out.

CloudFormation: CreateChangeSet, DescribeChangeSet, ExecuteChangeSet, DeleteChangeSet, DescribeStacks,
DescribeStackEvents.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import botocore.exceptions as boto

from warehouse.cloud.clients import Access, client, translated
from warehouse.cloud.template import body_of
from warehouse.domain.deployment import (
    ABSENT,
    REMEDIES,
    Change,
    changes_of,
    parameters,
    require_sizes,
    says_nothing_to_do,
    state_of,
)
from warehouse.errors import CloudError, CloudFault, CloudUnavailable

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
    """Changes the stacks of an account and region. Raises CloudError."""

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
        if state in REMEDIES:
            raise CloudUnavailable(SERVICE, "", f"the stack {stack} {state} ({status}): {REMEDIES[state]}")
        made = state == ABSENT
        held = {} if made or described is None else _values(described)
        known = template.get("Parameters", {})
        chosen = parameters(known, given, tuple(held), defaults)
        require_sizes(_at_last(known, held, chosen))
        change_set = ChangeSet(stack, f"warehouse-{now:%Y%m%d-%H%M%S}", (), made)
        try:
            with translated(SERVICE):
                self._client.create_change_set(
                    StackName=stack,
                    ChangeSetName=change_set.name,
                    ChangeSetType="CREATE" if made else "UPDATE",
                    TemplateBody=body_of(dict(template)),
                    Parameters=chosen,
                    Capabilities=list(CAPABILITIES),
                )
        except CloudError as error:
            if says_nothing_to_do(str(error)):
                return change_set
            raise
        return self._proposed(change_set)

    def _proposed(self, change_set: ChangeSet) -> ChangeSet:
        named = {"StackName": change_set.stack, "ChangeSetName": change_set.name}
        failed = self._awaited("change_set_create_complete", "DescribeChangeSet", named)
        if failed is not None:
            reason = " ".join(str(failed.get("StatusReason", "")).split())
            with suppress(CloudError):
                self.discard(change_set)
            if says_nothing_to_do(reason):
                return change_set
            said = f"the change set failed: {reason or failed.get('Status')}"
            raise CloudFault(SERVICE, "CreateChangeSet", said)
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
        """Carry a change set out, and wait for its end. Raises CloudFault with what failed first, or where
        nobody can say any more how it goes on."""
        # Of a first attempt that fails not even the buckets stay: they are empty, and in the next one's way.
        first = {"RetainExceptOnCreate": True} if change_set.makes_the_stack else {}
        with translated(SERVICE):
            self._client.execute_change_set(
                StackName=change_set.stack, ChangeSetName=change_set.name, **first
            )
        done = "stack_create_complete" if change_set.makes_the_stack else "stack_update_complete"
        goes_on = f"CloudFormation goes on with the stack {change_set.stack}: look for its end there"
        try:
            failed = self._awaited(done, "DescribeStacks", {"StackName": change_set.stack})
        except CloudError as error:
            raise CloudFault(SERVICE, "ExecuteChangeSet", f"{goes_on} ({error})") from None
        if failed is None:
            return
        (stack,) = failed["Stacks"]
        if stack["StackStatus"].endswith("_IN_PROGRESS"):
            raise CloudFault(SERVICE, "ExecuteChangeSet", f"{goes_on} ({stack['StackStatus']})")
        said = f"the stack {change_set.stack} was not brought up to the template"
        why = "CloudFormation's events say why"
        with suppress(CloudError):
            why = self._failure(change_set) or why
        raise CloudFault(SERVICE, "ExecuteChangeSet", f"{said}; {why}")

    def _awaited(self, waiter: str, operation: str, named: Mapping[str, str]) -> Mapping[str, Any] | None:
        """Wait for a state; None once it is there, else what stood there when it was given up.

        Raises CloudError where that could not be looked at: a waiter takes a refusal for a state, too.
        """
        often = {"Delay": POLL_SECONDS, "MaxAttempts": LONGEST_SECONDS // POLL_SECONDS}
        with translated(SERVICE):
            try:
                self._client.get_waiter(waiter).wait(**named, WaiterConfig=often)
            except boto.WaiterError as error:
                seen: Any = error.last_response
                if "Error" in seen:
                    raise boto.ClientError(seen, operation) from None
                answer: Mapping[str, Any] = seen
                return answer
        return None

    def _failure(self, change_set: ChangeSet) -> str:
        """What failed first: the rest are its consequences. Empty where nothing did."""
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
        return first

    def describe(self, stack: str) -> Mapping[str, Any] | None:
        """A stack as DescribeStacks tells of it; None where there is none."""
        try:
            with translated(SERVICE):
                (found,) = self._client.describe_stacks(StackName=stack)["Stacks"]
        except CloudError as error:
            if error.code == "ValidationError":
                return None
            raise
        described: Mapping[str, Any] = found
        return described


def _values(described: Mapping[str, Any]) -> dict[str, str]:
    return {one["ParameterKey"]: one["ParameterValue"] for one in described.get("Parameters", ())}


def _at_last(
    known: Mapping[str, Any], held: Mapping[str, str], chosen: Sequence[Mapping[str, Any]]
) -> dict[str, str]:
    """Every parameter's value as it will be: what is chosen, else what the stack holds, else the default."""
    defaults = {name: str(one["Default"]) for name, one in known.items() if "Default" in one}
    named = {one["ParameterKey"]: one["ParameterValue"] for one in chosen if "ParameterValue" in one}
    return {**defaults, **{name: value for name, value in held.items() if name in known}, **named}
