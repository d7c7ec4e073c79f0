"""Counts what a store is asked and how many bytes go through it: requests are money and time."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Protocol, runtime_checkable

from warehouse.domain.records import ObjectInfo
from warehouse.storage.store import Chunk, Store

VERBS = ("list", "list_folders", "head", "read", "create", "copy", "same_bytes")


@runtime_checkable
class CountsRequests(Protocol):
    """A store that knows how many requests it sent, by their names (`S3Store`)."""

    def requests(self) -> dict[str, int]: ...


class CountingStore:
    """`inner`, with every call counted. Bytes that a server copies by itself are not counted."""

    def __init__(self, inner: Store) -> None:
        self._inner = inner
        self._counts: Counter[str] = Counter(dict.fromkeys((*VERBS, "bytes_read", "bytes_written"), 0))
        self._lock = threading.Lock()

    @property
    def location(self) -> str:
        return self._inner.location

    def counts(self) -> dict[str, int]:
        """Calls by verb, `bytes_read`, `bytes_written`.

        Where the store below counts its requests, also `requests`, all that were sent, retries among them,
        and `pages`, those that were for listings.
        """
        with self._lock:
            counts = self._counts.copy()
        if isinstance(self._inner, CountsRequests):
            sent = self._inner.requests()
            counts["requests"] += sum(sent.values())
            counts["pages"] += sent.get("ListObjectsV2", 0)
        return dict(counts)

    def add_counts(self, counts: Mapping[str, int]) -> None:
        """Count what the store of another process counted in the same run."""
        with self._lock:
            self._counts.update(counts)

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        self._count("list")
        return self._inner.list(prefix)

    def list_folders(self, prefix: str = "") -> Iterator[str]:
        self._count("list_folders")
        return self._inner.list_folders(prefix)

    def head(self, key: str) -> ObjectInfo:
        self._count("head")
        return self._inner.head(key)

    def read(self, key: str, *, start: int = 0, length: int | None = None, etag: str | None = None) -> Chunk:
        self._count("read")
        chunk = self._inner.read(key, start=start, length=length, etag=etag)
        self._count("bytes_read", len(chunk.data))
        return chunk

    def create(self, key: str, data: bytes) -> ObjectInfo:
        self._count("create")
        info = self._inner.create(key, data)
        self._count("bytes_written", len(data))
        return info

    def copy(self, source: ObjectInfo, target: str) -> ObjectInfo:
        self._count("copy")
        return self._inner.copy(source, target)

    def same_bytes(self, first: ObjectInfo, second: ObjectInfo) -> bool:
        self._count("same_bytes")
        return self._inner.same_bytes(first, second)

    def close(self) -> None:
        self._inner.close()

    def _count(self, name: str, amount: int = 1) -> None:
        with self._lock:
            self._counts[name] += amount
