"""One streamed comparison for every store, in bounded memory, under the versions that were named."""

from __future__ import annotations

import hashlib
from typing import Protocol

from warehouse.domain.records import ObjectInfo
from warehouse.storage.store import Chunk

BLOCK = 8 * 1024 * 1024
SMALL_BLOCK = 1024 * 1024


class Reader(Protocol):
    """The one verb that a comparison needs."""

    def read(
        self, key: str, *, start: int = 0, length: int | None = None, etag: str | None = None
    ) -> Chunk: ...


def same_stream(store: Reader, first: ObjectInfo, second: ObjectInfo, *, block: int = BLOCK) -> bool:
    """Compare two objects block by block, at most two blocks in memory.

    Raises Changed if either is another version by now, and whatever else `read` raises.
    """
    if first.size != second.size:
        return False
    for start in range(0, first.size, block):
        one = store.read(first.key, start=start, length=block, etag=first.etag)
        two = store.read(second.key, start=start, length=block, etag=second.etag)
        if one.data != two.data:
            return False
    return True


def digest_of(store: Reader, info: ObjectInfo, *, block: int = SMALL_BLOCK) -> str:
    """The SHA-256 of an object, read block by block. Raises Changed, and whatever else `read` raises."""
    digest = hashlib.sha256()
    for start in range(0, info.size, block):
        digest.update(store.read(info.key, start=start, length=block, etag=info.etag).data)
    return digest.hexdigest()
