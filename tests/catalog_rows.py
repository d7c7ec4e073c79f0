"""Rows of the catalog for tests: a decision with only what the test is about."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from warehouse.domain.records import ObjectInfo

START = datetime(2024, 2, 29, 23, 59, 59, 123456, tzinfo=UTC)


def at(seconds):
    return START + timedelta(seconds=seconds)


def info(key, etag="e1", **facts):
    return ObjectInfo(**{"key": key, "size": 7, "etag": etag, "last_modified": START, **facts})


def decision(key, outcome="loaded", reason=None, *, second=0, **columns):
    """A row of `objects`; `second` is when it was decided."""
    return {
        "key": key,
        "etag": "e1",
        "size": 7,
        "outcome": outcome,
        "reason": reason,
        "run": "run-1",
        "sequence": 1,
        "time": at(second),
        "kind": "image",
        **columns,
    }
