"""What is known of every object: a cache of the bucket, which decides nothing and can be rebuilt from it.

Two implementations keep one contract: `MemoryCatalog`, and `DeltaCatalog` in `warehouse.storage.delta`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol, runtime_checkable

import pyarrow as pa

from warehouse.domain.records import Assignment, Group, ObjectInfo
from warehouse.storage.catalog_memory import MemoryCatalog
from warehouse.storage.catalog_pending import Listed, Pending, PendingObject
from warehouse.storage.catalog_schema import OBJECTS, RUNS, VIEWS, decision_row
from warehouse.storage.catalog_sql import InstanceHolder
from warehouse.storage.catalog_suggested import Look
from warehouse.storage.sandbox import UNLIMITED, Answer, Limits
from warehouse.storage.snapshot import Snapshot

__all__ = [
    "OBJECTS",
    "RUNS",
    "VIEWS",
    "Catalog",
    "InstanceHolder",
    "Listed",
    "MemoryCatalog",
    "Pending",
    "PendingObject",
    "Snapshot",
    "decision_row",
]


@runtime_checkable
class Catalog(Protocol):
    """The verbs. Every catalog is safe to use from many threads, and raises StoreError (`catalog`)."""

    def append(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Commit rows of `objects` (see `decision_row`), all or none of them; no rows, no commit."""
        ...

    def append_run(self, run: Mapping[str, Any]) -> None:
        """Commit one row of `runs`; its columns are those of RUNS."""
        ...

    def pending(self, listing: Iterable[tuple[ObjectInfo, int, str]], look: Look | None = None) -> Pending:
        """Read a whole listing (see `Listed`), and give what of it is to be decided, in order.

        With `look` the listing only suggests: it may be out of date, without ETags, and tell of a key twice;
        `look` tells how keys stand now where that matters. An error of either is passed on, and then nothing
        is pending.
        """
        ...

    def assignments(self) -> Iterator[Assignment]:
        """Each patient that some decision assigned, once."""
        ...

    def waiting_patients(self) -> Iterator[tuple[str, str]]:
        """Each patient whose clinical file is deferred now, with the reason."""
        ...

    def study_owners(self) -> Iterator[tuple[str, str]]:
        """Each study UID with the patient whose it is by the earliest decision, in the order of the UIDs."""
        ...

    def instance_holders(self) -> Iterator[tuple[str, InstanceHolder]]:
        """Each SOP Instance UID with the earliest object loaded with it, in the order of the UIDs.

        Where such objects were put at several places, each place with its earliest object, in their order.
        """
        ...

    def sites(self) -> set[str]:
        """The submitting centres, as the clinical files spell them."""
        ...

    def last_run(self) -> Mapping[str, Any] | None:
        """The row of the run that started last."""
        ...

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> pa.Table:
        """The answer to one SELECT, in memory. Raises QueryError.

        It may ask `objects`, `objects_now` and `runs`, and the views `patients`, `studies`, `series` and
        `images` (docs/catalog.md).
        """
        ...

    def ask(
        self, sql: str, parameters: Sequence[Any] = (), limits: Limits = UNLIMITED
    ) -> AbstractContextManager[Answer]:
        """The answer to such a question a batch at a time, in bounded memory. Raises QueryError."""
        ...

    def version(self) -> int | None:
        """The version of `objects`, which grows with each commit; None before the first."""
        ...

    def require_not_lost(self) -> None:
        """Raise StoreUnavailable where what stands tells of decisions, and none of them stands."""
        ...

    def snapshot(self) -> Snapshot:
        """The tables as they are now, and their version."""
        ...

    def publish(self) -> None:
        """Bring what the readers of each set may ask up to this catalog; nothing is done where it is."""
        ...

    def published(self, group: Group) -> Snapshot:
        """What the readers of a set may ask; `version` None where nothing was published yet."""
        ...

    def compact(self, name: str) -> None:
        """Put the small files of `objects` or `runs` together where many stand; no row is changed.

        It makes a version: of `objects`, only what publishes afterwards may ask for it.
        """
        ...

    def close(self) -> None:
        """Give back what is held; idempotent."""
        ...
