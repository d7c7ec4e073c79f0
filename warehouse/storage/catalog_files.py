"""The one place that removes objects: those of a catalog that is put aside for a new one, and no others.

Stores have no verb for it. Only `warehouse catalog rebuild --replace` uses this, which is run by hand.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Protocol

from warehouse.domain.records import ObjectInfo
from warehouse.errors import AlreadyExists, NotFound
from warehouse.storage.folder import FolderStore
from warehouse.storage.folder_paths import folder, segments_of
from warehouse.storage.s3 import S3Store
from warehouse.storage.store import Chunk
from warehouse.storage.translate import of_os

PREFIX = "catalog/"

PROBE = f"{PREFIX}probe"

AT_ONCE = 16

_LOG = "/_delta_log/"
# Delta protocol, "Delta Log Entries"; what else stands in a log are checkpoints, and what names the last one.
_ENTRY = re.compile(r"[0-9]{20}\.json")


class CatalogFiles(Protocol):
    """The objects under `catalog/`. Errors are those of stores."""

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]: ...

    def create(self, key: str, data: bytes) -> ObjectInfo: ...

    def read(self, key: str) -> Chunk: ...

    def remove(self, key: str) -> None:
        """Remove one object. Raises NotFound, Forbidden, StoreFault; ValueError for one elsewhere."""
        ...

    def close(self) -> None: ...


class S3CatalogFiles(S3Store):
    """In a bucket. A versioned one keeps what is removed as an older version."""

    def remove(self, key: str) -> None:
        self._requests.ask("remove", _of_a_catalog(key), "delete_object", {"Key": key})


class FolderCatalogFiles(FolderStore):
    """In a folder."""

    def remove(self, key: str) -> None:
        *parents, name = segments_of("remove", _of_a_catalog(key))
        try:
            with folder(self._root, parents) as parent:
                os.unlink(name, dir_fd=parent)
                os.fsync(parent)
        except OSError as error:
            raise of_os("remove", key, error) from None


def require_to_be_replaceable(files: CatalogFiles) -> None:
    """Try on an object of its own whether a catalog can be written, read and removed: one that was removed
    and cannot be made anew is lost. Raises StoreError."""
    with suppress(AlreadyExists):
        files.create(PROBE, b"")
    files.read(PROBE)
    _remove(files, PROBE)


def remove_all(files: CatalogFiles) -> None:
    """Remove a catalog, as far as it stands. Raises StoreError.

    The logs go first, that of `objects` before that of `runs`, and in each the oldest entry before others.
    Cut short, it leaves the tables as they are, or one that is damaged, or runs without decisions: never one
    as it once was. Then the files go, which no log names.
    """
    keys = [info.key for info in files.list(PREFIX)]
    for key in sorted((key for key in keys if _LOG in key), key=_in_order):
        _remove(files, key)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        _all_done(pool.map(lambda key: _remove(files, key), (key for key in keys if _LOG not in key)))


def _in_order(key: str) -> tuple[str, bool, str]:
    """Tables in the order of their names; in a log what sums up its entries, then the oldest entry first.

    A table is read from its first entry, unless a later one is summed up: without either, it is damaged.
    """
    table, _, name = key.partition(_LOG)
    return table, _ENTRY.fullmatch(name) is not None, name


def _remove(files: CatalogFiles, key: str) -> None:
    with suppress(NotFound):
        files.remove(key)


def _all_done(results: Iterable[None]) -> None:
    """Wait for all; what one of them raised is raised."""
    for _ in results:
        pass


def _of_a_catalog(key: str) -> str:
    if not key.startswith(PREFIX):
        raise ValueError("only what stands under catalog/ may be removed")
    return key
