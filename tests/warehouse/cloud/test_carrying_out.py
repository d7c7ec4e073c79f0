"""A first deployment that fails leaves no empty buckets in the way of the next; a later one keeps all."""

from __future__ import annotations

from datetime import UTC, datetime

import botocore.exceptions as boto
import botocore.waiter
import pytest
from botocore.stub import Stubber

from warehouse.cloud.clients import Access
from warehouse.cloud.deploy import ChangeSet, Deployer
from warehouse.errors import CloudError, CloudFault, CloudUnavailable

NAME = "warehouse-dev"


@pytest.fixture(autouse=True)
def _credentials(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.setattr(botocore.waiter.time, "sleep", lambda seconds: None)


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


def standing(status):
    return {"Stacks": [{"StackName": NAME, "StackStatus": status, "CreationTime": "2026-01-01"}]}


@pytest.mark.parametrize("code", ["AccessDenied", "ExpiredToken", "Throttling", "ValidationError"])
def test_who_can_no_longer_watch_is_not_told_that_it_failed(code):
    deployer = Deployer(Access(region="eu-west-2"))
    with Stubber(deployer._client) as stub:
        stub.add_response("execute_change_set", {})
        stub.add_client_error("describe_stacks", code)
        with pytest.raises(CloudFault, match=f"CloudFormation goes on with the stack {NAME}.*{code}"):
            deployer.carry_out(ChangeSet(NAME, "c", (), False))


def test_a_connection_that_is_lost_while_one_watches_is_a_fault(monkeypatch):
    deployer = Deployer(Access(region="eu-west-2"))

    def lost(**_):
        raise boto.EndpointConnectionError(endpoint_url="http://secret")

    with Stubber(deployer._client) as stub:
        stub.add_response("execute_change_set", {})
        monkeypatch.setattr(deployer._client, "describe_stacks", lost)
        with pytest.raises(CloudFault, match="goes on") as raised:
            deployer.carry_out(ChangeSet(NAME, "c", (), False))
    assert "secret" not in str(raised.value)


def test_what_takes_too_long_goes_on(monkeypatch):
    monkeypatch.setattr("warehouse.cloud.deploy.LONGEST_SECONDS", 5)
    deployer = Deployer(Access(region="eu-west-2"))
    with Stubber(deployer._client) as stub:
        stub.add_response("execute_change_set", {})
        stub.add_response("describe_stacks", standing("UPDATE_IN_PROGRESS"))
        with pytest.raises(CloudFault, match=r"goes on .*\(UPDATE_IN_PROGRESS\)"):
            deployer.carry_out(ChangeSet(NAME, "c", (), False))


def test_a_failure_whose_events_may_not_be_read_is_said_all_the_same():
    deployer = Deployer(Access(region="eu-west-2"))
    with Stubber(deployer._client) as stub:
        stub.add_response("execute_change_set", {})
        stub.add_response("describe_stacks", standing("UPDATE_ROLLBACK_COMPLETE"))
        stub.add_client_error("describe_stack_events", "AccessDenied")
        with pytest.raises(CloudFault, match="was not brought up to the template; CloudFormation's events"):
            deployer.carry_out(ChangeSet(NAME, "c", (), False))


@pytest.mark.parametrize(("code", "kind"), [("AccessDenied", CloudUnavailable), ("Throttling", CloudFault)])
def test_a_change_set_that_cannot_be_looked_at(code, kind):
    deployer = Deployer(Access(region="eu-west-2"))
    with Stubber(deployer._client) as stub:
        stub.add_response("describe_stacks", standing("UPDATE_COMPLETE"))
        stub.add_response("create_change_set", {})
        stub.add_client_error("describe_change_set", code)
        with pytest.raises(CloudError, match=f"DescribeChangeSet: .*{code}") as raised:
            deployer.propose(NAME, {"Resources": {}}, (), {}, datetime(2026, 1, 1, tzinfo=UTC))
    assert type(raised.value) is kind


def test_a_change_set_that_failed_and_cannot_be_thrown_away_says_why_it_failed():
    deployer = Deployer(Access(region="eu-west-2"))
    with Stubber(deployer._client) as stub:
        stub.add_response("describe_stacks", standing("UPDATE_COMPLETE"))
        stub.add_response("create_change_set", {})
        stub.add_response("describe_change_set", {"Status": "FAILED", "StatusReason": "no such role"})
        stub.add_client_error("delete_change_set", "AccessDenied")
        with pytest.raises(CloudFault, match="the change set failed: no such role"):
            deployer.propose(NAME, {"Resources": {}}, (), {}, datetime(2026, 1, 1, tzinfo=UTC))


def test_a_stack_whose_rollback_failed_says_how_to_go_on():
    deployer = Deployer(Access(region="eu-west-2"))
    with Stubber(deployer._client) as stub:
        stub.add_response("describe_stacks", standing("UPDATE_ROLLBACK_FAILED"))
        with pytest.raises(CloudUnavailable, match="Continue update rollback"):
            deployer.propose(NAME, {"Resources": {}}, (), {}, datetime(2026, 1, 1, tzinfo=UTC))
