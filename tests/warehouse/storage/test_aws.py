"""The session's parts that are our own."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from botocore.utils import parse_timestamp

from warehouse.storage.aws import _timestamp, open_session


@pytest.mark.parametrize(
    "value",
    [
        "2026-11-28T02:10:21.990Z",
        "2026-11-28T02:10:21Z",
        "Sat, 28 Nov 2026 02:10:21 GMT",
        1790000000,
        "1790000000",
    ],
)
def test_times_of_answers_are_read_as_botocore_reads_them(value):
    assert _timestamp(value) == parse_timestamp(value)


def test_listings_are_read_by_it(s3_server, s3_bucket, monkeypatch):
    s3_server.client.put_object(Bucket=s3_bucket, Key="x", Body=b"")
    for name, value in (
        ("AWS_ACCESS_KEY_ID", "test-access-key"),
        ("AWS_SECRET_ACCESS_KEY", "test-secret-key"),
    ):
        monkeypatch.setenv(name, value)
    client = open_session().client("s3", endpoint_url=s3_server.endpoint, region_name="eu-west-2")
    parser = client._endpoint._response_parser_factory.create_parser("rest-xml")
    assert parser._timestamp_parser is _timestamp
    (found,) = client.list_objects_v2(Bucket=s3_bucket)["Contents"]
    assert abs((found["LastModified"] - datetime.now(UTC)).total_seconds()) < 60
