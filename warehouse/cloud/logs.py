"""The log streams of a stack's tasks, read to their end: a page may be empty and not be the last."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from warehouse.cloud.clients import Access, client, translated
from warehouse.domain.log_events import LogEvent
from warehouse.errors import CloudError, CloudUnavailable

_NO_STREAM = "ResourceNotFoundException"


class Logs:
    """The streams of one log group. Raises CloudError."""

    def __init__(self, group: str, access: Access) -> None:
        self._group = group
        self._logs = client("logs", access)

    def latest(self, prefixes: tuple[str, ...]) -> str | None:
        """The stream that was written to last, of those whose names begin with one of the prefixes."""
        pages = self._logs.get_paginator("describe_log_streams").paginate(
            logGroupName=self._group, orderBy="LastEventTime", descending=True
        )
        with translated("logs"):
            for page in pages:
                for stream in page["logStreams"]:
                    name: str = stream["logStreamName"]
                    if name.startswith(prefixes):
                        return name
        return None

    def stream(self, name: str) -> LogStream:
        """One stream, read from its beginning."""
        return LogStream(self._logs, self._group, name)


class LogStream:
    """One stream that is read once, and again for what came since."""

    def __init__(self, logs: Any, group: str, name: str) -> None:
        self._logs = logs
        self._group = group
        self.name = name
        self._token: str | None = None

    def unread(self, *, awaited: bool = False) -> Iterator[LogEvent]:
        """Yield what was not yet read, oldest first. Raises CloudUnavailable where there is no such stream,
        unless it is `awaited`: a task's stream comes into being with its first line."""
        while True:
            page = self._page(awaited=awaited)
            if page is None:
                return
            for event in page["events"]:
                yield LogEvent(event["timestamp"], event["message"].rstrip("\r\n"))
            # API_GetLogEvents: the end is where the token that was given comes back.
            if page["nextForwardToken"] == self._token:
                return
            self._token = page["nextForwardToken"]

    def _page(self, *, awaited: bool) -> dict[str, Any] | None:
        token = {"nextToken": self._token} if self._token is not None else {}
        try:
            with translated("logs"):
                page: dict[str, Any] = self._logs.get_log_events(
                    logGroupName=self._group, logStreamName=self.name, startFromHead=True, **token
                )
                return page
        except CloudError as error:
            if error.code != _NO_STREAM:
                raise
            if awaited:
                return None
            said = (
                f"there is no stream {self.name} in {self._group}: `warehouse cloud status` names the tasks"
            )
            raise CloudUnavailable("logs", "GetLogEvents", said) from None


def follow(stream: LogStream, ended: Callable[[], bool], wait: Callable[[], None]) -> Iterator[LogEvent]:
    """Yield the events of a stream as they come, until `ended`, and then what was written meanwhile.

    `wait` is called between two looks, and once more before the last one: lines arrive late.
    """
    over = False
    while not over:
        over = ended()
        yield from stream.unread(awaited=True)
        wait()
    yield from stream.unread(awaited=True)
