"""Objects in a dictionary, for tests and overlays: every promise of a store, and nothing that outlives it."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from warehouse.domain.records import ObjectInfo
from warehouse.errors import AlreadyExists, Changed, NotFound, Unaddressable
from warehouse.storage.prefixes import check_folder_prefix, folder_names
from warehouse.storage.store import Chunk


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class _Object:
    data: bytes
    info: ObjectInfo


class MemoryStore:
    """A store in memory. ETags are the MD5 of the bytes; `clock` gives the times of change."""

    def __init__(self, location: str = "memory://", clock: Callable[[], datetime] = _utc_now) -> None:
        self._location = location
        self._clock = clock
        self._objects: dict[str, _Object] = {}
        self._lock = threading.Lock()

    @property
    def location(self) -> str:
        return self._location

    def check(self) -> None:
        """Nothing can be wrong with memory."""

    def put(self, key: str, data: bytes) -> ObjectInfo:
        """Write or replace an object, as an uploader may; no part of the protocol."""
        made = self._make("put", key, data)
        with self._lock:
            self._objects[key] = made
        return made.info

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        for key in self._keys(prefix):
            held = self._objects.get(key)
            if held is not None:
                yield held.info

    def list_folders(self, prefix: str = "") -> Iterator[str]:
        check_folder_prefix(prefix)
        yield from folder_names(self._keys(prefix), prefix)

    def head(self, key: str) -> ObjectInfo:
        return self._get("head", key).info

    def read(self, key: str, *, start: int = 0, length: int | None = None, etag: str | None = None) -> Chunk:
        held = self._get("read", key)
        if etag is not None and etag != held.info.etag:
            raise Changed("read", key)
        end = None if length is None else start + length
        return Chunk(held.data[start:end], start, held.info)

    def create(self, key: str, data: bytes) -> ObjectInfo:
        return self._create("create", key, data)

    def copy(self, source: ObjectInfo, target: str) -> ObjectInfo:
        held = self._get("copy", source.key)
        if held.info.etag != source.etag:
            raise Changed("copy", source.key)
        return self._create("copy", target, held.data)

    def same_bytes(self, first: ObjectInfo, second: ObjectInfo) -> bool:
        one, two = self._get("same_bytes", first.key), self._get("same_bytes", second.key)
        for named, held in ((first, one), (second, two)):
            if named.etag != held.info.etag:
                raise Changed("same_bytes", named.key)
        return one.data == two.data

    def close(self) -> None:
        """Nothing to give back; the objects stay."""

    def _keys(self, prefix: str) -> Sequence[str]:
        with self._lock:
            keys = [key for key in self._objects if key.startswith(prefix)]
        # Code points order as their UTF-8 bytes do (Unicode 15, section 2.5, "UTF-8").
        return sorted(keys)

    def _get(self, operation: str, key: str) -> _Object:
        held = self._objects.get(key)
        if held is None:
            raise NotFound(operation, key)
        return held

    def _make(self, operation: str, key: str, data: bytes) -> _Object:
        try:
            key.encode()
        except UnicodeEncodeError:
            raise Unaddressable(operation, key, "not UTF-8") from None
        if not key or key.startswith("/"):
            raise Unaddressable(operation, key, "empty, or a leading slash")
        etag = hashlib.md5(data, usedforsecurity=False).hexdigest()
        return _Object(bytes(data), ObjectInfo(key, len(data), etag, self._clock()))

    def _create(self, operation: str, key: str, data: bytes) -> ObjectInfo:
        made = self._make(operation, key, data)
        with self._lock:
            if key in self._objects:
                raise AlreadyExists(operation, key)
            self._objects[key] = made
        return made.info
