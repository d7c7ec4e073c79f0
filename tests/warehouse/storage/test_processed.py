"""Archives are never changed; `latest.csv` is the one object that is replaced, last and as a whole."""

from types import SimpleNamespace

import pytest

from warehouse.errors import AlreadyExists, SettingsError, StoreFault, StoreUnavailable
from warehouse.storage import processed
from warehouse.storage.processed import LATEST, Archive, FolderProcessed, LocalTables, S3Processed
from warehouse.storage.retry import RetryPolicy

QUICK = RetryPolicy(attempts=4, seconds=20.0, base=0.001, cap=0.01)


def folder(request):
    root = request.getfixturevalue("tmp_path") / "d-processed"
    place = FolderProcessed(root)
    place.check()
    return SimpleNamespace(place=place, read=lambda key: (root / key).read_bytes())


def s3(request):
    server, bucket = request.getfixturevalue("s3_server"), request.getfixturevalue("s3_bucket")
    place = S3Processed(bucket, session=server.session(), endpoint_url=server.endpoint, retry=QUICK)
    return SimpleNamespace(
        place=place, read=lambda key: server.client.get_object(Bucket=bucket, Key=key)["Body"].read()
    )


KINDS = {"folder": folder, "s3": s3}


@pytest.fixture(params=KINDS)
def kept(request):
    found = KINDS[request.param](request)
    yield found
    found.place.close()


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "table"
    path.write_bytes(b"rows\n" * 1000)
    return path


def test_a_file_of_an_archive_is_never_replaced(kept, file):
    kept.place.add_file("2020/ct.csv", file)
    assert kept.read("2020/ct.csv") == file.read_bytes()
    with pytest.raises(AlreadyExists):
        kept.place.add_file("2020/ct.csv", file)
    file.write_bytes(b"other")
    with pytest.raises(AlreadyExists):
        kept.place.add_file("2020/ct.csv", file)
    assert kept.read("2020/ct.csv") == b"rows\n" * 1000


def test_an_empty_file_and_one_of_several_blocks(kept, tmp_path):
    for name, data in (("empty", b""), ("large", bytes(range(256)) * 40_000)):
        (tmp_path / name).write_bytes(data)
        kept.place.add_file(f"a/{name}", tmp_path / name)
        assert kept.read(f"a/{name}") == data


def test_latest_is_replaced(kept):
    kept.place.replace_latest(b"old")
    kept.place.replace_latest(b"new")
    assert kept.read(LATEST) == b"new"
    assert [info.key for info in kept.place.list()] == [LATEST]


def test_a_lost_answer_is_settled_by_what_stands_there(s3_server, s3_bucket, file, monkeypatch):
    monkeypatch.setattr(processed, "BLOCK", 1024)
    place = S3Processed(s3_bucket, session=s3_server.session(), endpoint_url=s3_server.endpoint, retry=QUICK)
    s3_server.plan("PutObject", 500, "InternalError", after=True)
    place.add_file("a/b", file)
    assert s3_server.client.get_object(Bucket=s3_bucket, Key="a/b")["Body"].read() == file.read_bytes()
    for data in (b"other" * 1000, file.read_bytes() + b"x", file.read_bytes()[:-1], b""):
        (other := file.with_name("other")).write_bytes(data)
        s3_server.plan("PutObject", 500, "InternalError")
        with pytest.raises(AlreadyExists):
            place.add_file("a/b", other)
    place.close()


def test_a_fault_that_passes_is_tried_again_with_the_whole_file(s3_server, s3_bucket, file):
    place = S3Processed(s3_bucket, session=s3_server.session(), endpoint_url=s3_server.endpoint, retry=QUICK)
    s3_server.plan("PutObject", 503, "SlowDown", times=2)
    place.add_file("a/b", file)
    assert s3_server.client.get_object(Bucket=s3_bucket, Key="a/b")["Body"].read() == file.read_bytes()
    s3_server.plan("PutObject", 503, "SlowDown", times=9)
    with pytest.raises(StoreFault):
        place.replace_latest(b"x")
    place.close()


def test_the_folder_is_made_beside_one_that_is_there(tmp_path):
    FolderProcessed(tmp_path / "made").check()
    assert (tmp_path / "made").is_dir()
    with pytest.raises(StoreUnavailable):
        FolderProcessed(tmp_path / "no" / "made").check()
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnavailable):
        FolderProcessed(tmp_path / "file").check()


def test_what_is_made_in_a_folder_can_be_read_by_its_owner_only(tmp_path, file):
    root = tmp_path / "d-processed"
    place = FolderProcessed(root)
    place.check()
    place.add_file("2020/ct.csv", file)
    place.replace_latest(b"x")
    place.close()
    modes = {path.relative_to(tmp_path).as_posix(): path.stat().st_mode & 0o777 for path in root.rglob("*")}
    assert modes == {
        "d-processed/2020": 0o700,
        "d-processed/2020/ct.csv": 0o600,
        f"d-processed/{LATEST}": 0o600,
    }
    assert root.stat().st_mode & 0o777 == 0o700


def test_a_link_at_latest_is_replaced_and_not_followed(tmp_path):
    other = tmp_path / "other"
    other.write_text("somebody's")
    place = FolderProcessed(tmp_path / "p")
    place.check()
    (tmp_path / "p" / LATEST).symlink_to(other)
    place.replace_latest(b"new")
    assert other.read_text() == "somebody's"
    assert not (tmp_path / "p" / LATEST).is_symlink()


def test_local_tables_are_those_of_the_last_run(tmp_path, file):
    place = LocalTables(tmp_path / "a" / "b")
    place.check()
    place.add_file("ct.csv", file)
    file.write_bytes(b"new")
    place.add_file("ct.csv", file)
    assert (tmp_path / "a/b/ct.csv").read_bytes() == b"new"
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError):
        LocalTables(tmp_path / "file").check()


def test_an_archive_tells_what_it_holds(tmp_path):
    place = LocalTables(tmp_path)
    for name in ("ct.csv", "ct.parquet"):
        (tmp_path / f"made-{name}").write_text("x")
    table = SimpleNamespace(
        name="ct", rows=3, csv=tmp_path / "made-ct.csv", parquet=tmp_path / "made-ct.parquet"
    )
    archive = Archive(place)
    assert (archive.summary(), archive.notice()) == ("", "")
    archive.add(table)
    assert archive.notice() == f"1 tables in {tmp_path}/"
    assert "was left as it was" in archive.summary()
    assert not (tmp_path / LATEST).exists()
    archive.make_latest()
    assert (tmp_path / LATEST).read_text().split() == ["archive,path", "ct,made-ct.csv"]
    assert archive.report() == {"archive": "", "rows": {"ct": 3}, "latest": True}
