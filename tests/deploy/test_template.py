"""The template makes what it should: every bucket kept, the old names, alarms that can go off."""

from __future__ import annotations

import re

import pytest
from stack_template import FILE, KEY, REGION, STACK, Made, source

from warehouse.domain.diagram import references
from warehouse.domain.fargate import SIZES

BUCKET = "nccid-data-warehouse-dev"
SUFFIXES = {
    "WarehouseBucket": "",
    "WarehouseBackupBucket": "-backup",
    "WarehouseInventoryBucket": "-inventory",
    "WarehouseProcessedBucket": "-processed",
    "CloudTrailLogsBucket": "-object-logs",
}
PIPELINES = {
    "LoaderTaskDefinition": ("Pipeline", "warehouseloader", 1024, 8192),
    "CentresTaskDefinition": ("SubmittingCentres", "submittingcentres", 512, 1024),
    "ProcessTaskDefinition": ("DataProcessing", "dataprocess", 1024, 2048),
}
# What stood in the template of the older loader, and in stacks that were made of it.
OLD = {
    "WarehouseBucket": "AWS::S3::Bucket",
    "UploadToRawPolicy": "AWS::IAM::ManagedPolicy",
    "DataUploaderGroup": "AWS::IAM::Group",
    "CloudTrailLogsBucket": "AWS::S3::Bucket",
    "CloudTrailLogsBucketPolicy": "AWS::S3::BucketPolicy",
    "CloudTrailLogs": "AWS::CloudTrail::Trail",
}
OUTPUTS = {
    *("WarehouseBucketName", "ProcessedBucketName", "InventoryBucketName", "ClusterName", "SubnetIds"),
    *("LoaderTaskDefinition", "CentresTaskDefinition", "ProcessTaskDefinition", "SecurityGroupId"),
    *("AssignPublicIp", "PlatformVersion", "LogGroupName", "TopicArn", "RepositoryUri"),
    "StarterFunctionName",
}


@pytest.fixture(scope="module")
def made():
    return Made(BucketNameParameter=BUCKET)


def test_every_bucket_is_kept_whatever_becomes_of_the_stack(made):
    buckets = made.of_type("S3::Bucket")
    assert {name: one["BucketName"] for name, one in buckets.items()} == {
        name: BUCKET + suffix for name, suffix in SUFFIXES.items()
    }
    for name in buckets:
        assert made.resources[name]["DeletionPolicy"] == "Retain", name
        assert made.resources[name]["UpdateReplacePolicy"] == "Retain", name


@pytest.mark.parametrize("name", SUFFIXES)
@pytest.mark.parametrize("key", ["", KEY])
def test_every_bucket_is_encrypted_and_closed_to_the_public(name, key):
    bucket = Made(KmsKeyArn=key).properties(name)
    (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    by_key = bool(key) and name not in ("WarehouseInventoryBucket", "CloudTrailLogsBucket")
    assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == ("aws:kms" if by_key else "AES256")
    assert rule["ServerSideEncryptionByDefault"].get("KMSMasterKeyID") == (key if by_key else None)
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert len(bucket["PublicAccessBlockConfiguration"]) == 4


def test_what_the_warehouse_s_bucket_does_by_itself(made):
    bucket = made.properties("WarehouseBucket")
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    assert bucket["NotificationConfiguration"]["EventBridgeConfiguration"]["EventBridgeEnabled"] is True
    (inventory,) = bucket["InventoryConfigurations"]
    assert inventory["Id"] == "daily-full-inventory"
    assert inventory["ScheduleFrequency"] == "Daily"
    assert {"ETag", "Size", "LastModifiedDate"} <= set(inventory["OptionalFields"])
    assert inventory["Destination"]["BucketArn"] == f"arn:aws:s3:::{BUCKET}-inventory"
    # The key is the first field; a prefix would come before the bucket's name.
    assert "Prefix" not in inventory["Destination"]
    assert inventory["Destination"]["Format"] in ("CSV", "Parquet")
    (replication,) = bucket["ReplicationConfiguration"]["Rules"]
    assert replication["Filter"] == {"Prefix": "raw-"}
    assert replication["Destination"]["Bucket"] == f"arn:aws:s3:::{BUCKET}-backup"
    assert made.properties("WarehouseBackupBucket")["VersioningConfiguration"] == {"Status": "Enabled"}


@pytest.mark.parametrize(
    ("name", "days"),
    [("WarehouseInventoryBucket", 7), ("WarehouseProcessedBucket", 90), ("WarehouseBucket", None)],
)
def test_what_is_cleared_away_and_when(made, name, days):
    rules = made.properties(name)["LifecycleConfiguration"]["Rules"]
    assert {rule["Status"] for rule in rules} == {"Enabled"}
    assert [rule["ExpirationInDays"] for rule in rules if "ExpirationInDays" in rule] == (
        [days] if days else []
    )
    if name == "WarehouseBucket":
        assert [rule["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"] for rule in rules] == [7]


def test_an_old_stack_keeps_its_names(made):
    assert "BucketNameParameter" in made.source["Parameters"]
    assert {name: made.resources[name]["Type"] for name in OLD} == OLD
    assert made.source["Resources"]["WarehouseBucket"]["Properties"]["BucketName"] == {
        "Ref": "BucketNameParameter"
    }


def test_object_access_is_audited(made):
    (selector,) = made.properties("CloudTrailLogs")["EventSelectors"]
    assert selector["ReadWriteType"] == "All"
    (objects,) = selector["DataResources"]
    assert objects["Type"] == "AWS::S3::Object"
    assert f"arn:aws:s3:::{BUCKET}/" in objects["Values"]


def test_the_audit_begins_when_what_may_fail_has_been_made(made):
    """A bucket that something was written into cannot be taken back with a first deployment that failed."""
    resources = made.source["Resources"]
    before, ahead = set(), ["CloudTrailLogs"]
    while ahead:
        one = resources[ahead.pop()]
        after = (
            {one.get("DependsOn")} if isinstance(one.get("DependsOn"), str) else set(one.get("DependsOn", ()))
        )
        found = (after | references(one.get("Properties"))) & resources.keys() - before
        before |= found
        ahead += found
    assert {
        "CloudTrailLogsBucketPolicy",
        "Starter",
        "ECSCluster",
        "LoaderTaskDefinition",
        "WarehouseBucket",
    } <= before
    assert "CloudTrailLogs" not in before


def test_outputs_are_those_that_the_commands_read(made):
    assert made.outputs.keys() == OUTPUTS
    assert made.outputs["AssignPublicIp"] == "ENABLED"
    assert Made(Network="private").outputs["AssignPublicIp"] == "DISABLED"
    assert made.outputs["LogGroupName"] == "PipelineLogGroup"
    log = made.properties("PipelineLogGroup")
    assert (log["LogGroupName"], log["RetentionInDays"]) == (f"/ecs/{STACK}-pipeline", "731")


@pytest.mark.parametrize("name", PIPELINES)
def test_a_task(made, name):
    family, command, cpu, memory = PIPELINES[name]
    task = made.properties(name)
    assert task["Family"] == f"{STACK}-{family}"
    assert (int(task["Cpu"]), int(task["Memory"])) == (cpu, memory)
    storage = task.get("EphemeralStorage", {}).get("SizeInGiB")
    assert storage == ("50" if command == "warehouseloader" else None)
    (container,) = task["ContainerDefinitions"]
    assert (container["Name"], container["Command"]) == ("pipeline", [command])
    assert container["StopTimeout"] == 120
    environment = {one["Name"]: one["Value"] for one in container["Environment"]}
    assert environment == {
        # Without it requests go to us-east-1 first, which a private network has no way to.
        "AWS_DEFAULT_REGION": REGION,
        "WAREHOUSE_BUCKET": f"s3://{BUCKET}",
        "TOPIC_ARN": "Notifications",
        "WAREHOUSE_STACK": STACK,
        "WAREHOUSE_LOG_FORMAT": "json",
    }
    options = container["LogConfiguration"]["Options"]
    assert options["awslogs-stream-prefix"] == command
    assert options["awslogs-group"] == "PipelineLogGroup"
    # API_LogConfiguration: neither may be left to the account's settings, which can be changed.
    assert (options["mode"], options["max-buffer-size"]) == ("non-blocking", "25m")
    assert task["TaskRoleArn"] != task["ExecutionRoleArn"]


def test_the_image_is_named_by_its_tag_or_by_its_digest():
    digest = "sha256:" + "0" * 64

    def images(**parameters):
        found = Made(**parameters).of_type("ECS::TaskDefinition").values()
        return {one["ContainerDefinitions"][0]["Image"] for one in found}

    assert images(ImageTag="1.2.3") == {"DockerRepository.RepositoryUri:1.2.3"}
    assert images(ImageTag="1.2.3", ImageDigest=digest) == {f"DockerRepository.RepositoryUri@{digest}"}


@pytest.mark.parametrize("network", ["public", "private"])
def test_the_network_lets_nothing_in(network):
    made = Made(Network=network)
    assert made.properties("VPC")["CidrBlock"] == "10.40.0.0/16"
    assert len(made.of_type("EC2::Subnet")) == 2
    assert "SecurityGroupIngress" not in made.properties("TaskSecurityGroup")
    for name, group in made.of_type("EC2::SecurityGroup").items():
        for rule in group.get("SecurityGroupIngress", []):
            assert rule.get("SourceSecurityGroupId") == "TaskSecurityGroup", name
    endpoints = {
        one["ServiceName"].partition("eu-west-2.")[2] for one in made.of_type("EC2::VPCEndpoint").values()
    }
    private = {"ecr.api", "ecr.dkr", "logs", "sns"} if network == "private" else set()
    assert endpoints == {"s3"} | private
    assert bool(made.of_type("EC2::InternetGateway")) is (network == "public")
    assert bool(made.of_type("EC2::Route")) is (network == "public")


def test_the_repository_and_the_cluster(made):
    repository = made.properties("DockerRepository")
    assert repository["ImageScanningConfiguration"] == {"ScanOnPush": True}
    assert re.search(
        r'"untagged".*"imageCountMoreThan", "countNumber": 5',
        repository["LifecyclePolicy"]["LifecyclePolicyText"],
    )
    assert made.properties("ECSCluster")["ClusterSettings"] == [
        {"Name": "containerInsights", "Value": "enabled"}
    ]


def test_uploads_and_the_night_start_loads_unless_that_is_switched_off(made):
    pattern = made.properties("UploadRule")["EventPattern"]
    assert pattern["detail-type"] == ["Object Created"]
    assert pattern["detail"] == {"bucket": {"name": [BUCKET]}, "object": {"key": [{"prefix": "raw-"}]}}
    off = Made(AutomaticRuns="DISABLED")
    assert {off.properties(name)["State"] for name in ("UploadRule", "NightlyRule")} == {"DISABLED"}
    assert "State" not in off.properties("HourlyRule")
    starter = made.properties("Starter")
    assert starter["ReservedConcurrentExecutions"] == 1
    assert starter["Runtime"] == "python3.13"
    # AWS Lambda refuses a reservation that leaves the account less than its minimum, which may be all it has.
    shared = Made(StarterConcurrency="shared").properties("Starter")
    assert "ReservedConcurrentExecutions" not in shared
    source = made.properties("StarterSource")
    assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert source["MaximumBatchingWindowInSeconds"] > 0
    # AWS Lambda Developer Guide, "Using Lambda with Amazon SQS": at least six times the function's time-out.
    assert (
        made.properties("Uploads")["VisibilityTimeout"]
        >= 6 * starter["Timeout"] + source["MaximumBatchingWindowInSeconds"]
    )


def test_what_the_lambda_runs_is_the_file_beside_the_template(made):
    code = made.properties("Starter")["Code"]["ZipFile"]
    assert code.rstrip("\n") == FILE.with_name("starter.py").read_text(encoding="utf-8").rstrip("\n")
    # AWS::Lambda::Function Code, `ZipFile`: up to 4 MB now, 4,096 characters once.
    assert len(code) <= 4096


ALARMS = {
    "RunFailedAlarm": (0, 1, "notBreaching"),
    "NoRunAlarm": (1, 36, "breaching"),
    "QuarantineAlarm": (5, 1, "notBreaching"),
    "DeferredAlarm": (14, 1, "notBreaching"),
    "LongTaskAlarm": (12, 1, "notBreaching"),
}
METRICS = {
    *("ExitCode", "Succeeded", "Seconds", "Requests", "BytesRead", "BytesWritten", "OldestDeferredDays"),
    *("Loaded", "Present", "Quarantined", "Deferred", "Ignored", "TaskHours"),
}


def metrics(alarm):
    """Each metric that an alarm looks at: its name, its dimensions, its period."""
    stated = [one["MetricStat"] for one in alarm.get("Metrics", []) if "MetricStat" in one]
    flat = [{"Metric": alarm, "Period": alarm["Period"]}] if "MetricName" in alarm else []
    for one in [*stated, *flat]:
        metric = one["Metric"]
        assert metric["Namespace"] == "ImagingWarehouse"
        yield metric["MetricName"], {d["Name"]: d["Value"] for d in metric["Dimensions"]}, int(one["Period"])


def test_every_alarm_is_about_metrics_that_are_emitted_and_tells_somebody(made):
    alarms = made.of_type("CloudWatch::Alarm")
    found = {
        name: (one["Threshold"], one["EvaluationPeriods"], one["TreatMissingData"])
        for name, one in alarms.items()
    }
    assert found == ALARMS
    for name, alarm in alarms.items():
        assert alarm["AlarmActions"] == ["Notifications"]
        for metric, dimensions, period in metrics(alarm):
            assert metric in METRICS
            assert dimensions["Stack"] == STACK
            assert ("Pipeline" in dimensions) is (metric != "TaskHours"), name
            # PutMetricAlarm: at most a week where periods are an hour or longer, else a day.
            assert period * alarm["EvaluationPeriods"] <= (604_800 if period >= 3600 else 86_400)


def test_no_load_for_36_hours_is_36_whole_hours(made):
    alarm = made.properties("NoRunAlarm")
    assert alarm["Period"] * alarm["EvaluationPeriods"] == 36 * 3600
    assert (alarm["MetricName"], alarm["Statistic"], alarm["ComparisonOperator"]) == (
        *("Succeeded", "Sum"),
        "LessThanThreshold",
    )


@pytest.mark.parametrize(
    ("counts", "share"),
    [((95, 0, 5), 5), ((94, 0, 6), 6), ((0, 50, 50), 50), ((0, 0, 0), 0), ((0, 0, 3), 100)],
)
def test_the_share_of_what_is_quarantined(made, counts, share):
    """Metric math reads here as Python does, but for IF."""
    (formula,) = (
        one["Expression"] for one in made.properties("QuarantineAlarm")["Metrics"] if "Expression" in one
    )
    condition, one, other = formula.removeprefix("IF(").removesuffix(")").split(", ")
    values = dict(zip(("loaded", "present", "quarantined"), counts, strict=True))
    assert eval(one if eval(condition, {}, values) else other, {}, values) == pytest.approx(share)


def test_a_person_is_told_who_wants_to_be():
    assert Made().of_type("SNS::Subscription") == {}
    (found,) = Made(NotificationEmail="a@example.org").of_type("SNS::Subscription").values()
    assert (found["Protocol"], found["Endpoint"]) == ("email", "a@example.org")
    assert Made(KmsKeyArn=KEY).properties("Notifications")["KmsMasterKeyId"] == KEY
    assert "KmsMasterKeyId" not in Made().properties("Notifications")


@pytest.mark.parametrize(
    ("arn", "taken"),
    [
        ("", True),
        (KEY, True),
        ("arn:aws-us-gov:kms:us-gov-west-1:123456789012:key/mrk-0a", True),
        # IAM: a Resource that is an alias gives no right to the key behind it.
        ("arn:aws:kms:eu-west-2:123456789012:alias/warehouse", False),
    ],
)
def test_a_key_is_named_by_its_own_arn(arn, taken):
    pattern = source()["Parameters"]["KmsKeyArn"]["AllowedPattern"]
    assert bool(re.fullmatch(pattern, arn)) is taken


def test_every_parameter_is_used_and_described():
    text = FILE.read_text(encoding="utf-8")
    for name, one in source()["Parameters"].items():
        assert one["Description"], name
        assert len(re.findall(rf"!Ref {name}\b|\$\{{{name}\}}|\[!Ref {name}", text)) > 0, name


def test_the_page_tells_of_every_parameter_group_bucket_and_alarm(made):
    page = (FILE.parents[1] / "docs/cloud.md").read_text(encoding="utf-8")
    rows = "\n".join(line for line in page.splitlines() if line.startswith("|"))
    sizes = {name for name in made.source["Parameters"] if re.match("(Centres|Process)(Cpu|Memory)$", name)}
    for name in made.source["Parameters"].keys() - sizes:
        assert f"`{name}`" in rows, name
    for name in made.of_type("IAM::Group"):
        assert name.removesuffix("Group") in rows, name
    for name in made.of_type("CloudWatch::Alarm"):
        assert f"| {name.removesuffix('Alarm')} |" in rows, name
    for suffix in SUFFIXES.values():
        assert f"| `<bucket>{suffix}` |" in rows, suffix
    for name in OLD:
        assert f"`{name}`" in page, name


def test_sizes_are_those_that_fargate_has():
    parameters = source()["Parameters"]
    for pipeline in ("Loader", "Centres", "Process"):
        assert set(parameters[f"{pipeline}Cpu"]["AllowedValues"]) == set(SIZES)
        assert parameters[f"{pipeline}Memory"]["Default"] in SIZES[parameters[f"{pipeline}Cpu"]["Default"]]


@pytest.mark.parametrize(
    ("name", "value", "taken"),
    [
        ("NotificationEmail", "", True),
        ("NotificationEmail", "team@example.org", True),
        ("NotificationEmail", "team", False),
        ("NotificationEmail", "a@b.org, c@d.org", False),
        ("NightlySchedule", "cron(0 1 * * ? *)", True),
        ("NightlySchedule", "rate(12 hours)", True),
        ("NightlySchedule", "0 1 * * *", False),
        ("ImageTag", "v1.2_3", True),
        ("ImageTag", "", False),
        ("ImageTag", "sha256:0a", False),
    ],
)
def test_what_would_fail_half_way_is_refused_at_once(name, value, taken):
    assert bool(re.fullmatch(source()["Parameters"][name]["AllowedPattern"], value)) is taken
