"""The picture of a template: what a person would name, and what leads from one to the other."""

from __future__ import annotations

import re

from warehouse.cloud.template import read_template
from warehouse.domain.diagram import ROOMS, diagram, references

GROUP = {"Type": "AWS::IAM::Group", "Properties": {"ManagedPolicyArns": [{"Ref": "Policy"}]}}
POLICY = {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"Resource": {"Fn::Sub": "${Bucket.Arn}/*"}}}
BUCKET = {"Type": "AWS::S3::Bucket"}


def arrows(template):
    return set(re.findall(r"^    (\w+) -> (\w+)$", diagram(template), re.MULTILINE))


def test_a_policy_leads_from_a_group_to_a_bucket_and_is_not_drawn():
    text = diagram({"Resources": {"Group": GROUP, "Policy": POLICY, "Bucket": BUCKET}})
    assert "Group -> Bucket" in text
    assert "Policy" not in text


def test_a_role_that_is_only_handed_over_leads_nowhere():
    resources = {
        "Starter": {"Type": "AWS::Lambda::Function", "Properties": {"Role": {"Fn::GetAtt": ["Own", "Arn"]}}},
        "Own": {"Type": "AWS::IAM::Role", "Properties": {"PassRole": {"Fn::GetAtt": ["Theirs", "Arn"]}}},
        "Theirs": {"Type": "AWS::IAM::Role", "Properties": {"Resource": {"Ref": "Bucket"}}},
        "Bucket": BUCKET,
    }
    assert arrows({"Resources": resources}) == set()


def test_events_go_from_what_tells_of_them_to_what_hears_of_them():
    resources = {
        "Bucket": BUCKET,
        "Rule": {
            "Type": "AWS::Events::Rule",
            "Properties": {"EventPattern": {"bucket": [{"Ref": "Bucket"}]}, "Targets": [{"Ref": "Queue"}]},
        },
        "Queue": {"Type": "AWS::SQS::Queue"},
        "Join": {
            "Type": "AWS::Lambda::EventSourceMapping",
            "Properties": {"EventSourceArn": {"Ref": "Queue"}, "FunctionName": {"Ref": "Function"}},
        },
        "Function": {"Type": "AWS::Lambda::Function", "Properties": {"Reads": {"Ref": "Queue"}}},
    }
    assert arrows({"Resources": resources}) == {("Bucket", "Rule"), ("Rule", "Queue"), ("Queue", "Function")}


def test_references_are_found_in_every_form():
    part = {
        "a": [{"Ref": "A"}, {"Fn::GetAtt": ["B", "Arn"]}],
        "b": {"Fn::Sub": "x/${C}/${D.Arn}/${!not}"},
        "c": {"Fn::Sub": ["${E}", {}]},
        "d": {"Fn::If": ["Condition", {"Ref": "F"}, "x"]},
        "e": 1,
    }
    assert references(part) == set("ABCDEF")


def test_the_architecture_that_is_deployed():
    template = read_template()
    drawn = arrows(template)
    for arrow in (
        ("WarehouseBucket", "UploadRule"),
        ("UploadRule", "Uploads"),
        ("Uploads", "Starter"),
        ("NightlyRule", "Starter"),
        ("Starter", "LoaderTaskDefinition"),
        ("LoaderTaskDefinition", "WarehouseBucket"),
        ("ProcessTaskDefinition", "WarehouseProcessedBucket"),
        ("WarehouseBucket", "WarehouseBackupBucket"),
        ("DataUploaderGroup", "WarehouseBucket"),
        ("AuditorGroup", "CloudTrailLogsBucket"),
        ("RunFailedAlarm", "Notifications"),
    ):
        assert arrow in drawn
    assert ("Starter", "WarehouseBucket") not in drawn
    assert ("CentresTaskDefinition", "WarehouseProcessedBucket") not in drawn
    assert diagram(template) == diagram(template)
    assert all(f'label="{room}"' in diagram(template) for room in ROOMS)
