"""An overlay that remembers what would be written: reads see it, and the store below is never written."""

from __future__ import annotations

import hashlib
import heapq
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from warehouse.domain.records import ObjectInfo
from warehouse.errors import AlreadyExists, Archived, Changed, NotFound, Occupied
from warehouse.storage.compare import same_stream
from warehouse.storage.prefixes import check_folder_prefix, folder_names
from warehouse.storage.store import Chunk, Store


@dataclass(frozen=True, slots=True)
class _Written:
    """What stands at a key of the overlay: bytes, or a version of an object below that it is a copy of."""

    info: ObjectInfo
    content: bytes | ObjectInfo


class DryRunStore:
    """`inner` as it would be after the writes of a run. A copy costs a reference, whatever its size."""

    def __init__(self, inner: Store) -> None:
        self._inner = inner
        self._overlay: dict[str, _Written] = {}
        self._lock = threading.Lock()

    @property
    def location(self) -> str:
        return self._inner.location

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        ours = [self._overlay[key].info for key in self._keys(prefix)]
        last = None
        for info in heapq.merge(ours, self._inner.list(prefix), key=lambda info: info.key):
            # Somebody else may have written below what this run only pretends to.
            if info.key != last or info.key not in self._overlay:
                yield info
            last = info.key

    def list_folders(self, prefix: str = "") -> Iterator[str]:
        check_folder_prefix(prefix)
        ours = folder_names(self._keys(prefix), prefix)
        last = None
        for name in heapq.merge(ours, self._inner.list_folders(prefix), key=lambda name: name + "/"):
            if name != last:
                yield name
            last = name

    def head(self, key: str) -> ObjectInfo:
        written = self._overlay.get(key)
        return self._inner.head(key) if written is None else written.info

    def read(self, key: str, *, start: int = 0, length: int | None = None, etag: str | None = None) -> Chunk:
        written = self._overlay.get(key)
        if written is None:
            return self._inner.read(key, start=start, length=length, etag=etag)
        if etag is not None and etag != written.info.etag:
            raise Changed("read", key)
        match written.content:
            case bytes() as data:
                end = None if length is None else start + length
                return Chunk(data[start:end], start, written.info)
            case source:
                chunk = self._inner.read(source.key, start=start, length=length, etag=source.etag)
                return replace(chunk, info=written.info)

    def create(self, key: str, data: bytes) -> ObjectInfo:
        etag = hashlib.md5(data, usedforsecurity=False).hexdigest()
        return self._write("create", key, len(data), etag, bytes(data))

    def copy(self, source: ObjectInfo, target: str) -> ObjectInfo:
        found = self.head(source.key)
        if found.etag != source.etag:
            raise Changed("copy", source.key)
        if found.archived:
            raise Archived("copy", source.key)
        written = self._overlay.get(source.key)
        content = source if written is None else written.content
        return self._write("copy", target, source.size, source.etag, content)

    def same_bytes(self, first: ObjectInfo, second: ObjectInfo) -> bool:
        one, two = self._below(first), self._below(second)
        if one is None or two is None:
            return same_stream(self, first, second)
        return self._inner.same_bytes(one, two)

    def close(self) -> None:
        self._inner.close()

    def _keys(self, prefix: str) -> Sequence[str]:
        with self._lock:
            return sorted(key for key in self._overlay if key.startswith(prefix))

    def _write(
        self, operation: str, key: str, size: int, etag: str, content: bytes | ObjectInfo
    ) -> ObjectInfo:
        info = ObjectInfo(key, size, etag, datetime.now(UTC))
        try:
            self._inner.head(key)
        except Occupied:
            raise
        except NotFound:
            pass
        else:
            raise AlreadyExists(operation, key)
        with self._lock:
            if key in self._overlay:
                raise AlreadyExists(operation, key)
            self._overlay[key] = _Written(info, content)
        return info

    def _below(self, info: ObjectInfo) -> ObjectInfo | None:
        """The object of the store below that holds these bytes; None if only the overlay does."""
        written = self._overlay.get(info.key)
        if written is None:
            return info
        if written.info.etag != info.etag:
            raise Changed("same_bytes", info.key)
        return None if isinstance(written.content, bytes) else written.content
