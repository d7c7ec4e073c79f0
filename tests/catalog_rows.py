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


def image(group, patient, study, series, sop, *, type="ct", **columns):
    """A row of `objects` for an image that was loaded."""
    return decision(
        f"raw-a/2020-01-01/images/{sop}.dcm",
        **{
            **_copied(f"{group}/{type}/{patient}/{study}/{series}/{sop}.dcm", group, patient),
            "StudyInstanceUID": study,
            "SeriesInstanceUID": series,
            "SOPInstanceUID": sop,
            "type": type,
            "Modality": "CT",
            **columns,
        },
    )


def clinical(group, patient, status="data", **columns):
    """A row of `objects` for a clinical file that was loaded."""
    return decision(
        f"raw-a/2020-01-01/data/{patient}_{status}.json",
        **{
            **_copied(f"{group}/data/{patient}/{status}_2020-01-01.json", group, patient),
            "kind": "clinical",
            **columns,
        },
    )


def _copied(target, group, patient):
    place = {"target_key": target, "target_etag": "t1", "target_size": 9}
    return {**place, "group": group, "patient": patient, "folder": patient, "rule": "split"}
