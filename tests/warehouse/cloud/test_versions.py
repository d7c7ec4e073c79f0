"""Versions are found by page, whatever begins like a key; what was not deleted is told with S3's code."""

from __future__ import annotations

import botocore.exceptions as boto
import pytest

from warehouse.cloud import versions as module
from warehouse.cloud.clients import Access
from warehouse.cloud.versions import Versions
from warehouse.domain.purging import Version


class S3:
    """ListObjectVersions and DeleteObjects, as far as they are asked."""

    def __init__(self, *pages):
        self.pages = pages
        self.read = 0
        self.errors = []
        self.alone = []
        self.refuses = ""

    def get_paginator(self, name):
        assert name == "list_object_versions"
        return self

    def paginate(self, **_):
        for page in self.pages:
            self.read += 1
            yield page

    def delete_objects(self, *, Delete, **_):
        self.sent = Delete
        return {"Errors": self.errors} if self.errors else {}

    def delete_object(self, *, Key, VersionId, **_):
        self.alone.append((Key, VersionId))
        if self.refuses:
            raise boto.ClientError({"Error": {"Code": self.refuses}}, "DeleteObject")


def version(key, id, **more):
    return {"Key": key, "VersionId": id, "Size": 1, **more}


@pytest.fixture
def of_bucket(monkeypatch):
    def open_(*pages):
        s3 = S3(*pages)
        monkeypatch.setattr(module, "client", lambda service, access: s3)
        return s3, Versions("bucket", Access())

    return open_


def test_versions_and_markers_of_a_key_come_together(of_bucket):
    _, versions = of_bucket(
        {
            "Versions": [version("a", "1"), version("c", "2")],
            "DeleteMarkers": [version("a", "3"), version("b", "4")],
        },
        {},
        {"Versions": [version("c", "5")]},
    )
    found = [(one.key, one.id, one.marker) for one in versions.under("")]
    assert found == [
        ("a", "1", False),
        ("a", "3", True),
        ("b", "4", True),
        ("c", "2", False),
        ("c", "5", False),
    ]


def test_only_the_key_itself_and_no_page_more_than_needed(of_bucket):
    s3, versions = of_bucket(
        {"Versions": [version("a", "1")]},
        {"Versions": [version("a", "2"), version("a.old", "3")]},
        {"Versions": [version("a.older", "4")]},
    )
    assert [one.id for one in versions.of("a")] == ["1", "2"]
    assert s3.read == 2


def test_what_was_not_deleted(of_bucket):
    s3, versions = of_bucket()
    both = [Version("a", "1"), Version("a", "2")]
    assert versions.delete(both) == []
    assert s3.sent["Objects"] == [{"Key": "a", "VersionId": "1"}, {"Key": "a", "VersionId": "2"}]
    s3.errors = [{"Key": "a", "VersionId": "2", "Code": "AccessDenied", "Message": "secret"}]
    assert versions.delete(both) == [(both[1], "AccessDenied")]


def test_a_key_that_no_document_can_hold_is_deleted_by_its_address(of_bucket):
    s3, versions = of_bucket()
    some = [Version("a", "1"), Version("b\x01", "2"), Version("c", "3")]
    assert versions.delete(some) == []
    assert [one["Key"] for one in s3.sent["Objects"]] == ["a", "c"]
    assert s3.alone == [("b\x01", "2")]
    s3.refuses = "AccessDenied"
    assert versions.delete(some) == [(some[1], "AccessDenied")]


def test_where_all_keys_are_such_no_empty_document_is_sent(of_bucket):
    s3, versions = of_bucket()
    assert versions.delete([Version("b\x01", "2")]) == []
    assert not hasattr(s3, "sent")
