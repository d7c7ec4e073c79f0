"""Figures for reports that no warehouse has: each can be given the texts that others write."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from warehouse.domain.completeness import Completeness
from warehouse.report.figures import Figures
from warehouse.report.questions import QUESTIONS

MADE = datetime(2024, 2, 29, 12, 30, tzinfo=UTC)


def figures(centre="Northfield", modality="CT", reason="truncated", **how):
    kept = Completeness()
    kept.add("data", {"Age": 50})
    kept.add("status", {"SwabStatus": "Negative"})
    whole = {"patients": 3, "studies": 4, "images": 12_345, "bytes": 5_000_000}
    answers = {
        "totals": [
            {"group": "training", **whole},
            {"group": "validation", "patients": 1, "studies": 1, "images": 1, "bytes": 9},
        ],
        "modalities": [{"modality": modality, "group": "training", **whole}],
        "centres": [
            {
                "centre": centre,
                "group": "training",
                **whole,
                "first_upload": "2020-04-01",
                "last_upload": None,
            }
        ],
        "submissions": [{"centre": centre, "upload_date": "2020-04-01", "files": 17}],
        "not_loaded": [
            {
                "outcome": "quarantined",
                "reason": reason,
                "files": 2,
                "first_upload": "2020-04-01",
                "last_upload": None,
            }
        ],
        "runs": [
            {
                "run": "20240229T000000Z-aaaaaa",
                "started": MADE - timedelta(hours=1),
                "seconds": 61.0,
                "exit_code": 4,
                **dict.fromkeys(("listed", "known", "loaded", "present"), 5),
                **dict.fromkeys(("quarantined", "deferred", "ignored"), 1),
            }
        ],
    }
    given = {"warehouse": "s3://bucket", "version": 7, "made": MADE, "unread": {}}
    return Figures(answers=answers, completeness=kept, **{**given, **how})


def nothing():
    answers = {question: [] for question in QUESTIONS}
    return Figures("empty", None, MADE, answers, Completeness(), {})
