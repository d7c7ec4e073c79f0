"""Which versions of raw objects are to be decided again: the catalog beside listings, joined on disk.

What was decided is asked of the catalog; what stands comes as rows. Neither is ever held in memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa

from warehouse.domain.again import COPY, DOCUMENT, Again
from warehouse.domain.keys import metadata_key
from warehouse.domain.records import ObjectInfo
from warehouse.storage.catalog import Catalog
from warehouse.storage.catalog_errors import translated
from warehouse.storage.catalog_schema import OBJECTS
from warehouse.storage.catalog_work import moment, pages
from warehouse.storage.gathering import OnDisk

_LISTED = pa.schema({"key": pa.string(), "etag": pa.string()})
_STANDING = pa.schema({"key": pa.string()})

_KEPT = (
    *("key", "etag", "size", "last_modified", "kind", "uploader", "upload_date", "patient", "site"),
    *("reason", "target_key"),
)
_DECIDED = pa.schema([*(OBJECTS.field(name) for name in _KEPT), pa.field("document", pa.string())])

_ASKED = f"SELECT {', '.join(_KEPT)} FROM objects_now WHERE outcome"
_QUARANTINED = f"{_ASKED} = 'quarantined' AND (? IS NULL OR reason = ?)"
_PLACED = f"{_ASKED} IN ('loaded', 'present') AND target_key IS NOT NULL"

_AGAIN = "key, etag, size, epoch_us(last_modified), kind, uploader, upload_date, patient, site"
_STILL_QUARANTINED = f"""
    SELECT {_AGAIN}, reason FROM decided SEMI JOIN listed USING (key, etag) ORDER BY key, etag"""

# One copy may be of several raw objects. It is restored from those that were put there under their own name;
# from another one with its SOP instance, which would get a place of its own, only where none of them stands.
# That one brings no document back to a copy that stands.
_MISSING = (
    f"""CREATE TABLE gone AS
        SELECT decided.*, '{COPY}' AS what FROM decided ANTI JOIN standing ON target_key = standing.key
        UNION ALL
        SELECT placed.*, '{DOCUMENT}' AS what
        FROM (FROM decided SEMI JOIN standing ON target_key = standing.key) AS placed
        ANTI JOIN standing ON document = standing.key WHERE document IS NOT NULL""",
    "CREATE TABLE here AS SELECT gone.* FROM gone SEMI JOIN listed USING (key, etag)",
    """CREATE TABLE own AS SELECT * FROM here WHERE reason IS DISTINCT FROM 'same-instance'""",
    f"""CREATE TABLE chosen AS
        SELECT * FROM own
        UNION ALL
        SELECT here.* FROM here ANTI JOIN own ON here.target_key = own.target_key
        WHERE here.reason = 'same-instance' AND here.what = '{COPY}'""",
)
_CHOSEN = f"SELECT {_AGAIN}, what FROM chosen ORDER BY key, etag"
_LOST = """
    SELECT count(DISTINCT target_key) FROM gone ANTI JOIN chosen ON gone.target_key = chosen.target_key"""


class SecondLooks(OnDisk):
    """A context manager, since it stands on temporary files. Use it from one thread at a time."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        super().__init__({"listed": _LISTED, "standing": _STANDING, "decided": _DECIDED})

    def add_listed(self, info: ObjectInfo) -> None:
        """Note a version of an object that stands in raw."""
        self._rows.add("listed", (info.key, info.etag))

    def add_standing(self, key: str) -> None:
        """Note a key that stands in one of the sets."""
        self._rows.add("standing", (key,))

    def quarantined(self, reason: str | None) -> Iterator[Again]:
        """What is quarantined now, for one reason or for any, and stands in raw as it was decided."""
        self._ask(_QUARANTINED, [reason, reason])
        yield from map(_again, pages(self._connection, _STILL_QUARANTINED))

    def missing(self) -> Iterator[Again]:
        """What is known as loaded or present, and is not whole in its set, as far as raw can restore it."""
        self._ask(_PLACED, [])
        with translated():
            for step in _MISSING:
                self._connection.execute(step)
        yield from map(_again, pages(self._connection, _CHOSEN))

    def lost(self) -> int:
        """The number of places that `missing` found nothing for."""
        with translated():
            ((count,),) = self._connection.execute(_LOST).fetchall()
        return int(count)

    def _ask(self, question: str, parameters: Sequence[Any]) -> None:
        self._rows.keep()
        with self._catalog.ask(question, parameters) as answer:
            for batch in answer:
                rows = pa.Table.from_batches([batch])
                documents = map(_document, rows["kind"].to_pylist(), rows["target_key"].to_pylist())
                self._rows.insert(
                    "decided", rows.append_column("document", pa.array(list(documents), pa.string()))
                )


def _document(kind: str, target: str | None) -> str | None:
    return metadata_key(target) if kind == "image" and target is not None else None


def _again(row: tuple[Any, ...]) -> Again:
    key, etag, size, modified, kind, uploader, upload_date, patient, site, why = row
    info = ObjectInfo(key, size, etag, moment(modified))
    return Again(info, why, kind, uploader, upload_date, patient, site)
