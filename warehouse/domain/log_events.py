"""What CloudWatch keeps of a container's lines, and how a person or a program reads them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from warehouse.domain.centres import printable

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class LogEvent:
    """One event: `time` is in milliseconds since 1970 (UTC)."""

    time: int
    message: str


def as_text(event: LogEvent) -> str:
    """The line for a person: of a JSON line, its own time, level and message.

    >>> as_text(LogEvent(0, "hello"))
    '1970-01-01T00:00:00.000Z hello'
    """
    document = _document(event.message)
    message = document.get("message") if document else None
    if not isinstance(message, str):
        return f"{_written(event.time)} {printable(event.message)}"
    level = document.get("level")
    grave = f"{level}: " if level in ("warning", "error") else ""
    time = document.get("time")
    return (
        f"{printable(time) if isinstance(time, str) else _written(event.time)} {printable(grave + message)}"
    )


def as_json(event: LogEvent) -> str:
    """The line for a program: a JSON line as it is, any other as `{"time": ..., "message": ...}`."""
    if _document(event.message) and "\n" not in event.message:
        return event.message
    return json.dumps({"time": _written(event.time), "message": event.message}, ensure_ascii=False)


def _document(message: str) -> dict[str, object]:
    if not message.startswith("{"):
        return {}
    try:
        document = json.loads(message)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _written(milliseconds: int) -> str:
    moment = _EPOCH + timedelta(milliseconds=milliseconds)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
