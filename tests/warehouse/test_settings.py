"""Settings come from flags and environment, once; doubt is an error."""

import itertools
from datetime import timedelta
from pathlib import Path

import pytest

from warehouse.errors import SettingsError
from warehouse.settings import (
    Location,
    TaskSettings,
    locate,
    read_log_format,
    read_settings,
    read_task_settings,
)


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
        ("file:///data/st#2?x", Location("folder", "/data/st#2?x")),
        ("file://localhost/data", Location("folder", "/data")),
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


@pytest.mark.parametrize(
    "text",
    [
        "s3://",
        "s3://bucket/prefix",
        "s3://a",
        "file://host/path",
        "file:relative",
        "file://[",
        "file:///a%00b",
        "file:///a%ff",
        "/a\0b",
        "/a\udcff",
        "S3://bucket",
        "http://bucket",
        "my bucket",
        "-bucket",
        "b" * 400,
    ],
)
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


def test_a_location_knows_what_named_it():
    assert read_settings({"WAREHOUSE_BUCKET": "b-1"}).location.origin == "WAREHOUSE_BUCKET"
    assert read_settings({"BUCKET_NAME": "b-1"}).location.origin == "BUCKET_NAME"
    assert read_settings({"BUCKET_NAME": "b-1"}, bucket="b-2").location.origin == "the argument BUCKET"
    assert read_settings({}, bucket="b-2", origin="--bucket").location.origin == "--bucket"


def test_flags_win_over_variables():
    settings = read_settings(
        {"WAREHOUSE_BUCKET": "b-1", "WAREHOUSE_CONCURRENCY": "3"}, bucket="b-2", concurrency=5
    )
    assert (settings.location.name, settings.concurrency) == ("b-2", 5)
    assert read_settings({"WAREHOUSE_BUCKET": "b-1", "WAREHOUSE_CONCURRENCY": "3"}).concurrency == 3


def test_dry_run_is_any_non_empty_value():
    assert read_settings({"WAREHOUSE_BUCKET": "b-1", "DRY_RUN": "no"}).dry_run
    assert not read_settings({"WAREHOUSE_BUCKET": "b-1", "DRY_RUN": ""}).dry_run


@pytest.mark.parametrize("text", ["0", "-1", "many", "1e3", "9999999", "٣", "1" * 5000])
def test_a_concurrency_that_is_none(text):
    with pytest.raises(SettingsError, match="WAREHOUSE_CONCURRENCY"):
        read_settings({"WAREHOUSE_BUCKET": "b-1", "WAREHOUSE_CONCURRENCY": text})


def test_copy_mode():
    assert read_settings({"WAREHOUSE_BUCKET": "b-1", "WAREHOUSE_S3_COPY": "head"}).copy_mode == "head"
    with pytest.raises(SettingsError, match="WAREHOUSE_S3_COPY"):
        read_settings({"WAREHOUSE_BUCKET": "b-1", "WAREHOUSE_S3_COPY": "fast"})


def test_commit_is_ignored_and_said_so():
    (warning,) = read_settings({"WAREHOUSE_BUCKET": "b-1", "COMMIT": "abc"}).warnings
    assert "COMMIT" in warning


def test_only_a_bare_name_may_have_meant_a_folder():
    assert locate("my-bucket").bare
    assert not locate("s3://my-bucket").bare


def test_a_role_is_named_by_its_arn():
    arn = "arn:aws-cn:iam::123456789012:role/path/loader"
    assert read_settings({"WAREHOUSE_BUCKET": "b-1"}, role_arn=arn).role_arn == arn
    for text in ("", "loader", "arn:aws:iam::123:role/loader", "arn:aws:iam::123456789012:user/loader"):
        with pytest.raises(SettingsError, match="--role-arn"):
            read_settings({"WAREHOUSE_BUCKET": "b-1"}, role_arn=text)


@pytest.mark.parametrize(
    "text", ["not a url", "ftp://host", "host:9000", "http://", "http://[::1", "http://h:x"]
)
def test_an_endpoint_that_is_none_is_named_and_not_quoted(text):
    environment = {"WAREHOUSE_BUCKET": "b-1", "AWS_ENDPOINT_URL_S3": text}
    with pytest.raises(SettingsError, match="AWS_ENDPOINT_URL_S3") as raised:
        read_settings(environment)
    assert text == "http://" or text not in str(raised.value)
    assert read_settings({**environment, "WAREHOUSE_BUCKET": "/folder"}).endpoint_url is None


@pytest.mark.parametrize(
    ("variables", "flags", "local"),
    [
        ({}, {}, False),
        ({"LOCAL_ONLY": ""}, {}, False),
        ({"LOCAL_ONLY": "0"}, {}, True),
        ({}, {"local_only": True}, True),
        ({}, {"out": Path("tables")}, True),
    ],
)
def test_tables_stay_local(variables, flags, local):
    settings = read_settings({"WAREHOUSE_BUCKET": "b-1", **variables}, **flags)
    assert settings.local_only is local
    assert settings.out == flags.get("out")


def test_a_message_is_written_unless_somebody_does_not_want_it():
    assert read_settings({"WAREHOUSE_BUCKET": "b-1"}).message
    assert read_settings({"WAREHOUSE_BUCKET": "b-1", "NO_OUTPUT_FILE": ""}).message
    assert not read_settings({"WAREHOUSE_BUCKET": "b-1", "NO_OUTPUT_FILE": "yes"}).message


def test_an_inventory_is_asked_for_by_flag_or_variable():
    here = {"WAREHOUSE_BUCKET": "s3://bucket"}
    assert not read_settings(here).inventory
    assert read_settings(here).inventory_max_age == timedelta(hours=48)
    assert read_settings(here, inventory=True).inventory
    by_variable = read_settings({**here, "WAREHOUSE_INVENTORY": "1", "WAREHOUSE_INVENTORY_MAX_AGE": "36"})
    assert (by_variable.inventory, by_variable.inventory_max_age) == (True, timedelta(hours=36))
    by_flag = read_settings(
        {**here, "WAREHOUSE_INVENTORY_MAX_AGE": "36"}, inventory=True, inventory_max_age="1.5"
    )
    assert by_flag.inventory_max_age == timedelta(minutes=90)


@pytest.mark.parametrize("text", ["", "0", "0.0", "-1", "soon", "nan", "inf", "1e3", "1h", "٣", "9" * 7])
def test_ages_that_mean_nothing(text):
    here = {"WAREHOUSE_BUCKET": "s3://bucket"}
    with pytest.raises(SettingsError, match="--inventory-max-age must be a number of hours"):
        read_settings(here, inventory=True, inventory_max_age=text)
    if text:
        with pytest.raises(SettingsError, match="WAREHOUSE_INVENTORY_MAX_AGE must be"):
            read_settings({**here, "WAREHOUSE_INVENTORY_MAX_AGE": text})


def test_an_age_without_an_inventory_is_a_mistake_on_the_command_line_only():
    here = {"WAREHOUSE_BUCKET": "s3://bucket", "WAREHOUSE_INVENTORY_MAX_AGE": "36"}
    assert not read_settings(here).inventory
    with pytest.raises(SettingsError, match="needs --inventory"):
        read_settings(here, inventory_max_age="5")


def test_the_format_of_lines():
    assert read_log_format({}) == read_log_format({"WAREHOUSE_LOG_FORMAT": "text"}) == "text"
    assert read_log_format({"WAREHOUSE_LOG_FORMAT": "json"}) == "json"
    with pytest.raises(SettingsError, match="WAREHOUSE_LOG_FORMAT must be one of text, json"):
        read_log_format({"WAREHOUSE_LOG_FORMAT": "JSON"})


def test_a_container_is_told_whom_to_tell():
    assert read_task_settings({"TOPIC_ARN": "", "WAREHOUSE_STACK": ""}) == TaskSettings()
    arn = "arn:aws-cn:sns:cn-north-1:123456789012:Runs_of-dev"
    told = read_task_settings({"TOPIC_ARN": arn, "WAREHOUSE_STACK": "dev", "WAREHOUSE_LOG_FORMAT": "json"})
    assert told == TaskSettings(topic_arn=arn, topic_region="cn-north-1", stack="dev", log_format="json")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TOPIC_ARN", "arn:aws:sqs:eu-west-2:123456789012:queue"),
        ("TOPIC_ARN", "arn:aws:sns:eu-west-2:123456789012:topic\n"),
        ("TOPIC_ARN", "topic"),
        ("WAREHOUSE_STACK", "dev!"),
        ("WAREHOUSE_STACK", "a b"),
    ],
)
def test_what_a_container_cannot_be_told(name, value):
    with pytest.raises(SettingsError, match=name):
        read_task_settings({name: value})


KEY = "raw-a/2020-01-01/images/x.dcm"
NAME = "a/2020-01-01/images#20200601T120000Z-a1b2c3-17"


@pytest.mark.parametrize("text", [KEY, f"/{KEY}", f"s3://bucket/{KEY}", f"bucket/{KEY}"])
def test_a_key_in_a_bucket_as_a_person_gives_it(text):
    assert Location("s3", "bucket").key_of(text) == KEY


FOLDERS = ["d", "./d", "link", "{here}/d", "{here}/link"]
TEXTS = [
    KEY,
    f"/{KEY}",
    f"d/{KEY}",
    f"./d/{KEY}",
    f"{{here}}/d/{KEY}",
    f"file://{{here}}/d/{KEY}",
    f"link/{KEY}",
]


def a_path_of_something_or_in_the_folder_as_it_was_named(name, text, there):
    return there or text.split("/")[0] not in {"d", "link"} - {name}


@pytest.mark.parametrize(
    ("name", "text", "there"),
    [
        case
        for case in itertools.product(FOLDERS, TEXTS, [True, False])
        if a_path_of_something_or_in_the_folder_as_it_was_named(*case)
    ],
)
def test_a_key_in_a_folder_as_a_person_gives_it(tmp_path, monkeypatch, name, text, there):
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "d" / KEY
    file.parent.mkdir(parents=True)
    (tmp_path / "link").symlink_to("d")
    if there:
        file.write_text("")
    here = str(tmp_path)
    assert Location("folder", name.format(here=here)).key_of(text.format(here=here)) == KEY


@pytest.mark.parametrize("location", [Location("s3", "bucket"), Location("folder", "d")])
@pytest.mark.parametrize("text", [NAME, "x", "a//b", "../x"])
def test_what_names_no_place_is_left_as_it_is(tmp_path, monkeypatch, location, text):
    monkeypatch.chdir(tmp_path)
    assert location.key_of(text) == text


@pytest.mark.parametrize(
    ("location", "text", "said"),
    [
        (Location("s3", "bucket"), f"s3://other/{KEY}", "in s3://other, and this is s3://bucket"),
        (Location("folder", "d"), f"s3://other/{KEY}", "in s3://other, and this is d"),
        (Location("folder", "d"), "{here}/other", "does not lie in d"),
        (Location("folder", "d"), "file://{here}/gone", "does not lie in d"),
        (Location("s3", "bucket"), "s3://bucket/", "the bucket itself"),
        (Location("folder", "d"), "{here}/d", "the bucket itself"),
    ],
)
def test_a_key_that_is_of_another_place_is_refused(tmp_path, monkeypatch, location, text, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "d").mkdir()
    (tmp_path / "other").write_text("")
    with pytest.raises(SettingsError, match=said):
        location.key_of(text.format(here=tmp_path))
