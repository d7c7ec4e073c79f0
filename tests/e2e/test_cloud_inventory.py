"""`warehouse cloud inventory` on moto: the latest one, whole, as it lies in its bucket."""

from datetime import UTC, datetime, timedelta

import pytest
from inventories import inventory_of

from warehouse.domain.records import ObjectInfo

NOW = datetime.now(UTC).replace(second=0, microsecond=0)
OBJECT = ObjectInfo("raw-a/2020-01-01/images/x.dcm", 3, "e", NOW)


@pytest.fixture
def download(command, cloud_server, installation):
    """Download the inventory of the stack into a folder."""

    def run(folder):
        env = cloud_server.environment
        return command("warehouse", "cloud", "inventory", folder, "--stack", installation.name, env=env)

    return run


@pytest.fixture
def put(cloud_server, installation):
    """Put an inventory of some age into its bucket; what it consists of."""

    def run(age, **how):
        files = inventory_of(installation.bucket, [OBJECT], taken=NOW - age, **how)
        for key, data in files:
            cloud_server.client("s3").put_object(
                Bucket=f"{installation.bucket}-inventory", Key=key, Body=data
            )
        return dict(files)

    return run


def under(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("manifest", ["aws", "beside", None])
def test_the_latest_and_nothing_else(download, put, tmp_path, manifest):
    put(timedelta(days=3))
    files = put(timedelta(days=2), manifest=manifest, parts=3)
    ended = download(tmp_path / "new")
    assert ended.code == 0, ended.err
    assert under(tmp_path / "new") == files
    told = f" hours old: {len(files)} new files, {sum(map(len, files.values())):,} bytes"
    assert told in ended.out
    again = download(tmp_path / "new")
    assert again.code == 0
    assert "0 new files" in again.out


def test_one_that_is_old_is_downloaded_all_the_same(download, put, tmp_path):
    files = put(timedelta(days=30))
    assert download(tmp_path / "d").code == 0
    assert under(tmp_path / "d") == files


def test_a_folder_of_the_name_of_the_bucket_can_be_loaded_by_it(
    download, put, command, installation, tmp_path
):
    put(timedelta(hours=6))
    drop = tmp_path / installation.bucket
    drop.mkdir()
    (drop / "config.json").write_text('{"raw_prefixes": ["raw-a"], "training_percentage": 0, "sites": {}}')
    assert download(tmp_path / f"{installation.bucket}-inventory").code == 0
    loaded = command("warehouse", "load", drop, "--inventory")
    assert loaded.code == 0, loaded.err
    assert "vanished" in loaded.out


def test_there_is_none_or_part_of_it_is_missing(download, put, cloud_server, installation, tmp_path):
    ended = download(tmp_path / "d")
    assert ended.code == 2
    assert "there is no inventory" in ended.err
    files = put(timedelta(hours=1))
    row_file = next(key for key in files if "/data/" in key)
    cloud_server.client("s3").delete_object(Bucket=f"{installation.bucket}-inventory", Key=row_file)
    ended = download(tmp_path / "d")
    assert ended.code == 2
    assert "is missing" in ended.err
    assert not any(name.endswith("symlink.txt") for name in under(tmp_path / "d"))
