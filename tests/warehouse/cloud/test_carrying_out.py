"""A first deployment that fails leaves no empty buckets in the way of the next; a later one keeps all."""

from __future__ import annotations

import pytest
from botocore.stub import Stubber

from warehouse.cloud.clients import Access
from warehouse.cloud.deploy import ChangeSet, Deployer
from warehouse.errors import CloudFault

NAME = "warehouse-dev"


@pytest.fixture(autouse=True)
def _credentials(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    monkeypatch.delenv("AWS_PROFILE", raising=False)


@pytest.mark.parametrize(
    ("first", "ended", "asked"),
    [
        (True, "CREATE_COMPLETE", {"RetainExceptOnCreate": True}),
        (False, "UPDATE_COMPLETE", {}),
    ],
)
def test_what_a_failed_attempt_leaves(first, ended, asked):
    deployer = Deployer(Access(region="eu-west-2"))
    with Stubber(deployer._client) as stub:
        stub.add_response("execute_change_set", {}, {"StackName": NAME, "ChangeSetName": "c", **asked})
        stack = {"StackName": NAME, "StackStatus": ended, "CreationTime": "2026-01-01"}
        stub.add_response("describe_stacks", {"Stacks": [stack]}, {"StackName": NAME})
        deployer.carry_out(ChangeSet(NAME, "c", (), first))
        stub.assert_no_pending_responses()


@pytest.mark.parametrize(("status", "deleted"), [("REVIEW_IN_PROGRESS", True), ("CREATE_COMPLETE", False)])
def test_a_stack_that_somebody_else_made_meanwhile_is_not_thrown_away(status, deleted):
    deployer = Deployer(Access(region="eu-west-2"))
    with Stubber(deployer._client) as stub:
        stub.add_response("delete_change_set", {}, {"StackName": NAME, "ChangeSetName": "c"})
        stack = {"StackName": NAME, "StackStatus": status, "CreationTime": "2026-01-01"}
        stub.add_response("describe_stacks", {"Stacks": [stack]}, {"StackName": NAME})
        if deleted:
            stub.add_response("delete_stack", {}, {"StackName": NAME})
        deployer.discard(ChangeSet(NAME, "c", (), True))
        stub.assert_no_pending_responses()


def test_a_refused_change_set_is_a_fault():
    deployer = Deployer(Access(region="eu-west-2"))
    with Stubber(deployer._client) as stub:
        stub.add_client_error("execute_change_set", "InvalidChangeSetStatus", "it is executing")
        with pytest.raises(CloudFault, match="InvalidChangeSetStatus"):
            deployer.carry_out(ChangeSet(NAME, "c", (), False))
