"""What botocore raises becomes one line of ours, with the service and the operation, and nothing private."""

from __future__ import annotations

import botocore.exceptions as boto
import pytest
from botocore.parsers import ResponseParserError

from warehouse.cloud.clients import DENIED, MISSIGNED, PASSING, REFUSED, Access, client, translated
from warehouse.errors import CloudError, CloudFault, CloudUnavailable


def refusal(code: str, message: str = "about raw-a/secret") -> boto.ClientError:
    return boto.ClientError({"Error": {"Code": code, "Message": message}}, "RunTask")


@pytest.mark.parametrize("code", sorted(DENIED))
def test_a_missing_permission_names_what_the_caller_needs(code):
    with pytest.raises(CloudUnavailable, match="needs ecs:RunTask") as raised, translated("ecs"):
        raise refusal(code)
    assert raised.value.exit_code == 2


@pytest.mark.parametrize(
    ("service", "operation", "action"),
    [
        ("s3", "ListObjectVersions", "s3:ListBucketVersions"),
        ("s3", "DeleteObjects", "s3:DeleteObjectVersion"),
        ("ecs", "RunTask", "iam:PassRole"),
        ("ecs", "RegisterTaskDefinition", "iam:PassRole"),
        ("ecs", "DescribeTasks", "ecs:DescribeTasks"),
    ],
)
def test_what_the_caller_needs_is_named_as_iam_names_it(service, operation, action):
    refused = boto.ClientError({"Error": {"Code": "AccessDenied"}}, operation)
    with pytest.raises(CloudUnavailable, match=f"needs .*{action}"), translated(service):
        raise refused


def test_any_other_refusal_is_a_fault_that_keeps_its_code_and_not_its_message():
    with pytest.raises(CloudFault) as raised, translated("logs"):
        raise refusal("LimitExceededException")
    assert raised.value.code == "LimitExceededException"
    assert raised.value.exit_code == 4
    assert str(raised.value) == "logs RunTask: LimitExceededException"


@pytest.mark.parametrize("code", sorted(MISSIGNED))
def test_a_clock_that_is_off_is_no_missing_permission(code):
    with pytest.raises(CloudUnavailable, match="clock") as raised, translated("ecs"):
        raise refusal(code)
    assert "needs" not in str(raised.value)


@pytest.mark.parametrize("code", sorted(PASSING))
def test_what_passes_by_itself_is_to_be_tried_again(code):
    with pytest.raises(CloudFault, match=r"; try again$"), translated("logs"):
        raise refusal(code)


@pytest.mark.parametrize(("service", "code"), sorted(REFUSED))
def test_what_would_be_refused_again_is_to_be_mended_and_keeps_its_code(service, code):
    with pytest.raises(CloudUnavailable, match=code) as raised, translated(service):
        raise refusal(code)
    assert (raised.value.code, raised.value.exit_code) == (code, 2)
    assert REFUSED[service, code] in str(raised.value)


def test_what_cloudformation_says_of_a_template_is_passed_on_without_arns():
    with pytest.raises(CloudUnavailable) as raised, translated("cloudformation"):
        raise refusal("ValidationError", "Role arn:aws:iam::123456789012:role/x is\nno role")
    assert str(raised.value) == "cloudformation RunTask: ValidationError: Role … is no role"


def test_a_role_that_cannot_be_assumed_is_no_matter_of_the_service_that_was_asked():
    refused = boto.ClientError({"Error": {"Code": "AccessDenied"}}, "AssumeRole")
    with pytest.raises(CloudUnavailable, match=r"^sts AssumeRole: .*needs sts:AssumeRole"), translated("ecs"):
        raise refused


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (boto.NoCredentialsError(), CloudUnavailable),
        (boto.NoRegionError(), CloudUnavailable),
        (boto.PartialCredentialsError(provider="env", cred_var="secret"), CloudUnavailable),
        (boto.EndpointConnectionError(endpoint_url="http://secret"), CloudFault),
        (boto.ReadTimeoutError(endpoint_url="http://secret"), CloudFault),
        (boto.WaiterError(name="x", reason="secret", last_response={}), CloudFault),
        (boto.ParamValidationError(report="secret"), CloudUnavailable),
        (boto.InvalidRegionError(region_name="secret"), CloudUnavailable),
        (boto.UnauthorizedSSOTokenError(), CloudUnavailable),
        (ResponseParserError("secret"), CloudFault),
    ],
)
def test_what_has_no_answer_is_one_line(error, kind):
    with pytest.raises(CloudError) as raised, translated("logs"):
        raise error
    assert type(raised.value) is kind
    assert "secret" not in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_client_without_a_region_says_how_to_name_one(monkeypatch):
    for name in ("AWS_DEFAULT_REGION", "AWS_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    with pytest.raises(CloudUnavailable, match="AWS_DEFAULT_REGION"):
        client("ecs", Access())


def test_a_client_is_of_the_region_that_is_named():
    assert client("ecs", Access(region="eu-west-2")).meta.region_name == "eu-west-2"


@pytest.mark.parametrize("region", ["EU west", "a/b"])
def test_a_region_that_there_cannot_be_is_a_matter_of_settings(region):
    with pytest.raises(CloudUnavailable, match="that is no AWS region"):
        client("ecs", Access(region=region))
