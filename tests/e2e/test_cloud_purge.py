"""`warehouse cloud purge` on moto: what was counted goes, with every version and marker, and nothing else."""

import re

import pytest


@pytest.fixture
def bucket(cloud_server, installation):
    """A bucket with versions and delete markers of two patients, P1 and P10, and a claim."""
    s3 = cloud_server.client("s3")
    for key in ("training/ct/P1/a.dcm", "training/ct/P1/b.dcm", "training/ct/P10/a.dcm"):
        for data in (b"one", b"three"):
            s3.put_object(Bucket=installation.bucket, Key=key, Body=data)
    s3.delete_object(Bucket=installation.bucket, Key="training/ct/P1/a.dcm")
    for key in ("assignments/patients/P1.json", "assignments/patients/P1.json.old", "config.json"):
        s3.put_object(Bucket=installation.bucket, Key=key, Body=b"{}")
    return installation.bucket


@pytest.fixture
def purge(command, cloud_server, installation):
    """Run the command with something typed."""

    def run(*words, typed=""):
        words = ("cloud", "purge", *words, "--stack", installation.name)
        return command("warehouse", *words, env=cloud_server.environment, typed=typed)

    return run


def all_versions(server, bucket):
    found = server.client("s3").list_object_versions(Bucket=bucket)
    return sorted(
        (one["Key"], one["VersionId"])
        for kind in ("Versions", "DeleteMarkers")
        for one in found.get(kind, ())
    )


def test_it_is_dry_unless_really_is_said(purge, bucket, cloud_server):
    before = all_versions(cloud_server, bucket)
    ended = purge("training/ct/P1/", typed="5\n")
    assert ended.code == 0, ended.err
    assert f"s3://{bucket}: 2 keys: 4 versions with 16 bytes, 1 delete markers" in ended.out
    assert "Nothing was deleted" in ended.out
    assert all_versions(cloud_server, bucket) == before


@pytest.mark.parametrize("typed", ["", "\n", "4\n", "yes\n", "55\n"])
def test_the_count_has_to_be_typed(purge, bucket, cloud_server, typed):
    before = all_versions(cloud_server, bucket)
    ended = purge("training/ct/P1/", "--really", typed=typed)
    assert ended.code == 2
    assert "nothing was deleted: the count is 5" in ended.err
    assert all_versions(cloud_server, bucket) == before


def test_all_versions_and_markers_go_and_nothing_else(purge, bucket, cloud_server):
    before = all_versions(cloud_server, bucket)
    ended = purge("training/ct/P1/", "--really", typed="5\n")
    assert ended.code == 0, ended.err
    assert "deleted 5 of 5" in ended.out
    left = all_versions(cloud_server, bucket)
    assert left == [one for one in before if not one[0].startswith("training/ct/P1/")]
    assert purge("training/ct/P1/", "--really").code == 0


def test_a_list_of_keys_is_taken_exactly(purge, bucket, cloud_server, tmp_path):
    before = all_versions(cloud_server, bucket)
    (tmp_path / "keys").write_text("assignments/patients/P1.json\r\n\ntraining/ct/P1/a.dcm\nno/such/key\n")
    ended = purge("--keys", "keys", "--really", typed="4\n")
    assert ended.code == 0, ended.err
    assert "nothing is there of 1 of the 3 keys in the file" in ended.out
    gone = {one[0] for one in before} - {one[0] for one in all_versions(cloud_server, bucket)}
    assert gone == {"assignments/patients/P1.json", "training/ct/P1/a.dcm"}


def test_more_than_one_request_holds(purge, installation, cloud_server):
    cloud_server.upload(installation.bucket, [(f"raw-a/{number:04}", b"") for number in range(1003)])
    ended = purge("raw-a/", "--really", typed="1,003\n")
    assert ended.code == 0, ended.err
    assert "deleted 1,003 of 1,003" in ended.out
    assert all_versions(cloud_server, installation.bucket) == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("",), "whole bucket"),
        (("/",), "whole bucket"),
        (("training/ct/P1",), "ends in a slash"),
        (("a",), "ends in a slash"),
        (("assignments/patients/",), "only assignments/ itself"),
        (("catalog/objects/",), "only catalog/ itself"),
        ((), "name one PREFIX"),
        (("x/", "--keys", "keys"), "name one PREFIX"),
        (("--keys", "empty"), "names no key"),
        (("--keys", "pattern"), "a pattern"),
    ],
)
def test_what_is_refused(purge, bucket, cloud_server, tmp_path, words, said):
    (tmp_path / "keys").write_text("a\n")
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "pattern").write_text("training/*\n")
    before = all_versions(cloud_server, bucket)
    ended = purge(*words, "--really", typed="5\n")
    assert ended.code == 2
    assert said in ended.err
    assert all_versions(cloud_server, bucket) == before


def test_the_claims_are_purged_where_they_are_named_exactly(purge, bucket, cloud_server):
    assert purge("assignments/", "--really", typed="2\n").code == 0
    assert not any(key.startswith("assignments/") for key, _ in all_versions(cloud_server, bucket))


def test_the_other_buckets_of_the_stack(purge, bucket, cloud_server):
    cloud_server.client("s3").put_object(Bucket=f"{bucket}-backup", Key="raw-a/x", Body=b"x")
    assert purge("raw-a/", "--of", "backup", "--really", typed="1\n").code == 0
    assert all_versions(cloud_server, f"{bucket}-backup") == []


def test_what_could_not_be_deleted_is_told(purge, bucket, cloud_server):
    # S3 answers 200, and names those that it did not delete.
    def locked(sent):
        version = re.findall(r"<Key>training/ct/P1/b.dcm</Key><VersionId>([^<]+)</VersionId>", sent)[0]
        error = f"<Key>training/ct/P1/b.dcm</Key><VersionId>{version}</VersionId><Code>AccessDenied</Code>"
        return 200, f"<DeleteResult><Error>{error}<Message>secret</Message></Error></DeleteResult>"

    cloud_server.instead["DeleteObjects"] = locked
    ended = purge("training/ct/P1/", "--really", typed="5\n")
    assert ended.code == 4
    assert "deleted 4 of 5" in ended.out
    assert re.search(r"not deleted: training/ct/P1/b\.dcm\t\S+\tAccessDenied", ended.out)
    assert "secret" not in ended.out + ended.err


def test_what_is_gone_is_told_also_where_a_fault_ends_it(purge, bucket, cloud_server):
    cloud_server.instead["DeleteObjects"] = lambda _: (403, "<Error><Code>AccessDenied</Code></Error>")
    ended = purge("training/ct/P1/", "--really", typed="5\n")
    assert ended.code == 2
    assert "deleted 0 of 5" in ended.out
    assert "s3:DeleteObjectVersion" in ended.err
