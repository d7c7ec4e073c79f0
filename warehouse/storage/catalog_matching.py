"""Copies, their documents and raw objects as they are listed, brought together on disk by place and size."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pyarrow as pa

from warehouse.config import Config
from warehouse.domain.rebuilding import Candidates, StandingCopy
from warehouse.domain.records import ObjectInfo
from warehouse.storage.catalog_work import pages
from warehouse.storage.gathering import OBJECT, OnDisk, described, object_of

# `place` is what a copy and its raw object share; `beside` the key of the document of a copy.
_SEEN = pa.schema(
    {
        "what": pa.string(),
        "place": pa.string(),
        "beside": pa.string(),
        **OBJECT,
    }
)

_INFO = "key, size, etag, epoch_us(modified) AS modified, archived"

# The copies of a place come before the raw objects, since `copy` does before `raw`.
_CANDIDATES = f"""
    WITH documents AS (SELECT {_INFO} FROM seen WHERE what = 'document'),
    copies AS (SELECT place, beside, what, {_INFO} FROM seen WHERE what = 'copy'),
    raws AS (
        SELECT place, what, {_INFO} FROM seen WHERE what = 'raw'
        AND (place, size) IN (SELECT (place, size) FROM copies)
    )
    SELECT copies.place, copies.what, copies.key, copies.size, copies.etag, copies.modified, copies.archived,
        documents.key, documents.size, documents.etag, documents.modified, documents.archived
    FROM copies LEFT JOIN documents ON copies.beside = documents.key
    UNION ALL
    SELECT place, what, key, size, etag, modified, archived, NULL, NULL, NULL, NULL, NULL FROM raws
    ORDER BY 1, 4, 2, 3"""


class Matching(OnDisk):
    """A context manager, since it stands on temporary files. Use it from one thread at a time."""

    def __init__(self) -> None:
        super().__init__({"seen": _SEEN})

    def add_raw(self, info: ObjectInfo, place: str) -> None:
        """Note a raw object that may have been copied."""
        self._add("raw", info, place, None)

    def add_copy(self, info: ObjectInfo, place: str, document: str | None) -> None:
        """Note a copy, and the key of the document that an image has."""
        self._add("copy", info, place, document)

    def add_document(self, info: ObjectInfo) -> None:
        """Note a metadata document."""
        self._add("document", info, None, None)

    def candidates(self, config: Config) -> Iterator[Candidates]:
        """All copies, those of one place and size together, with the raw objects that they may be of."""
        self._rows.keep()
        rows = pages(self._connection, _CANDIDATES)
        for _, together in itertools.groupby(rows, key=lambda row: (row[0], row[3])):
            copies, raws = [], []
            for _, what, *found in together:
                info = object_of(*found[:5])
                if what == "raw":
                    raws.append(info)
                else:
                    copies.append(StandingCopy(info, None if found[5] is None else object_of(*found[5:])))
            yield Candidates(tuple(copies), tuple(raws), config)

    def _add(self, what: str, info: ObjectInfo, place: str | None, beside: str | None) -> None:
        self._rows.add("seen", (what, place, beside, *described(info)))
