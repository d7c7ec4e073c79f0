"""A line of a log as one JSON object: when, how grave, of which pipeline and run, what."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson


def log_line(
    time: datetime, level: str, pipeline: str | None, run: str | None, message: str, **more: Any
) -> str:
    """One line, whatever the message holds; `time` is written in UTC (ISO 8601) to the millisecond.

    >>> log_line(datetime(2026, 11, 20, 20, 49, 1, tzinfo=UTC), "info", None, None, "two\\nlines")
    '{"time":"2026-11-20T20:49:01.000Z","level":"info","pipeline":null,"run":null,"message":"two\\\\nlines"}'
    """
    written = time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    line = {"time": written, "level": level, "pipeline": pipeline, "run": run, "message": _text(message)}
    return orjson.dumps({**line, **more}).decode()


def _text(message: str) -> str:
    # What stands for bytes of a path that are no UTF-8 can be no JSON.
    return message.encode("utf-8", "backslashreplace").decode()
