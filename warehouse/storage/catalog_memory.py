"""A catalog in memory: for the memory store, and, over a catalog that it never writes to, for the dry run."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence

import pyarrow as pa

from warehouse.domain.records import GROUPS, Group
from warehouse.storage.catalog_schema import TABLES, VIEWS
from warehouse.storage.catalog_sql import SqlCatalog
from warehouse.storage.catalog_work import Source
from warehouse.storage.publish import publish
from warehouse.storage.snapshot import Snapshot

_CATALOG = "memory"


class MemoryCatalog(SqlCatalog):
    """Rows are Arrow tables, kept until the process ends.

    With `base`, its rows are read as well, as they are at each question; `close` closes it too.
    """

    def __init__(self, base: SqlCatalog | None = None) -> None:
        self._base = base
        self._lock = threading.Lock()
        self._commits: dict[str, list[pa.Table]] = {name: [] for name in TABLES}
        self._sets = {group: MemorySet(group) for group in GROUPS}

    def sources(self, name: str) -> Sequence[Source]:
        below = self._base.sources(name) if self._base is not None else ()
        with self._lock:
            own = list(self._commits[name])
        return [*below, *([pa.concat_tables(own)] if own else [])]

    def version(self) -> int | None:
        below = self._base.version() if self._base is not None else None
        with self._lock:
            version = (-1 if below is None else below) + len(self._commits["objects"])
        return None if version < 0 else version

    def require_not_lost(self) -> None:
        """As the catalog below; nothing of this one is ever lost."""
        if self._base is not None:
            self._base.require_not_lost()

    def snapshot(self) -> Snapshot:
        """The tables as they are now."""
        return Snapshot({name: self.sources(name) for name in TABLES}, self.version(), _CATALOG)

    def publish(self) -> None:
        """Bring what the readers of each set may ask up to this catalog, in memory. Raises StoreError."""
        version = self.version()
        if version is not None:
            publish(_CATALOG, version, self._sets, self.snapshot)

    def published(self, group: Group) -> Snapshot:
        """What the readers of a set may ask; `version` None where nothing was published yet."""
        return self._sets[group].snapshot()

    def compact(self, name: str) -> None:
        """Nothing stands in files here."""

    def close(self) -> None:
        if self._base is not None:
            self._base.close()

    def _commit(self, name: str, rows: pa.Table) -> None:
        with self._lock:
            self._commits[name].append(rows)


class MemorySet:
    """The tables that one set's readers may ask, each of them replaced whole."""

    def __init__(self, group: Group) -> None:
        self._group = group
        self._tables: dict[str, tuple[pa.Table, Mapping[str, str]]] = {}

    def remarks(self, name: str) -> Mapping[str, str]:
        """What a table says of itself; empty where there is none."""
        return self._tables[name][1] if name in self._tables else {}

    def replace(self, name: str, rows: pa.RecordBatchReader, remarks: Mapping[str, str]) -> bool:
        """Put rows in the place of a table's."""
        self._tables[name] = rows.read_all(), remarks
        return True

    def snapshot(self) -> Snapshot:
        """The tables as they are now."""
        parts = {name: [self._tables[name][0]] if name in self._tables else [] for name in VIEWS}
        if "images" not in self._tables:
            return Snapshot(parts, None, tables=self._group)
        remarks = self.remarks("images")
        return Snapshot(parts, int(remarks["catalog_version"]), remarks["catalog"], self._group)
