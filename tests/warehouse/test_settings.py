"""Settings come from flags and environment, once; doubt is an error."""

import pytest

from warehouse.errors import SettingsError
from warehouse.settings import Location, locate, read_settings


@pytest.mark.parametrize(
    ("text", "location"),
    [
        ("my-bucket", Location("s3", "my-bucket")),
        ("s3://my-bucket", Location("s3", "my-bucket")),
        ("s3://my-bucket/", Location("s3", "my-bucket")),
        ("/data/drop", Location("folder", "/data/drop")),
        ("./drop", Location("folder", "./drop")),
        ("../drop", Location("folder", "../drop")),
        (".", Location("folder", ".")),
        ("file:///data/a%20b", Location("folder", "/data/a b")),
    ],
)
def test_locations(text, location, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert locate(text) == location


def test_a_bare_name_that_is_a_folder_here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "drop").mkdir()
    assert locate("drop") == Location("folder", "drop")
    assert locate("s3://drop") == Location("s3", "drop")


@pytest.mark.parametrize("text", ["s3://", "s3://bucket/prefix", "file://host/path", "file:relative"])
def test_locations_that_mean_nothing(text):
    with pytest.raises(SettingsError):
        locate(text)


def test_either_variable_names_the_bucket():
    assert read_settings({"BUCKET_NAME": "b-1"}).location.name == "b-1"
    assert read_settings({"WAREHOUSE_BUCKET": "b-1", "BUCKET_NAME": "b-1"}).location.name == "b-1"
    with pytest.raises(SettingsError, match="differ"):
        read_settings({"WAREHOUSE_BUCKET": "b-1", "BUCKET_NAME": "b-2"})
    with pytest.raises(SettingsError, match="no bucket"):
        read_settings({})


def test_flags_win_over_variables():
    settings = read_settings(
        {"WAREHOUSE_BUCKET": "b-1", "WAREHOUSE_CONCURRENCY": "3"}, bucket="b-2", concurrency=5
    )
    assert (settings.location.name, settings.concurrency) == ("b-2", 5)
    assert read_settings({"WAREHOUSE_BUCKET": "b-1", "WAREHOUSE_CONCURRENCY": "3"}).concurrency == 3


def test_dry_run_is_any_non_empty_value():
    assert read_settings({"WAREHOUSE_BUCKET": "b", "DRY_RUN": "no"}).dry_run
    assert not read_settings({"WAREHOUSE_BUCKET": "b", "DRY_RUN": ""}).dry_run


@pytest.mark.parametrize("text", ["0", "-1", "many", "1e3", "9999999", "٣"])
def test_a_concurrency_that_is_none(text):
    with pytest.raises(SettingsError, match="WAREHOUSE_CONCURRENCY"):
        read_settings({"WAREHOUSE_BUCKET": "b", "WAREHOUSE_CONCURRENCY": text})


def test_copy_mode():
    assert read_settings({"WAREHOUSE_BUCKET": "b", "WAREHOUSE_S3_COPY": "head"}).copy_mode == "head"
    with pytest.raises(SettingsError, match="WAREHOUSE_S3_COPY"):
        read_settings({"WAREHOUSE_BUCKET": "b", "WAREHOUSE_S3_COPY": "fast"})


def test_commit_is_ignored_and_said_so():
    (warning,) = read_settings({"WAREHOUSE_BUCKET": "b", "COMMIT": "abc"}).warnings
    assert "COMMIT" in warning
