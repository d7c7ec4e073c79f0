"""One study belongs to one patient, one SOP Instance UID to one object: in this run, and against all before.

An object may be gone from its place, and another one have taken its SOP Instance UID over: so all places are
known at which an instance was put, and whoever asks looks which of them still holds it.

What was committed is fetched when it is first asked for; with what this run claims it stands in a temporary
file, so that memory is bounded whatever the number of images.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import sqlite3
import tempfile
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from operator import itemgetter
from typing import Any

from warehouse.domain.keys import metadata_key
from warehouse.domain.records import ObjectInfo
from warehouse.storage.catalog import Catalog, InstanceHolder
from warehouse.storage.catalog_errors import translated

CACHE_KIB = 16 * 1024

_TABLES = {
    "studies": "CREATE TABLE studies (uid TEXT PRIMARY KEY, patient TEXT) WITHOUT ROWID",
    "instances": "CREATE TABLE instances (uid TEXT, number INTEGER, key TEXT, etag TEXT, "
    "target_key TEXT, target_etag TEXT, target_size INTEGER, PRIMARY KEY (uid, number)) WITHOUT ROWID",
    "lanes": "CREATE TABLE lanes (token TEXT PRIMARY KEY, lane TEXT) WITHOUT ROWID",
    "documents": "CREATE TABLE documents (key TEXT PRIMARY KEY, target TEXT) WITHOUT ROWID",
}


_ODD_TARGETS = """
    SELECT DISTINCT target_key FROM objects
    WHERE kind = 'image' AND outcome IN ('loaded', 'present') AND NOT ends_with(target_key, '.dcm')"""


class Identities:
    """Answers whose a study is and which objects hold an instance. Safe to use from many threads.

    `standing_studies` gives what the tree says of studies (UID, canonical patient) beyond the catalog. Where
    images of one run are `shared` out among several processes, each knows the lanes of its own alone.

    Every method may raise StoreError: the catalog is read by the first question. The temporary file goes
    with `close`.
    """

    def __init__(
        self,
        catalog: Catalog,
        standing_studies: Callable[[], Iterable[tuple[str, str]]] = tuple,
        *,
        shared: bool = False,
    ) -> None:
        self._catalog = catalog
        self._shared = shared
        self._standing_studies = standing_studies
        self._lock = threading.RLock()
        self._filled: set[str] = set()
        self._file: sqlite3.Connection | None = None
        self._closing = contextlib.ExitStack()

    def claim_study(self, study_uid: str, patient: str) -> str:
        """Whose study this is; it becomes `patient`'s where it was nobody's."""
        with self._table("studies") as file:
            _add(file, "studies", [(study_uid, patient)])
            found = file.execute("SELECT patient FROM studies WHERE uid = ?", (study_uid,)).fetchone()
        return str(found[0])

    def instances(self, sop_uid: str) -> tuple[InstanceHolder, ...]:
        """The objects that were put somewhere with this SOP Instance UID, the first that was first."""
        with self._table("instances") as file:
            found = file.execute(
                "SELECT key, etag, target_key, target_etag, target_size FROM instances WHERE uid = ?"
                " ORDER BY number",
                (sop_uid,),
            ).fetchall()
        return tuple(InstanceHolder(*row) for row in found)

    def register_instance(self, sop_uid: str, raw: ObjectInfo, target: ObjectInfo) -> None:
        """Note that `raw`, with this SOP Instance UID, stands at `target`."""
        with self._table("instances") as file:
            held = self.instances(sop_uid)
            if all(holder.target_key != target.key for holder in held):
                row = (sop_uid, len(held), raw.key, raw.etag, target.key, target.etag, target.size)
                _add(file, "instances", [row])

    def lane(self, sop_uid: str, target: str) -> str:
        """A name that all images of this run with this SOP Instance UID, and with this target, share.

        It is the first one's SOP Instance UID: where several processes read the images, each gives those of
        one instance the same name. An image that joins two lanes takes that of its SOP Instance UID: a target
        is guarded by its create-only write as well, an instance by nothing else. A lane that only another
        process knows cannot be joined: see `guards`.
        """
        tokens = (f"instance {sop_uid}", f"target {target}")
        with self._table("lanes") as file:
            for token in tokens:
                found = file.execute("SELECT lane FROM lanes WHERE token = ?", (token,)).fetchone()
                if found:
                    break
            lane = str(found[0]) if found else sop_uid
            if self.guards(sop_uid, lane):
                _add(file, "lanes", [(token, lane) for token in tokens])
        return lane

    def guards(self, sop_uid: str, lane: str) -> bool:
        """Whether the lane is the one in which images with this SOP Instance UID may be put somewhere.

        In one process it always is. Of several, all give an instance the same lane, but for an image that
        came into another's by its target: what becomes of its instance elsewhere is not known there.
        """
        return not self._shared or lane == sop_uid

    def claim_document(self, key: str, target: str) -> str:
        """Which image's metadata stands, or will stand, at `key`: `target`'s, where it was nobody's."""
        with self._table("documents") as file:
            _add(file, "documents", [(key, target)])
            found = file.execute("SELECT target FROM documents WHERE key = ?", (key,)).fetchone()
        return str(found[0])

    def close(self) -> None:
        """Remove the temporary file; idempotent."""
        with self._lock:
            self._closing.close()
            self._file = None
            self._filled.clear()

    @contextlib.contextmanager
    def _table(self, name: str) -> Generator[sqlite3.Connection]:
        with self._lock:
            if self._file is None:
                with translated():
                    self._file = self._open()
            if name not in self._filled:
                self._fill(self._file, name)
                self._filled.add(name)
            with translated():
                yield self._file

    def _open(self) -> sqlite3.Connection:
        """A file of one process that nobody will read after a crash: no journal, no waiting for the disk."""
        folder = self._closing.enter_context(tempfile.TemporaryDirectory(prefix="warehouse-"))
        file = sqlite3.connect(
            os.path.join(folder, "identities.sqlite"), isolation_level=None, check_same_thread=False
        )
        self._closing.callback(file.close)
        file.execute("PRAGMA journal_mode = OFF")
        file.execute("PRAGMA synchronous = OFF")
        file.execute("PRAGMA locking_mode = EXCLUSIVE")
        file.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        return file

    def _fill(self, file: sqlite3.Connection, name: str) -> None:
        with translated():
            file.execute(f"DROP TABLE IF EXISTS {name}")
            file.execute(_TABLES[name])
            file.execute("BEGIN")
        try:
            with translated():
                _add(file, name, self._committed(name))
        finally:
            file.execute("COMMIT")

    def _committed(self, name: str) -> Iterable[tuple[Any, ...]]:
        if name == "studies":
            return itertools.chain(self._catalog.study_owners(), self._standing_studies())
        if name == "instances":
            return _numbered(self._catalog.instance_holders())
        if name == "documents":
            # `x.dcm` can only meet the document of an `x.DCM`, and those are few.
            found = self._catalog.query(_ODD_TARGETS)
            return ((metadata_key(target), target) for target in found["target_key"].to_pylist())
        return ()


def _numbered(holders: Iterable[tuple[str, InstanceHolder]]) -> Iterator[tuple[Any, ...]]:
    """Rows of `instances`: the holders of one instance come together."""
    for uid, held in itertools.groupby(holders, key=itemgetter(0)):
        yield from ((uid, number, *holder) for number, (_, holder) in enumerate(held))


def _add(file: sqlite3.Connection, name: str, rows: Iterable[tuple[Any, ...]]) -> None:
    """Insert rows whose first field is new; those whose first field stands already change nothing."""
    marks = ", ".join("?" * (_TABLES[name].count(" TEXT") + _TABLES[name].count(" INTEGER")))
    file.executemany(f"INSERT OR IGNORE INTO {name} VALUES ({marks})", rows)
