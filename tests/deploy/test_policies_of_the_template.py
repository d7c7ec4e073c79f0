"""Who may do what, by the policies of the template: no wildcard without a reason, each group just its own."""

from __future__ import annotations

import pytest
from policies import allows, every_statement, statements_of
from stack_template import ACCOUNT, KEY, REGION, Made

BUCKET = "nccid-data-warehouse-dev"
USER = {"aws:username": "anna"}

# Statements whose action or resource is, or ends in, a wildcard that is wider than the keys under a prefix.
WILDCARDS = {
    "TaskExecutionRole/start-containers": "ecr:GetAuthorizationToken knows no resource",
    "AuditPolicy": "cloudtrail:LookupEvents and DescribeTrails know no resource",
    "StarterRole/start-the-loader": "ecs:ListTasks knows no resource, the condition names the cluster; "
    "tasks and revisions have names that nobody knows before",
}
DENIALS = "who comes without TLS is denied everything, whoever it is"


@pytest.fixture(scope="module", params=["", KEY], ids=["without a key", "with a key"])
def made(request):
    return Made(BucketNameParameter=BUCKET, KmsKeyArn=request.param, Network="private")


def bucket(name="", suffix=""):
    return f"arn:aws:s3:::{BUCKET}{suffix}" + (f"/{name}" if name else "")


def is_wide(statement):
    """Whether an action has a wildcard, or a resource has one that is no prefix of keys in one bucket."""

    def narrow(resource):
        return "*" not in resource or (
            resource.startswith("arn:aws:s3:::") and resource.count("*") == 1 and resource.endswith("*")
        )

    return any("*" in one for one in statement.actions) or not all(map(narrow, statement.resources))


def test_every_wildcard_has_its_reason(made):
    wide = [one for one in every_statement(made) if is_wide(one)]
    assert [one.place for one in wide if one.effect == "Deny" and one.conditions == {}] == []
    allowed = {one.place.rpartition("/")[0] for one in wide if one.effect == "Allow"}
    assert allowed == WILDCARDS.keys()


def test_no_action_is_a_wildcard_but_where_it_is_denied(made):
    found = [one for one in every_statement(made) if any("*" in action for action in one.actions)]
    assert found
    for one in found:
        assert one.effect == "Deny", one.place
        assert one.conditions == {"Bool": {"aws:SecureTransport": "false"}}, DENIALS


def test_a_prefix_of_keys_is_the_widest_resource_of_a_writer(made):
    writes = ("s3:PutObject", "s3:DeleteObject", "s3:ReplicateObject", "s3:AbortMultipartUpload")
    for one in every_statement(made):
        if one.effect == "Allow" and one.principal is None and set(writes) & set(one.actions):
            for resource in one.resources:
                key = resource.removeprefix("arn:aws:s3:::").partition("/")[2]
                assert key != "*" or resource == bucket("*", "-processed"), one.place


@pytest.mark.parametrize("action", ["s3:DeleteObject", "s3:DeleteObjectVersion", "s3:PutBucketPolicy"])
def test_nobody_may_delete_objects(made, action):
    for one in every_statement(made):
        assert one.effect == "Deny" or not one.is_about(action, bucket("catalog/x"), {}), one.place


@pytest.mark.parametrize("suffix", ["", "-backup", "-inventory", "-processed", "-object-logs"])
def test_every_bucket_is_reached_by_tls_alone(made, suffix):
    everything = [one for one in every_statement(made) if one.principal == "*"]
    for plain, denied in ((True, True), (False, False)):
        context = {"aws:SecureTransport": "false" if plain else "true"}
        about = [
            one.effect for one in everything if one.is_about("s3:GetObject", bucket("k", suffix), context)
        ]
        assert ("Deny" in about) is denied


# What each group may do with which key, and what it may not; the first of a pair is the action.
GROUPS = {
    "DataUploaderGroup": (
        [("PutObject", "raw-anna/2020-01-01/data/P_data.json"), ("AbortMultipartUpload", "raw-anna/x")],
        [
            ("PutObject", "raw-anna2/x"),
            ("PutObject", "raw-berta/2020-01-01/data/P_data.json"),
            ("PutObject", "raw-/x"),
            ("PutObject", "training/ct/x"),
            ("PutObject", "config.json"),
            ("GetObject", "raw-anna/2020-01-01/data/P_data.json"),
            ("ListBucket", ""),
        ],
    ),
    "ETLGroup": (
        [
            ("ListBucket", ""),
            ("GetObject", "raw-anna/x"),
            ("GetObject", "config.json"),
            *(("PutObject", f"{top}/x") for top in ("training", "validation", "assignments", "catalog")),
        ],
        [("PutObject", "raw-anna/x"), ("PutObject", "config.json"), ("AbortMultipartUpload", "raw-anna/x")],
    ),
    "ProcessingGroup": (
        [("ListBucket", ""), ("GetObject", "training/data/P/x"), ("GetObject", "validation/ct-metadata/x")],
        [("PutObject", "training/x"), ("PutObject", "catalog/x"), ("PutObject", "raw-anna/x")],
    ),
    "DataVerifierGroup": (
        [
            ("ListBucket", ""),
            *(("GetObject", f"{top}/x") for top in ("raw-a", "training", "validation", "catalog")),
        ],
        [("PutObject", f"{top}/x") for top in ("raw-a", "training", "validation", "catalog", "assignments")],
    ),
    "ValidationAllGroup": (
        [("GetObject", "validation/ct/x"), ("GetObject", "validation/catalog/x")],
        [("GetObject", "training/ct/x"), ("GetObject", "catalog/x"), ("PutObject", "validation/x")],
    ),
    "TrainingAllGroup": (
        [
            ("GetObject", "training/ct/x"),
            ("GetObject", "training/unknown/x"),
            ("GetObject", "training/catalog/x"),
        ],
        [("GetObject", "validation/ct/x"), ("GetObject", "catalog/x"), ("PutObject", "training/x")],
    ),
    **{
        f"Training{group}Group": (
            [
                ("GetObject", f"training/{kind}/x"),
                ("GetObject", f"training/{kind}-metadata/x"),
                ("GetObject", "training/data/P/x"),
                ("GetObject", "training/catalog/x"),
            ],
            [
                *(
                    ("GetObject", f"training/{other}/x")
                    for other in {"ct", "mri", "xray", "unknown"} - {kind}
                ),
                ("GetObject", f"validation/{kind}/x"),
                ("GetObject", "raw-anna/x"),
                ("GetObject", "assignments/x"),
                ("PutObject", f"training/{kind}/x"),
                ("ListBucket", ""),
            ],
        )
        for group, kind in (("CT", "ct"), ("MRI", "mri"), ("Xray", "xray"))
    },
    "AuditorGroup": (
        [],
        [("GetObject", "raw-anna/x"), ("GetObject", "training/x"), ("ListBucket", ""), ("PutObject", "x")],
    ),
    "ProcessedDataAccessGroup": ([], [("GetObject", "training/x"), ("ListBucket", ""), ("PutObject", "x")]),
}


@pytest.mark.parametrize("group", GROUPS)
def test_a_group_may_do_just_what_is_its_purpose(made, group):
    held = statements_of(made, group)
    may, may_not = GROUPS[group]
    for action, key in may:
        assert allows(held, f"s3:{action}", bucket(key), USER), (action, key)
    for action, key in may_not:
        assert not allows(held, f"s3:{action}", bucket(key), USER), (action, key)


def test_every_group_is_tried(made):
    assert made.of_type("IAM::Group").keys() == GROUPS.keys()


@pytest.mark.parametrize(
    ("group", "prefix", "allowed"),
    [
        ("TrainingCTGroup", "training/ct/P1/", True),
        ("TrainingCTGroup", "training/catalog/images/", True),
        ("TrainingCTGroup", "training/mri/", False),
        ("TrainingCTGroup", "raw-", False),
        ("TrainingCTGroup", "", False),
        ("TrainingAllGroup", "training/mri/", True),
        ("TrainingAllGroup", "validation/mri/", False),
        ("ValidationAllGroup", "validation/", True),
        ("ValidationAllGroup", "training/", False),
    ],
)
def test_readers_list_what_they_may_read_and_nothing_else(made, group, prefix, allowed):
    context = {**USER, "s3:prefix": prefix}
    assert allows(statements_of(made, group), "s3:ListBucket", bucket(), context) is allowed


def test_the_other_buckets_have_readers_of_their_own(made):
    def may(group, action, name, suffix):
        return allows(statements_of(made, group), f"s3:{action}", bucket(name, suffix), USER)

    readers = {name for name in GROUPS if may(name, "GetObject", "t/ct.csv", "-processed")}
    writers = {name for name in GROUPS if may(name, "PutObject", "t/ct.csv", "-processed")}
    auditors = {name for name in GROUPS if may(name, "GetObject", "AWSLogs/x", "-object-logs")}
    assert "ProcessedDataAccessGroup" in readers <= {"ProcessedDataAccessGroup", "ProcessingGroup"}
    assert writers == {"ProcessingGroup"}
    assert auditors == {"AuditorGroup"}
    assert [name for name in GROUPS if may(name, "GetObject", "raw-a/x", "-backup")] == []


def test_all_but_readers_rotate_their_own_keys_and_nobody_elses(made):
    own, other = (f"arn:aws:iam::{ACCOUNT}:user/{name}" for name in ("anna", "berta"))
    readers = {
        *("ProcessedDataAccessGroup", "TrainingAllGroup", "ValidationAllGroup"),
        *("TrainingCTGroup", "TrainingMRIGroup", "TrainingXrayGroup"),
    }
    for group in GROUPS:
        held = statements_of(made, group)
        for action in ("CreateAccessKey", "DeleteAccessKey", "ListAccessKeys", "UpdateAccessKey"):
            assert allows(held, f"iam:{action}", own, USER) is (group not in readers), (group, action)
            assert not allows(held, f"iam:{action}", other, USER)


def test_roles_are_taken_by_the_services_that_they_are_for(made):
    taken = {
        one.place.split("/")[0]: one.principal["Service"]
        for one in every_statement(made)
        if one.actions == ("sts:AssumeRole",)
    }
    assert taken == {
        "ReplicationRole": "s3.amazonaws.com",
        "StarterRole": "lambda.amazonaws.com",
        **dict.fromkeys(
            ("TaskExecutionRole", "LoaderRole", "CentresRole", "ProcessRole"), "ecs-tasks.amazonaws.com"
        ),
    }


def test_no_condition_asks_for_what_a_service_does_not_say(made):
    """What is not sent makes a condition that never holds: Amazon S3 User Guide, "Setting up permissions
    for live replication"; CloudTrail User Guide, "Amazon S3 bucket policy for CloudTrail"."""
    held = every_statement(made)
    (replication,) = (one for one in held if one.place.startswith("ReplicationRole/trust"))
    assert replication.conditions == {}
    trail = f"arn:aws:cloudtrail:{REGION}:{ACCOUNT}:trail/*"
    audit = [one for one in held if one.principal == {"Service": "cloudtrail.amazonaws.com"}]
    assert [one.actions for one in audit] == [("s3:GetBucketAcl",), ("s3:PutObject",)]
    for one in audit:
        keys = {key for pairs in one.conditions.values() for key in pairs}
        assert keys <= {"aws:SourceArn", "s3:x-amz-acl"}
        assert one.conditions["ArnLike"] == {"aws:SourceArn": trail}


def test_the_key_may_be_used_by_whoever_reads_or_writes_what_it_encrypts():
    made = Made(BucketNameParameter=BUCKET, KmsKeyArn=KEY)
    without = {"AuditorGroup"}
    for who in [*GROUPS, "LoaderRole", "CentresRole", "ProcessRole", "ReplicationRole"]:
        held = statements_of(made, who)
        assert allows(held, "kms:Decrypt", KEY, USER) is (who not in without), who
        writes = any("s3:PutObject" in one.actions for one in held if one.effect == "Allow")
        if writes:
            assert allows(held, "kms:GenerateDataKey", KEY, USER), who
    plain = Made(BucketNameParameter=BUCKET)
    assert not any(action.startswith("kms:") for one in every_statement(plain) for action in one.actions)
