"""The template as it is deployed: made, changed and deleted, with what holds data kept."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import boto3
import click.testing
import pytest

from warehouse.cloud import deploy
from warehouse.cloud.clients import Access
from warehouse.cloud.deploy import Deployer
from warehouse.cloud.stack import find_stack
from warehouse.cloud.template import LARGEST, TEMPLATE, body_of, read_template
from warehouse.commands.cloud import cloud
from warehouse.domain.deployment import Change
from warehouse.errors import CloudUnavailable, SettingsError

NAME, BUCKET = "warehouse-dev", "wh-dev"
# What moto's CloudFormation does not make: tests of the template look at these.
NOT_MADE = {
    *("AWS::S3::BucketPolicy", "AWS::SQS::QueuePolicy", "AWS::SNS::TopicPolicy"),
    *("AWS::CloudTrail::Trail", "AWS::CloudWatch::Alarm", "AWS::IAM::Group"),
}

pytestmark = pytest.mark.filterwarnings("ignore:Tried to parse")


@pytest.fixture
def deployer(aws, monkeypatch):
    monkeypatch.setattr(deploy, "POLL_SECONDS", 0.01)
    return Deployer(Access())


def now():
    return datetime.now(UTC)


def made(deployer, **parameters):
    # moto takes a default that was not given for a change when it is given later.
    defaults = {name: one["Default"] for name, one in read_template()["Parameters"].items()}
    given = {**defaults, "BucketNameParameter": BUCKET, **parameters}
    words = [f"{name}={value}" for name, value in given.items()]
    proposed = deployer.propose(NAME, read_template(), words, {}, now())
    deployer.carry_out(proposed)
    return proposed


def resources_of_the_stack():
    pages = boto3.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=NAME)
    return {one["LogicalResourceId"] for page in pages for one in page["StackResourceSummaries"]}


def held(deployer):
    return {one["ParameterKey"]: one["ParameterValue"] for one in deployer.describe(NAME)["Parameters"]}


def buckets():
    return {one["Name"] for one in boto3.client("s3").list_buckets()["Buckets"]}


def test_cfn_lint_finds_nothing():
    words = [str(Path(sys.executable).with_name("cfn-lint")), "--include-checks", "I", "--", str(TEMPLATE)]
    ended = subprocess.run(words, capture_output=True, text=True, timeout=120)
    assert ended.stdout + ended.stderr == ""
    assert ended.returncode == 0


def test_a_stack_is_made_with_all_that_the_commands_need(deployer):
    proposed = made(deployer)
    assert proposed.makes_the_stack
    assert {change.action for change in proposed.changes} == {"Add"}
    stack = find_stack("dev", Access())
    assert stack.bucket == BUCKET
    assert stack.log_group == "/ecs/warehouse-dev-pipeline"
    assert stack.assign_public_ip == "ENABLED"
    assert buckets() == {
        BUCKET,
        *(f"{BUCKET}-{one}" for one in ("backup", "inventory", "processed", "object-logs")),
    }
    definitions = boto3.client("ecs")
    for pipeline, family in (
        ("loader", "Pipeline"),
        ("centres", "SubmittingCentres"),
        ("process", "DataProcessing"),
    ):
        found = definitions.describe_task_definition(taskDefinition=stack.task_definitions[pipeline])
        assert found["taskDefinition"]["family"] == f"{NAME}-{family}"
        (container,) = found["taskDefinition"]["containerDefinitions"]
        assert container["name"] == "pipeline"


def test_every_resource_is_made_that_moto_can_make(deployer):
    made(deployer)
    found = resources_of_the_stack()
    resources = read_template()["Resources"]
    missing = resources.keys() - found
    conditional = {
        name for name, one in resources.items() if one.get("Condition") in ("HasKey", "HasEmail", "IsPrivate")
    }
    assert {resources[name]["Type"] for name in missing - conditional} <= NOT_MADE
    assert conditional <= missing


def test_a_private_network_has_endpoints_and_no_way_out(deployer):
    made(deployer, Network="private")
    found = resources_of_the_stack()
    assert {"EcrApiEndpoint", "EcrDockerEndpoint", "LogsEndpoint", "SnsEndpoint", "S3Endpoint"} <= found
    assert not found & {"InternetGateway", "RouteOut"}
    assert find_stack("dev", Access()).assign_public_ip == "DISABLED"


def test_a_newer_template_changes_what_differs_and_no_bucket(deployer):
    made(deployer)
    before, stand = find_stack("dev", Access()).task_definitions, buckets()
    newer = read_template()
    (container,) = newer["Resources"]["LoaderTaskDefinition"]["Properties"]["ContainerDefinitions"]
    container["StopTimeout"] = 60
    # moto shows no changes that parameters alone make, and does not keep those that are not given.
    words = [f"{name}={value}" for name, value in {**held(deployer), "LoaderMemory": "4096"}.items()]
    proposed = deployer.propose(NAME, newer, words, {}, now())
    assert [(one.action, one.logical_id) for one in proposed.changes] == [("Modify", "LoaderTaskDefinition")]
    assert not proposed.makes_the_stack
    deployer.carry_out(proposed)
    after = find_stack("dev", Access()).task_definitions
    definition = boto3.client("ecs").describe_task_definition(taskDefinition=after["loader"])[
        "taskDefinition"
    ]
    assert definition["memory"] == "4096"
    assert after["loader"] != before["loader"]
    assert after["centres"] == before["centres"]
    assert buckets() == stand


def test_nothing_to_change_is_no_error(deployer):
    made(deployer)
    words = [f"{name}={value}" for name, value in held(deployer).items()]
    assert deployer.propose(NAME, read_template(), words, {}, now()).changes == ()


def test_a_stack_that_is_deleted_leaves_every_bucket(deployer):
    made(deployer)
    before = buckets()
    boto3.client("cloudformation").delete_stack(StackName=NAME)
    assert deployer.describe(NAME) is None
    assert buckets() == before
    with pytest.raises(CloudUnavailable, match=r"no stack warehouse-dev .*cloud deploy --stack dev"):
        find_stack("dev", Access())


def test_a_proposal_that_is_thrown_away_leaves_nothing(deployer):
    proposed = deployer.propose(NAME, read_template(), ["BucketNameParameter=b-b"], {}, now())
    deployer.discard(proposed)
    assert deployer.describe(NAME) is None
    assert buckets() == set()


@pytest.mark.parametrize(
    ("status", "said"),
    [("UPDATE_IN_PROGRESS", "is being changed"), ("ROLLBACK_COMPLETE", "could not be made .*delete it")],
)
def test_a_stack_in_no_state_to_be_changed_says_so(deployer, monkeypatch, status, said):
    monkeypatch.setattr(deployer, "describe", lambda _: {"StackStatus": status, "Parameters": []})
    with pytest.raises(CloudUnavailable, match=said):
        deployer.propose(NAME, read_template(), (), {}, now())


def test_what_failed_first_is_told(deployer, monkeypatch):
    made(deployer)
    events = [
        {"LogicalResourceId": NAME, "ResourceStatus": "UPDATE_ROLLBACK_COMPLETE"},
        {"LogicalResourceId": "VPC", "ResourceStatus": "UPDATE_FAILED", "ResourceStatusReason": "cancelled"},
        {
            "LogicalResourceId": "Uploads",
            "ResourceStatus": "UPDATE_FAILED",
            "ResourceStatusReason": "no\nsuch",
        },
        {"LogicalResourceId": NAME, "ResourceStatus": "UPDATE_IN_PROGRESS"},
        {"LogicalResourceId": "Old", "ResourceStatus": "CREATE_FAILED", "ResourceStatusReason": "long ago"},
    ]
    paginator = type("Paginator", (), {"paginate": lambda *_, **__: [{"StackEvents": events}]})()
    monkeypatch.setattr(deployer._client, "get_paginator", lambda _: paginator)
    assert deployer._failure(deploy.ChangeSet(NAME, "x", (), False)) == "Uploads: no such"


def test_a_template_that_is_too_large_is_not_sent(deployer):
    template = read_template()
    assert len(body_of(template)) < LARGEST
    template["Description"] = "x" * LARGEST
    with pytest.raises(SettingsError, match="larger than"):
        deployer.propose(NAME, template, (), {}, now())


def test_a_parameter_that_the_template_does_not_have_is_told(deployer):
    with pytest.raises(SettingsError, match="LoaderMemory"):
        deployer.propose(NAME, read_template(), ["Memory=1"], {}, now())


def test_a_size_is_looked_at_beside_what_the_stack_holds(deployer):
    with pytest.raises(SettingsError, match="with that LoaderCpu, LoaderMemory is from 2048"):
        deployer.propose(NAME, read_template(), ["LoaderMemory=16384"], {}, now())
    made(deployer, LoaderCpu="2048", LoaderMemory="16384")
    with pytest.raises(SettingsError, match="with that LoaderCpu, LoaderMemory is from 1024"):
        deployer.propose(NAME, read_template(), ["LoaderCpu=512"], {}, now())


class TestCommand:
    def run(self, *words, **how):
        return click.testing.CliRunner().invoke(cloud, ["deploy", "--stack", "dev", *words], **how)

    def test_it_shows_the_changes_makes_the_stack_and_prints_the_outputs(self, deployer):
        ended = self.run("--yes", "--parameter", f"BucketNameParameter={BUCKET}")
        assert ended.exception is None
        assert "Add  WarehouseBucket " in ended.output
        assert "the stack warehouse-dev was made" in ended.output
        assert f"WarehouseBucketName: {BUCKET}\n" in ended.output

    def test_the_bucket_is_named_after_the_installation(self, deployer):
        assert self.run("--yes").exception is None
        assert "nccid-data-warehouse-dev" in buckets()

    def test_with_nobody_to_ask_nothing_is_changed(self, deployer):
        ended = self.run()
        assert isinstance(ended.exception, SettingsError)
        assert "--yes" in str(ended.exception)
        assert deployer.describe(NAME) is None

    def test_a_no_changes_nothing(self, deployer, monkeypatch):
        module = sys.modules["warehouse.commands.cloud.deploy"]
        monkeypatch.setattr(module, "somebody_is_there", lambda: True)
        ended = self.run(input="n\n")
        assert (ended.exception, ended.exit_code) == (None, 0)
        assert "nothing was changed" in ended.output
        assert deployer.describe(NAME) is None

    def test_who_leaves_instead_of_answering_leaves_no_change_set(self, deployer, monkeypatch):
        monkeypatch.setattr(sys.modules["warehouse.commands.cloud.deploy"], "somebody_is_there", lambda: True)
        assert self.run(input="").exit_code != 0
        assert deployer.describe(NAME) is None

    def test_who_stops_waiting_is_told_that_it_goes_on(self, deployer, monkeypatch):
        def interrupted(*_):
            raise KeyboardInterrupt

        monkeypatch.setattr(Deployer, "carry_out", interrupted)
        assert f"CloudFormation goes on with the stack {NAME}" in self.run("--yes").output

    def test_a_bucket_that_would_be_replaced_is_refused(self, deployer, monkeypatch):
        made(deployer)
        change = Change("Modify", "WarehouseBucket", "AWS::S3::Bucket", "True")
        monkeypatch.setattr(Deployer, "_changes", lambda *_: [change])
        monkeypatch.setattr(Deployer, "carry_out", lambda *_: pytest.fail("it was carried out"))
        ended = self.run(
            "--yes",
            *(
                word
                for k, v in {**held(deployer), "LoaderMemory": "4096"}.items()
                for word in ("--parameter", f"{k}={v}")
            ),
        )
        assert isinstance(ended.exception, CloudUnavailable)
        assert "WarehouseBucket would be replaced" in str(ended.exception)

    def test_a_template_that_is_none_is_told(self, deployer, tmp_path):
        for text, said in (("Resources: [", "no YAML, line 1"), ("a: 1", "no resources")):
            path = tmp_path / "t.yaml"
            path.write_text(text)
            ended = self.run("--template", str(path))
            assert isinstance(ended.exception, SettingsError)
            assert said in str(ended.exception)
        assert "cannot be read" in str(self.run("--template", str(tmp_path / "none")).exception)
