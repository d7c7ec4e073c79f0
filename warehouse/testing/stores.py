"""A store that fails as planned, over any store: without a plan it is the store that it wraps."""

from __future__ import annotations

import itertools
import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from warehouse.domain.records import ObjectInfo
from warehouse.storage.folder import FolderStore
from warehouse.storage.folder_paths import WORK_AREA
from warehouse.storage.store import Chunk, Store
from warehouse.testing.faults import Call, Faults, When

T = TypeVar("T")


class FaultyStore:
    """`inner`, whose calls fail as `faults` says. Raises what `inner` raises, what is planned, and Crash."""

    def __init__(self, inner: Store, faults: Faults) -> None:
        self._inner = inner
        self._faults = faults

    @property
    def location(self) -> str:
        return self._inner.location

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        return self._listing("list", prefix, self._inner.list)

    def list_folders(self, prefix: str = "") -> Iterator[str]:
        return self._listing("list_folders", prefix, self._inner.list_folders)

    def head(self, key: str) -> ObjectInfo:
        return self._faults.call("head", (key,), lambda: self._inner.head(key))

    def read(self, key: str, *, start: int = 0, length: int | None = None, etag: str | None = None) -> Chunk:
        return self._faults.call(
            "read", (key,), lambda: self._inner.read(key, start=start, length=length, etag=etag)
        )

    def create(self, key: str, data: bytes) -> ObjectInfo:
        return self._faults.call(
            "create", (key,), lambda: self._inner.create(key, data), lambda: self._tear(key, lambda: data)
        )

    def copy(self, source: ObjectInfo, target: str) -> ObjectInfo:
        return self._faults.call(
            "copy",
            (target, source.key),
            lambda: self._inner.copy(source, target),
            lambda: self._tear(target, lambda: self._inner.read(source.key).data),
        )

    def same_bytes(self, first: ObjectInfo, second: ObjectInfo) -> bool:
        return self._faults.call(
            "same_bytes", (first.key, second.key), lambda: self._inner.same_bytes(first, second)
        )

    def close(self) -> None:
        self._inner.close()

    def _listing(self, operation: str, prefix: str, ask: Callable[[str], Iterator[T]]) -> Iterator[T]:
        """The call begins when the first entry is asked for, as a listing does."""
        call = Call(operation, (prefix,))
        fault = self._faults.meet(call)
        if fault is None:
            yield from ask(prefix)
            return
        if fault.when is not When.BEFORE:
            found = [*ask(prefix)]
            yield from itertools.islice(found, len(found) if fault.when is When.AFTER else len(found) // 2)
        raise self._faults.strike(fault, call)

    def _tear(self, key: str, data: Callable[[], bytes]) -> None:
        """Leave what a folder's writer has by the middle: the target's folders, and half a file, unseen."""
        if not isinstance(self._inner, FolderStore):
            return
        root = Path(self._inner.location)
        work_area = root / os.fsdecode(WORK_AREA)
        for folder in (work_area, (root / key).parent):
            folder.mkdir(parents=True, exist_ok=True)
        whole = data()
        (work_area / uuid.uuid4().hex).write_bytes(whole[: len(whole) // 2])
