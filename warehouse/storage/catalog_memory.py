"""A catalog in memory: for the memory store, and, over a catalog that it never writes to, for the dry run."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pyarrow as pa

from warehouse.storage.catalog_schema import TABLES
from warehouse.storage.catalog_sql import SqlCatalog
from warehouse.storage.catalog_work import Source


class MemoryCatalog(SqlCatalog):
    """Rows are Arrow tables, kept until the process ends.

    With `base`, its rows are read as well, as they are at each question; `close` closes it too.
    """

    def __init__(self, base: SqlCatalog | None = None) -> None:
        self._base = base
        self._lock = threading.Lock()
        self._commits: dict[str, list[pa.Table]] = {name: [] for name in TABLES}

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

    def close(self) -> None:
        if self._base is not None:
            self._base.close()

    def _commit(self, name: str, rows: pa.Table) -> None:
        with self._lock:
            self._commits[name].append(rows)
