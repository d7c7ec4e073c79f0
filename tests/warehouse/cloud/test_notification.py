"""A message arrives as it was sent, or the error says which service refused it; nobody waits for long."""

import boto3
import pytest
from moto import mock_aws

from warehouse.cloud.clients import Access, client
from warehouse.cloud.notification import publish
from warehouse.domain.run_report import MESSAGE_BYTES, Attribute
from warehouse.errors import CloudFault

REGION = "eu-west-2"


@pytest.fixture
def aws(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test-key")
    # The region is the topic's own, whatever the environment says.
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    with mock_aws():
        yield


def sent(arn):
    from moto.sns.models import sns_backends

    return sns_backends["123456789012"][REGION].topics[arn].sent_notifications


def test_a_message_and_its_attributes(aws):
    arn = boto3.client("sns", REGION).create_topic(Name="runs")["TopicArn"]
    told = {"code": Attribute("Number", "0"), "run": Attribute("String", "{}")}
    text = "x" * MESSAGE_BYTES
    publish(arn, Access(region=REGION), "Pipeline finished - dataprocess", text, told)
    ((_, message, subject, attributes, _),) = sent(arn)
    assert (message, subject) == (text, "Pipeline finished - dataprocess")
    assert {name: (one["Type"], one["Value"]) for name, one in attributes.items()} == {
        "code": ("Number", "0"),
        "run": ("String", "{}"),
    }


def test_a_topic_that_is_not_there(aws):
    arn = f"arn:aws:sns:{REGION}:123456789012:none"
    with pytest.raises(CloudFault, match="sns Publish: NotFound"):
        publish(arn, Access(region=REGION), "s", "m", {})


def test_the_time_of_each_attempt_is_bounded(aws):
    config = client("sns", Access(region=REGION), seconds=5, attempts=3).meta.config
    assert (config.connect_timeout, config.read_timeout) == (5, 5)
    assert config.retries["total_max_attempts"] == 3
