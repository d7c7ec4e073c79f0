"""The catalog as Delta tables, on S3 or in a folder: append-only, every version kept."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from operator import or_

import pyarrow as pa
import pyarrow.dataset as ds
from deltalake import DeltaTable

from warehouse.domain.records import GROUPS, Decided, Group
from warehouse.errors import Forbidden, QueryError, StoreError, StoreFault, StoreUnavailable
from warehouse.storage.catalog_errors import OPERATION, translated
from warehouse.storage.catalog_schema import VIEWS
from warehouse.storage.catalog_sql import SqlCatalog
from warehouse.storage.catalog_work import Source
from warehouse.storage.delta_tables import LOG, DeltaTables, Edition, Options
from warehouse.storage.publish import Remarks, publish, remarks_of
from warehouse.storage.snapshot import AsOf, Snapshot

# What the first commit says of itself where the catalog was made anew of what stands in the bucket.
REBUILT = "rebuilt"

LOST = (
    "the catalog is lost: none of its decisions stands, though some were made; run `warehouse catalog rebuild"
    " --replace`, then load"
)

_DECIDED_SOMETHING = functools.reduce(or_, (ds.field(decided.value) > 0 for decided in Decided))

_CONFIGURATION = {"delta.appendOnly": "true", **LOG}


class DeltaCatalog(SqlCatalog):
    """The tables `<location>/catalog/objects` and `<location>/catalog/runs`, made by the first commit.

    `location` is `s3://bucket`, `file:///folder` or a folder's path; for `storage_options` see DeltaTables.
    Makes no request before it is used.
    """

    def __init__(self, location: str, storage_options: Callable[[], Options] = dict) -> None:
        self._tables = DeltaTables(location, "catalog", storage_options)
        self._sets = {group: DeltaSet(location, group, storage_options) for group in GROUPS}
        self._lock = threading.Lock()

    def sources(self, name: str) -> Sequence[Source]:
        return self._parts(name, self._objects() if name == "objects" else self._tables.open(name))

    def version(self) -> int | None:
        table = self._objects()
        return None if table is None else table.version()

    def require_not_lost(self) -> None:
        """Raise StoreUnavailable where the tables of a set were published of a catalog that is gone."""
        if self._objects() is None and any(self._was_published(group) for group in GROUPS):
            self._there_by_now()

    def snapshot(self, as_of: AsOf = None) -> Snapshot:
        """The catalog as it stood: `runs` as it was when that version of `objects` was committed.

        Raises QueryError where a catalog has no such version, or none yet.
        """
        objects, runs = self._objects(), self._tables.open("runs")
        if as_of is not None and (objects is not None or runs is not None):
            if objects is None:
                raise QueryError("no object was decided yet: the catalog has no versions")
            edition = self._edition(objects, as_of)
            moment = as_of if isinstance(as_of, datetime) else edition.time
            ended = None if runs is None else self._tables.newest("runs", runs, _by(moment))
            objects = self._tables.open("objects", edition.version)
            runs = None if ended is None else self._tables.open("runs", ended.version)
        parts = {"objects": self._parts("objects", objects), "runs": self._parts("runs", runs)}
        if objects is None:
            return Snapshot(parts, None)
        remarks = remarks_of(str(objects.metadata().id), objects.version())
        return Snapshot(
            parts, objects.version(), remarks["catalog"], ready=lambda name: self._published(name, remarks)
        )

    def require_place(self) -> None:
        """Raise StoreUnavailable where no catalog can stand, since something else does."""
        self._tables.require_place()

    def publish(self) -> None:
        """Bring what the readers of each set may ask up to this catalog. Raises StoreError."""
        objects = self._tables.open("objects")
        if objects is not None:
            publish(str(objects.metadata().id), objects.version(), self._sets, self.snapshot)

    def make(self, rows: pa.RecordBatchReader) -> None:
        """Make `objects` anew, where none stands, of rows that the bucket told. Raises StoreError.

        It says so of itself, since versions that were there before are asked for in vain.
        """
        if not self._tables.make("objects", rows, _CONFIGURATION, {REBUILT: "true"}):
            raise StoreFault(OPERATION, cause="a load has made a catalog meanwhile: run again")

    def published(self, group: Group, as_of: AsOf = None) -> Snapshot:
        """What the readers of a set may ask; `version` None where nothing was published yet."""
        return self._sets[group].snapshot(as_of)

    def compact(self, name: str) -> None:
        """Put a table's small files together where many stand. Raises StoreError."""
        self._tables.compact(name)

    def close(self) -> None:
        """Nothing is held between calls."""

    def _objects(self) -> DeltaTable | None:
        """The table of decisions; None before the first. Raises StoreUnavailable where runs tell of some."""
        table = self._tables.open("objects")
        if table is None and (runs := self._tables.open("runs")) is not None:
            with translated():
                decided = self._tables.rows("runs", runs).count_rows(filter=_DECIDED_SOMETHING)
            if decided:
                return self._there_by_now()
        return table

    def _there_by_now(self) -> DeltaTable:
        """The table of decisions, where something tells of some: a first load may have made it meanwhile.

        Raises StoreUnavailable where it is lost.
        """
        table = self._tables.open("objects")
        if table is None:
            raise StoreUnavailable(OPERATION, cause=LOST)
        return table

    def _was_published(self, group: Group) -> bool:
        try:
            return bool(self._sets[group].remarks("images"))
        # Who may read the catalog need not be a reader of both sets; and where one cannot stand, none stood.
        except (Forbidden, StoreUnavailable):
            return False

    def _published(self, name: str, remarks: Remarks) -> Sequence[Source]:
        """A table of both sets, where each was made of that version of the catalog; else nothing."""
        parts = []
        for group in GROUPS if name in VIEWS else ():
            try:
                part = self._sets[group].made_of(name, remarks)
            except StoreError:  # Who may read the catalog need not be a reader of both sets.
                return ()
            if part is None:
                return ()
            parts.append(part)
        return parts

    def _edition(self, objects: DeltaTable, as_of: int | datetime) -> Edition:
        newest = objects.version()
        if isinstance(as_of, int):
            if not 0 <= as_of <= newest:
                said = f"the catalog has no version {as_of}: its versions are 0 to {newest}"
                raise QueryError(said + self._rebuilt())
            return self._tables.edition("objects", as_of)
        edition = self._tables.newest("objects", objects, _by(as_of))
        if edition is None:
            raise QueryError("the catalog is not that old" + self._rebuilt())
        return edition

    def _rebuilt(self) -> str:
        """What is to be added where a version is asked for that there is not."""
        first = self._tables.edition("objects", 0)
        if REBUILT not in first.remarks:
            return ""
        return f"; it was made anew at {first.time:%Y-%m-%dT%H:%M:%SZ}, and what was there before is gone"

    def _parts(self, name: str, table: DeltaTable | None) -> Sequence[Source]:
        return () if table is None else [self._tables.rows(name, table)]

    def _commit(self, name: str, rows: pa.Table) -> None:
        """Add rows in one commit. This process's threads take turns; other processes are raced."""
        with self._lock:
            self._tables.append(name, rows, _CONFIGURATION)


class DeltaSet:
    """The tables `<location>/<group>/catalog/{patients,studies,series,images}`, which name that set only."""

    def __init__(self, location: str, group: Group, storage_options: Callable[[], Options] = dict) -> None:
        self._tables = DeltaTables(location, f"{group}/catalog", storage_options)
        self._group = group

    def remarks(self, name: str) -> Remarks:
        """What the newest version of a table says of itself; empty where there is none."""
        table = self._tables.open(name)
        return {} if table is None else self._tables.edition(name, table.version()).remarks

    def made_of(self, name: str, remarks: Remarks) -> Source | None:
        """The newest version of a table, if it says this of itself."""
        table = self._tables.open(name)
        if (
            table is None
            or not remarks.items() <= self._tables.edition(name, table.version()).remarks.items()
        ):
            return None
        return self._tables.rows(name, table)

    def replace(self, name: str, rows: pa.RecordBatchReader, remarks: Remarks) -> bool:
        """Make a new version of a table; False where somebody else made one meanwhile."""
        return self._tables.replace(name, rows, remarks)

    def snapshot(self, as_of: AsOf = None) -> Snapshot:
        """The set as it was published of that version of the catalog or an earlier one, or at that moment.

        Its `version` is that of the catalog. Raises QueryError where nothing was published by then.
        """
        tables = {name: self._open(name, as_of) for name in VIEWS}
        parts = {
            name: () if table is None else [self._tables.rows(name, table)] for name, table in tables.items()
        }
        # The images are published last: the other tables are no older.
        images = tables["images"]
        if images is None:
            return Snapshot(parts, None, tables=self._group)
        remarks = self._tables.edition("images", images.version()).remarks
        return Snapshot(parts, int(remarks["catalog_version"]), remarks["catalog"], self._group)

    def _open(self, name: str, as_of: AsOf) -> DeltaTable | None:
        table = self._tables.open(name)
        if table is None or as_of is None:
            return table
        if isinstance(as_of, datetime):
            edition = self._tables.newest(name, table, _by(as_of))
        else:
            catalog = self._tables.edition(name, table.version()).remarks["catalog"]
            edition = self._tables.newest(name, table, _of(as_of, catalog))
            if edition is not None and edition.remarks["catalog"] != catalog:
                raise QueryError(
                    f"nothing was published for {self._group} of that version: the catalog was made anew, and"
                    " what was published before is asked for by its time"
                )
        if edition is None:
            raise QueryError(f"nothing was published for {self._group} by then")
        return self._tables.open(name, edition.version)


def _by(moment: datetime) -> Callable[[Edition], bool]:
    """Whether an edition was there at a moment."""
    return lambda edition: edition.time <= moment


def _of(version: int, catalog: str) -> Callable[[Edition], bool]:
    """Whether a set's edition was made of a version of this catalog or of an earlier one, or of the catalog
    that was there before it."""
    return lambda edition: (
        edition.remarks["catalog"] != catalog or int(edition.remarks["catalog_version"]) <= version
    )
