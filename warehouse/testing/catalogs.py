"""A catalog that fails as planned, over any catalog: a commit that fails, and one whose answer is lost.

So does what removes one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

from warehouse.domain.records import Assignment, Group, ObjectInfo
from warehouse.storage.catalog import Catalog, InstanceHolder, Pending, Snapshot
from warehouse.storage.catalog_files import CatalogFiles
from warehouse.storage.catalog_suggested import Look
from warehouse.storage.sandbox import UNLIMITED, Answer, Limits
from warehouse.storage.store import Chunk
from warehouse.testing.faults import REMOVE, Faults


class FaultyCatalog:
    """`inner`, whose calls fail as `faults` says. The key of `published` is the set, of `compact` the table.

    Raises what `inner` raises, what is planned, and Crash.
    """

    def __init__(self, inner: Catalog, faults: Faults) -> None:
        self._inner = inner
        self._faults = faults

    def append(self, rows: Sequence[Mapping[str, Any]]) -> None:
        self._faults.call("append", (), lambda: self._inner.append(rows))

    def append_run(self, run: Mapping[str, Any]) -> None:
        self._faults.call("append_run", (), lambda: self._inner.append_run(run))

    def pending(self, listing: Iterable[tuple[ObjectInfo, int, str]], look: Look | None = None) -> Pending:
        return self._faults.call("pending", (), lambda: self._inner.pending(listing, look))

    def assignments(self) -> Iterator[Assignment]:
        return self._faults.call("assignments", (), self._inner.assignments)

    def waiting_patients(self) -> Iterator[tuple[str, str]]:
        return self._faults.call("waiting_patients", (), self._inner.waiting_patients)

    def study_owners(self) -> Iterator[tuple[str, str]]:
        return self._faults.call("study_owners", (), self._inner.study_owners)

    def instance_holders(self) -> Iterator[tuple[str, InstanceHolder]]:
        return self._faults.call("instance_holders", (), self._inner.instance_holders)

    def sites(self) -> set[str]:
        return self._faults.call("sites", (), self._inner.sites)

    def last_run(self) -> Mapping[str, Any] | None:
        return self._faults.call("last_run", (), self._inner.last_run)

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> Any:
        return self._faults.call("query", (), lambda: self._inner.query(sql, parameters))

    def ask(
        self, sql: str, parameters: Sequence[Any] = (), limits: Limits = UNLIMITED
    ) -> AbstractContextManager[Answer]:
        return self._faults.call("ask", (), lambda: self._inner.ask(sql, parameters, limits))

    def version(self) -> int | None:
        return self._faults.call("version", (), self._inner.version)

    def require_not_lost(self) -> None:
        self._faults.call("require_not_lost", (), self._inner.require_not_lost)

    def snapshot(self) -> Snapshot:
        return self._faults.call("snapshot", (), self._inner.snapshot)

    def publish(self) -> None:
        self._faults.call("publish", (), self._inner.publish)

    def published(self, group: Group) -> Snapshot:
        return self._faults.call("published", (group,), lambda: self._inner.published(group))

    def compact(self, name: str) -> None:
        self._faults.call("compact", (name,), lambda: self._inner.compact(name))

    def close(self) -> None:
        self._inner.close()


class FaultyCatalogFiles:
    """The objects under `catalog/`, whose `create`, `read` and `remove` fail as `faults` says."""

    def __init__(self, inner: CatalogFiles, faults: Faults) -> None:
        self._inner = inner
        self._faults = faults

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        return self._inner.list(prefix)

    def create(self, key: str, data: bytes) -> ObjectInfo:
        return self._faults.call("create", (key,), lambda: self._inner.create(key, data))

    def read(self, key: str) -> Chunk:
        return self._faults.call("read", (key,), lambda: self._inner.read(key))

    def remove(self, key: str) -> None:
        self._faults.call(REMOVE, (key,), lambda: self._inner.remove(key))

    def close(self) -> None:
        self._inner.close()
