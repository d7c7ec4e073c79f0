"""Streams are read to their end, whatever their pages hold, and again for what came since."""

from __future__ import annotations

import botocore.exceptions as boto
import pytest

from warehouse.cloud.logs import LogStream, follow
from warehouse.errors import CloudFault, CloudUnavailable


class Pages:
    """CloudWatch's answers: pages that grow, or a refusal."""

    def __init__(self, *pages):
        self.pages = list(pages)
        self.refusal = ""
        self.asked = 0

    def get_log_events(self, *, nextToken="f/0", startFromHead, **_):
        assert startFromHead
        self.asked += 1
        if self.refusal:
            raise boto.ClientError({"Error": {"Code": self.refusal}}, "GetLogEvents")
        number = int(nextToken[2:])
        here = self.pages[number] if number < len(self.pages) else ()
        events = [{"timestamp": 0, "message": one} for one in here]
        return {"events": events, "nextForwardToken": f"f/{min(number + 1, len(self.pages))}"}


def read(stream, **how):
    return [event.message for event in stream.unread(**how)]


def test_an_empty_page_is_not_the_last():
    stream = LogStream(Pages(["a\n"], [], [], ["b", "c"]), "group", "name")
    assert read(stream) == ["a", "b", "c"]
    assert read(stream) == []


def test_what_came_since_is_read_once():
    pages = Pages(["a"])
    stream = LogStream(pages, "group", "name")
    assert read(stream) == ["a"]
    pages.pages += [["b"], ["c"]]
    assert read(stream) == ["b", "c"]
    assert read(stream) == []


def test_a_stream_that_is_awaited_may_be_missing_and_another_may_not():
    pages = Pages(["a"])
    pages.refusal = "ResourceNotFoundException"
    stream = LogStream(pages, "group", "name")
    assert read(stream, awaited=True) == []
    with pytest.raises(CloudUnavailable, match="there is no stream name in group"):
        read(stream)
    pages.refusal = ""
    assert read(stream, awaited=True) == ["a"]


def test_any_other_refusal_is_one():
    pages = Pages()
    pages.refusal = "ThrottlingException"
    with pytest.raises(CloudFault, match="ThrottlingException"):
        read(LogStream(pages, "group", "name"), awaited=True)


def test_following_ends_with_the_task_and_loses_nothing_that_came_late():
    pages, waits = Pages(), []

    def wait():
        waits.append(len(waits))
        pages.pages.append([f"line {len(waits)}"])

    looks = iter([False, False, True])
    stream = LogStream(pages, "group", "name")
    found = [event.message for event in follow(stream, lambda: next(looks), wait)]
    assert found == ["line 1", "line 2", "line 3"]
    assert len(waits) == 3
