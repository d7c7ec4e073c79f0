"""What both catalogs share: every question is SQL over a snapshot, in a workspace of its own.

A question never waits for a commit, nor a commit for a question; rows that are committed after a question
was put are not in its answer.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

import pyarrow as pa

from warehouse.domain.records import Assignment, Group, ObjectInfo
from warehouse.storage.catalog_errors import translated
from warehouse.storage.catalog_pending import Pending
from warehouse.storage.catalog_schema import OBJECTS, TABLES, to_arrow
from warehouse.storage.catalog_suggested import Look
from warehouse.storage.catalog_work import EARLIEST, NEWEST, Source, moment, pages, show, stream, workspace
from warehouse.storage.sandbox import UNLIMITED, Answer, Limits, ask
from warehouse.storage.snapshot import Snapshot

_ASSIGNMENTS = f"""
    SELECT patient, "group", rule, site, folder, configuration, run, epoch_us(time)
    FROM objects WHERE patient IS NOT NULL AND "group" IS NOT NULL AND folder IS NOT NULL
    QUALIFY row_number() OVER (PARTITION BY patient ORDER BY {NEWEST}) = 1
    ORDER BY patient"""

# By key alone: what a later upload of the same file settled is not waited for any more.
_WAITING_PATIENTS = f"""
    SELECT patient, reason FROM (
        SELECT patient, reason, outcome, time, run, sequence FROM objects WHERE kind = 'clinical'
        QUALIFY row_number() OVER (PARTITION BY key ORDER BY {NEWEST}) = 1
    )
    WHERE outcome = 'deferred' AND patient IS NOT NULL
    QUALIFY row_number() OVER (PARTITION BY patient ORDER BY {NEWEST}) = 1
    ORDER BY patient"""

STUDY_IS_SETTLED = """(
    outcome IN ('loaded', 'present') OR reason IN ('conflicting-copy', 'store-fault', 'forbidden',
        'internal-error', 'occupied', 'contended', 'retry', 'vanished', 'archived'))"""
"""True of decisions that were taken after the study was found to be their patient's, whatever became of the
copy."""

_STUDIES = f"""
    SELECT StudyInstanceUID, patient FROM objects
    WHERE StudyInstanceUID IS NOT NULL AND patient IS NOT NULL AND {STUDY_IS_SETTLED}
    ORDER BY StudyInstanceUID, {EARLIEST}"""

_INSTANCES = f"""
    SELECT SOPInstanceUID, key, etag, target_key, target_etag, target_size FROM objects
    WHERE SOPInstanceUID IS NOT NULL AND target_key IS NOT NULL AND outcome IN ('loaded', 'present')
    ORDER BY SOPInstanceUID, {EARLIEST}"""


_LAST_RUN = "SELECT * FROM runs ORDER BY started DESC, run DESC LIMIT 1"


class InstanceHolder(NamedTuple):
    """The object that holds a SOP Instance UID: the raw object (key, etag) and its copy."""

    key: str
    etag: str
    target_key: str
    target_etag: str
    target_size: int


class SqlCatalog(ABC):
    """A catalog whose tables can be seen as Arrow. Safe to use from many threads."""

    @abstractmethod
    def sources(self, name: str) -> Sequence[Source]:
        """The parts of the table `objects` or `runs` as they are now; none where nothing was committed."""

    @abstractmethod
    def version(self) -> int | None:
        """The version of `objects`, which grows with each commit; None before the first."""

    @abstractmethod
    def require_not_lost(self) -> None:
        """Raise StoreUnavailable where what stands tells of decisions, and none of them stands."""

    @abstractmethod
    def snapshot(self) -> Snapshot:
        """The tables as they are now, and their version."""

    @abstractmethod
    def publish(self) -> None:
        """Bring what the readers of each set may ask up to this catalog. Raises StoreError."""

    @abstractmethod
    def published(self, group: Group) -> Snapshot:
        """What the readers of a set may ask; `version` None where nothing was published yet."""

    @abstractmethod
    def compact(self, name: str) -> None:
        """Put the small files of `objects` or `runs` together where many stand. Raises StoreError."""

    @abstractmethod
    def close(self) -> None:
        """Give back what is held; idempotent."""

    @abstractmethod
    def _commit(self, name: str, rows: pa.Table) -> None: ...

    def append(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Commit rows of `objects`, all or none. Raises StoreError; ValueError if one does not fit."""
        if rows:
            self._commit("objects", to_arrow("objects", rows))

    def append_run(self, run: Mapping[str, Any]) -> None:
        """Commit one row of `runs`. Raises StoreError; ValueError for a row that does not fit."""
        self._commit("runs", to_arrow("runs", [run]))

    def pending(self, listing: Iterable[tuple[ObjectInfo, int, str]], look: Look | None = None) -> Pending:
        """Read a whole listing, and give what of it is to be decided; with `look`, it only suggests.

        Passes on what the listing and `look` raise. Raises StoreUnavailable where the catalog is lost: to
        a new one, all that stands in the sets would be unknown.
        """
        sources = self.sources("objects")
        if not sources:
            self.require_not_lost()
        return Pending(listing, sources, look)

    def assignments(self) -> Iterator[Assignment]:
        """Each patient that some decision assigned, once, by canonical identifier, as its newest row has it.

        The group, rule and folder are those of the claim; site, run and time are those of the row.
        """
        for patient, group, rule, site, folder, configuration, run, time in self._rows(_ASSIGNMENTS):
            yield Assignment(
                patient=patient,
                group=group,
                rule=rule,
                site=site or "",
                folder=folder,
                configuration=configuration or "",
                run=run,
                time=moment(time),
            )

    def waiting_patients(self) -> Iterator[tuple[str, str]]:
        """Each patient whose clinical file is deferred now, with the reason, by canonical identifier."""
        return self._rows(_WAITING_PATIENTS)

    def study_owners(self) -> Iterator[tuple[str, str]]:
        """Each study that a decision gave to a patient, with the first such patient, by study UID."""
        return _first_of_each(self._rows(_STUDIES))

    def instance_holders(self) -> Iterator[tuple[str, InstanceHolder]]:
        """Each SOP Instance UID that has a copy, by UID: each of its places, with the first object put there.

        Of one UID the place that was first comes first; most have one.
        """
        for sop_uid, rows in groupby(self._rows(_INSTANCES), key=itemgetter(0)):
            holders: dict[str, InstanceHolder] = {}
            for row in rows:
                holder = InstanceHolder(*row[1:])
                holders.setdefault(holder.target_key, holder)
            yield from ((sop_uid, holder) for holder in holders.values())

    def sites(self) -> set[str]:
        """The names of submitting centres, as the clinical files spell them."""
        return {site for (site,) in self._rows("SELECT DISTINCT site FROM objects WHERE site IS NOT NULL")}

    def last_run(self) -> dict[str, Any] | None:
        """The row of the run that started last; None where there is none."""
        runs = self.sources("runs")
        with workspace() as connection, translated():
            show(connection, {"runs": runs})
            last = connection.sql(_LAST_RUN).to_arrow_table()
        return next(iter(last.to_pylist()), None)

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> pa.Table:
        """The answer to one SELECT of ours, in memory. Raises QueryError, StoreError."""
        with ask(self._named(sql), sql, parameters, ours=True) as answer:
            return answer.table()

    def ask(
        self, sql: str, parameters: Sequence[Any] = (), limits: Limits = UNLIMITED
    ) -> AbstractContextManager[Answer]:
        """The answer to one SELECT over `objects`, `objects_now`, `runs` and the views, as it is found."""
        return ask(self._named(sql), sql, parameters, limits)

    def _named(self, sql: str) -> dict[str, Sequence[Source]]:
        """The tables that a question may read: every view is made of `objects`, none of `runs`."""
        asks_for_runs = re.search(r"\bruns\b", sql, re.IGNORECASE) is not None
        return {name: self.sources(name) for name in TABLES if name != "runs" or asks_for_runs}

    def _rows(self, select: str) -> Iterator[tuple[Any, ...]]:
        # A word of the question that is a column is read; one too many costs no more than time.
        columns = [name for name in OBJECTS.names if re.search(rf"\b{name}\b", select)]
        parts = self.sources("objects")
        with workspace() as connection:
            with translated():
                stream(connection, parts, columns)
            yield from pages(connection, select)


def _first_of_each(rows: Iterable[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
    """The first of the rows that share a first field; they come together."""
    return (next(group) for _, group in groupby(rows, key=itemgetter(0)))
