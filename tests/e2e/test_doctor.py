"""`warehouse doctor`: what a load needs is named where it is taken away, and nothing is disturbed."""

import json
import os

import pytest
from moto.core import DEFAULT_ACCOUNT_ID
from moto.sns.models import sns_backends
from permissions import Grant
from test_permissions import EVERY_KEY, for_loading, grants, table
from test_s3 import environment, keys

from support import raw_drop
from warehouse.demo import CONFIGURATION

KEY = "the-doctor"
PROBES = {"training/catalog/doctor/probe", "training/catalog/doctor/target"}
# The tests' server heeds the conditions of copies; `header` is what S3 itself is asked by.
BY_HEADER = {"WAREHOUSE_S3_COPY": "header"}


def verdicts(ended):
    """The checks that are not well, by their verdicts: the line of each."""
    found = {"ok": [], "warning": [], "missing": [], "untried": []}
    for line in ended.out.splitlines():
        verdict, _, rest = line.partition(" ")
        if verdict in found:
            found[verdict].append(rest.strip())
    return found


@pytest.fixture
def bucket(s3_server):
    """A bucket with a configuration, a clinical file and an image, and the two buckets beside it."""
    name = s3_server.new_bucket()
    for kind in ("processed", "inventory"):
        s3_server.client.create_bucket(
            Bucket=f"{name}-{kind}", CreateBucketConfiguration={"LocationConstraint": "eu-west-2"}
        )
    s3_server.client.put_object(Bucket=name, Key="config.json", Body=json.dumps(CONFIGURATION).encode())
    s3_server.upload(name, raw_drop()[::40])
    return name


@pytest.fixture
def doctor(command, s3_server):
    """Let the doctor look at a bucket, as a role that has these grants, or as one that may do all."""

    def run(bucket, *words, granted=None, **extra):
        if granted is not None:
            s3_server.roles[KEY] = granted
            extra["AWS_ACCESS_KEY_ID"] = KEY
        return command("warehouse", "doctor", bucket, *words, env=environment(s3_server, **extra))

    return run


def for_all(bucket):
    """What a role needs that loads, makes tables and reads inventories."""
    rows = [row for row in table() if "`<bucket>-" in row[1]]
    assert len(rows) == 2
    return [*for_loading(bucket), *(grant for row in rows for grant in grants(bucket, row))]


def test_a_bucket_with_all_that_is_needed(doctor, bucket, s3_server):
    before = keys(s3_server, bucket)
    ended = doctor(bucket, granted=for_all(bucket), **BY_HEADER)
    assert ended.code == 0, ended.out
    found = verdicts(ended)
    assert found["missing"] == found["untried"] == []
    assert found["warning"] == [
        f"s3://{bucket}-inventory: no inventory has come yet -> wait for it (docs/inventory.md); only "
        "`--inventory` needs it"
    ]
    assert "header, multipart" in ended.out
    assert all(probe in ended.out for probe in PROBES)
    after = keys(s3_server, bucket)
    assert after.keys() - before.keys() == PROBES
    again = doctor(bucket, granted=for_all(bucket), **BY_HEADER)
    assert again.out == ended.out.replace(
        "training/: s3:GetObject is granted; nothing is there yet", "training/: s3:GetObject is granted"
    )
    # Neither another object nor another version of one, and no upload that is left open.
    assert keys(s3_server, bucket) == after
    assert keys(s3_server, f"{bucket}-processed") == {}
    assert "Uploads" not in s3_server.client.list_multipart_uploads(Bucket=bucket)
    assert "DeleteObject" not in s3_server.names_seen()


WITHOUT = [
    ("s3:GetObject", "", r"config\.json", "s3:GetObject"),
    ("s3:GetObject", "", r"raw-northfield/", "s3:GetObject on raw-northfield/"),
    ("s3:GetObject", "", r"catalog/", "s3:GetObject on catalog/"),
    ("s3:GetObject", "", r"assignments/", "s3:GetObject on assignments/"),
    ("s3:GetObject", "", r"validation/", "s3:GetObject on validation/"),
    ("s3:PutObject", "", r"training/", "s3:PutObject on training/"),
    ("s3:PutObject", "", r"validation/", "s3:PutObject on validation/"),
    ("s3:PutObject", "", r"assignments/", "s3:PutObject on assignments/"),
    ("s3:PutObject", "", r"catalog/", "s3:PutObject on catalog/"),
    ("s3:AbortMultipartUpload", "", r"training/", "s3:AbortMultipartUpload on training/"),
    ("s3:AbortMultipartUpload", "", r"validation/", "s3:AbortMultipartUpload on validation/"),
]


def less(granted, bucket, action, keys_):
    """Grants without an action on the keys that begin with a pattern; of all keys, the others are left."""
    left = []
    for grant in granted:
        if (grant.action, grant.bucket) != (action, bucket):
            left.append(grant)
        elif grant.keys == EVERY_KEY:
            left.append(Grant(action, bucket, f"(?!{keys_}).*"))
        elif not grant.keys.startswith(keys_):
            left.append(grant)
    assert left != list(granted)
    return left


@pytest.mark.parametrize(("action", "beside", "keys_", "named"), WITHOUT)
def test_each_permission_that_is_taken_away_is_named(doctor, bucket, action, beside, keys_, named):
    ended = doctor(bucket, granted=less(for_all(bucket), bucket, action, keys_), **BY_HEADER)
    assert ended.code == 2
    lines = verdicts(ended)["missing"]
    assert any(named in line for line in lines), ended.out
    # What is granted is not said to be missing.
    others = {one[3] for one in WITHOUT if one[0] == "s3:PutObject"} - {named}
    assert not any(other in line for other in others for line in lines), ended.out


def test_without_listing_nothing_else_can_be_tried(doctor, bucket):
    granted = [grant for grant in for_all(bucket) if grant != Grant("s3:ListBucket", bucket)]
    ended = doctor(bucket, granted=granted)
    assert ended.code == 2
    (line,) = verdicts(ended)["missing"]
    assert "s3:ListBucket" in line


@pytest.mark.parametrize("action", ["s3:ListBucket", "s3:GetObject", "s3:PutObject"])
def test_what_is_missing_beside_is_a_warning(doctor, bucket, action):
    granted = [grant for grant in for_all(bucket) if grant.bucket == bucket or grant.action != action]
    ended = doctor(bucket, granted=granted, **BY_HEADER)
    assert ended.code == 0
    assert any(
        "permission denied" in line or "access was denied" in line for line in verdicts(ended)["warning"]
    )


def test_every_permission_of_the_page_is_tried():
    """The rows that are about loading, tables and inventories: what is tried above is all of them."""
    tried = {(action, keys_) for action, _, keys_, _ in WITHOUT}
    for grant in for_loading("b"):
        if grant.action in ("s3:PutObject", "s3:AbortMultipartUpload"):
            assert (grant.action, grant.keys.removesuffix(EVERY_KEY)) in tried


def test_nothing_else_takes_notice_of_what_is_left(doctor, bucket, command, s3_server):
    s3_server.upload(bucket, raw_drop()[::4])
    env = environment(s3_server)
    assert doctor(bucket).code == 0
    first = command("warehouse", "catalog", "rebuild", bucket, env=env)
    assert first.code == 0, first.err
    assert "left out" not in first.out
    assert command("warehouse", "load", bucket, env=env).code == 0
    assert doctor(bucket).code == 0
    assert command("warehouse", "verify", bucket, env=env).code == 0
    audited = command("warehouse", "split", "audit", bucket, env=env)
    assert audited.code == 0, audited.out
    assert "lie in no place" not in audited.out
    rebuilt = command("warehouse", "catalog", "rebuild", bucket, "--replace", env=env)
    assert rebuilt.code == 0, rebuilt.err
    assert "left out" not in rebuilt.out
    assert keys(s3_server, bucket).keys() >= PROBES
    again = command("warehouse", "load", bucket, "--strict", env=env)
    assert again.code in (0, 3), again.err
    asked = command("warehouse", "query", bucket, "SELECT count(*) FROM images", "--set", "training", env=env)
    assert asked.code == 0, asked.err


def test_a_server_that_heeds_no_condition_of_a_copy(doctor, bucket, s3_server):
    # As moto by itself: it answers 200 to a conditional CopyObject, and overwrites.
    s3_server.copies_heed = False
    ended = doctor(bucket, **BY_HEADER)
    assert ended.code == 2
    assert "set WAREHOUSE_S3_COPY=multipart" in "".join(verdicts(ended)["missing"])
    assert doctor(bucket, WAREHOUSE_S3_COPY="multipart").code == 0
    ended = doctor(bucket, WAREHOUSE_S3_COPY="head")
    assert ended.code == 0
    assert "a second writer can come between" in "".join(verdicts(ended)["warning"])


def test_a_server_that_overwrites(doctor, bucket, s3_server):
    assert doctor(bucket).code == 0
    s3_server.plan("PutObject", 200, "OK", times=9)
    ended = doctor(bucket)
    assert ended.code == 2
    assert "conditional writes: a second create replaced the first" in "".join(verdicts(ended)["missing"])


def test_a_server_that_does_not_know_if_match_on_writes(doctor, bucket, s3_server):
    s3_server.plan("PutObject", 501, "NotImplemented", times=99, with_header="if-match")
    assert doctor(bucket, **BY_HEADER).code == 0
    assert s3_server.names_seen().count("AbortMultipartUpload") > 2
    ended = doctor(bucket, granted=less(for_all(bucket), bucket, "s3:PutObject", "catalog/"), **BY_HEADER)
    assert ended.code == 2
    assert "s3:PutObject on catalog/" in "".join(verdicts(ended)["missing"])


def test_a_fault_that_lasts_is_untried(doctor, bucket, s3_server):
    s3_server.plan("ListObjectsV2", 503, "SlowDown", times=99)
    ended = doctor(bucket, **BY_HEADER)
    assert ended.code == 4, ended.out
    assert any("run this again" in line for line in verdicts(ended)["untried"])


def test_a_configuration_that_is_missing_or_wrong(doctor, bucket, s3_server):
    s3_server.client.put_object(Bucket=bucket, Key="config.json", Body=b"{")
    ended = doctor(bucket)
    assert ended.code == 2
    assert "config.json: " in "".join(verdicts(ended)["missing"])
    s3_server.client.delete_object(Bucket=bucket, Key="config.json")
    assert "config.json: there is none" in doctor(bucket).out


def test_for_programs(doctor, bucket):
    ended = doctor(bucket, "--format", "json")
    told = json.loads(ended.out)
    assert told["exit_code"] == ended.code == 0
    assert told["location"] == f"s3://{bucket}"
    assert set(told["probes"]) == PROBES
    assert {check["verdict"] for check in told["checks"]} == {"ok", "warning"}
    assert {"clock", "bucket", "config.json"} <= {check["name"] for check in told["checks"]}


def test_no_such_bucket(doctor):
    ended = doctor("s3://no-such-bucket-here")
    assert ended.code == 2
    (line,) = verdicts(ended)["missing"]
    assert "no bucket of this name" in line


def test_no_message_is_sent_unasked_and_a_topic_has_to_be_one(doctor, bucket):
    assert "TOPIC_ARN" not in doctor(bucket, TOPIC_ARN="nonsense").out
    ended = doctor(bucket, "--notify", TOPIC_ARN="nonsense")
    assert ended.code == 2
    assert "TOPIC_ARN is not of the form" in "".join(verdicts(ended)["missing"])
    assert "it is not set" in doctor(bucket, "--notify").out


def test_a_message_is_sent_where_it_is_asked_for(command, cloud_server, installation, tmp_path):
    topic = installation.outputs["TopicArn"]
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "config.json").write_text(json.dumps(CONFIGURATION))
    env = {**cloud_server.environment, "TOPIC_ARN": topic}
    ended = command("warehouse", "doctor", tmp_path / "d", "--notify", env=env)
    assert ended.code == 0, ended.out
    sent = sns_backends[DEFAULT_ACCOUNT_ID]["eu-west-2"].topics[topic].sent_notifications
    assert [subject for _, _, subject, *_ in sent] == ["warehouse doctor"]
    ended = command("warehouse", "doctor", tmp_path / "d", "--notify", env={**env, "TOPIC_ARN": topic + "x"})
    assert ended.code == 2
    assert "sns Publish" in ended.out


def test_a_folder(command, drop):
    before = sorted(os.walk(drop))
    ended = command("warehouse", "doctor", drop)
    assert ended.code == 0, ended.out
    assert verdicts(ended)["missing"] == []
    assert "hard links: files can be linked into place" in ended.out
    assert sorted(os.walk(drop)) == before
    assert command("warehouse", "load", drop).code == 0
    assert command("warehouse", "doctor", drop).code == 0


def test_a_folder_whose_parts_are_links_or_files(command, drop, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (drop / "training").symlink_to(tmp_path / "elsewhere")
    (drop / "assignments").write_text("")
    ended = command("warehouse", "doctor", drop)
    assert ended.code == 2
    assert [line.partition(" ->")[0] for line in verdicts(ended)["missing"]] == [
        "training/: it is a symbolic link, which is not followed",
        "assignments/: it is no folder",
    ]


def test_a_configuration_that_is_no_file(command, drop):
    (drop / "config.json").unlink()
    (drop / "config.json").mkdir()
    ended = command("warehouse", "doctor", drop)
    assert ended.code == 2
    assert "config.json: it is no plain file" in "".join(verdicts(ended)["missing"])


def test_a_folder_that_is_not_there(command, tmp_path):
    ended = command("warehouse", "doctor", tmp_path / "none")
    assert ended.code == 2
    assert "does not exist" in "".join(verdicts(ended)["missing"])
