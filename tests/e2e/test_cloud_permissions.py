"""The roles of the template's tasks allow just what the pipelines ask of S3: no more, no less.

Each command runs under a key of its own; the server records what was asked, the template's policies answer.
"""

from __future__ import annotations

from urllib.parse import parse_qs

import pytest
from permissions import needed
from policies import allows, statements_of
from stack_template import Made
from test_s3 import environment

from support import fill

ROLES = {"load": "LoaderRole", "centres": "CentresRole", "process": "ProcessRole"}
# What no such run asks for, and why it is allowed all the same: by role, action, and the end of the resource.
UNUSED = {
    ("LoaderRole", "s3:AbortMultipartUpload", "/training/*"): "a copy of over 5 GB that cannot be finished",
    ("LoaderRole", "s3:AbortMultipartUpload", "/validation/*"): "a copy of over 5 GB that cannot be finished",
    ("LoaderRole", "s3:ListBucket", "-inventory"): "WAREHOUSE_INVENTORY: a load by an inventory",
    ("LoaderRole", "s3:GetObject", "-inventory/*"): "WAREHOUSE_INVENTORY: a load by an inventory",
}


@pytest.fixture(scope="module")
def recorded(_s3_server, command_in, tmp_path_factory):
    """Load, load again, list the centres and make the tables; what each asked for, by role."""
    bucket, folder = _s3_server.new_bucket(), tmp_path_factory.mktemp("tasks")
    _s3_server.client.create_bucket(
        Bucket=f"{bucket}-processed", CreateBucketConfiguration={"LocationConstraint": "eu-west-2"}
    )
    fill(_s3_server, bucket)
    _s3_server.seen.clear()
    for name in ("load", "load", "centres", "process"):
        if name == "centres":
            _lose_a_patient_of_each_set(_s3_server.client, bucket)
        as_role = environment(_s3_server, AWS_ACCESS_KEY_ID=ROLES[name])
        ended = command_in(folder, "warehouse", name, bucket, env=as_role)
        assert ended.code == 0, ended.err
    seen = [request for request in _s3_server.seen if request.access_key in ROLES.values()]
    assert {request.access_key for request in seen} == set(ROLES.values())
    return bucket, seen


def _lose_a_patient_of_each_set(client, bucket):
    """Remove what was uploaded of one patient of each set: what is left of it is the copy."""
    for group in ("training", "validation"):
        found = client.list_objects_v2(Bucket=bucket, Prefix=f"{group}/data/")["Contents"]
        patient = found[0]["Key"].split("/")[2]
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="raw-")
        keys = [one["Key"] for page in pages for one in page["Contents"]]
        for key in keys:
            if key.rpartition("/")[2].lower().startswith(f"{patient.lower()}_"):
                client.delete_object(Bucket=bucket, Key=key)


def asked(request):
    """What a request needs, as a policy is asked: action, resource, and what conditions look at."""
    prefix = parse_qs(request.query, keep_blank_values=True).get("prefix", [""])[0]
    for grant in needed(request):
        resource = f"arn:aws:s3:::{grant.bucket}" + (f"/{grant.keys}" if grant.keys else "")
        context = {"s3:prefix": prefix} if grant.action == "s3:ListBucket" else {}
        yield grant.action, resource, context


def granted(held):
    """Each action on each resource that statements allow on S3, with its statement narrowed to just that."""
    for one in held:
        for action in one.actions:
            for resource in one.resources:
                if action.startswith("s3:"):
                    yield (
                        action,
                        resource,
                        type(one)(one.place, one.effect, (action,), (resource,), one.conditions),
                    )


def test_the_tasks_are_allowed_what_they_ask_for_and_nothing_else(recorded):
    bucket, seen = recorded
    made = Made(BucketNameParameter=bucket)
    unused = set()
    for role in ROLES.values():
        held = statements_of(made, role)
        calls = {
            (action, resource, tuple(context.items()))
            for request in seen
            if request.access_key == role
            for action, resource, context in asked(request)
        }
        refused = [call[:2] for call in calls if not allows(held, *call[:2], dict(call[2]))]
        assert refused == [], role
        for action, resource, narrow in granted(held):
            if not any(narrow.is_about(*call[:2], dict(call[2])) for call in calls):
                unused.add((role, action, resource.partition(bucket)[2]))
    assert unused == UNUSED.keys()


def test_a_role_that_lacks_a_right_would_be_found(recorded):
    bucket, seen = recorded
    held = statements_of(Made(BucketNameParameter=bucket), "CentresRole")
    refused = [
        action
        for request in seen
        if request.access_key == "LoaderRole"
        for action, resource, context in asked(request)
        if not allows(held, action, resource, context)
    ]
    assert "s3:PutObject" in refused


def test_no_role_of_a_task_may_delete_or_write_what_was_uploaded():
    made = Made()
    name = made.parameters["BucketNameParameter"]
    for role in ROLES.values():
        held = statements_of(made, role)
        assert not allows(held, "s3:PutObject", f"arn:aws:s3:::{name}/raw-a/x")
        for key in ("raw-a/x", "training/ct/x", "catalog/x"):
            assert not allows(held, "s3:DeleteObject", f"arn:aws:s3:::{name}/{key}")
