"""The images in the two sets of which the catalog does not tell: sorted out on disk, never in memory.

An object whose size or ETag is not the one that was put there was replaced: neither the catalog tells of it,
nor the document beside it.
"""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

from warehouse.domain.audit import UnrecordedImage
from warehouse.domain.keys import SUFFIXES, metadata_key
from warehouse.domain.records import ObjectInfo
from warehouse.storage.catalog import Catalog
from warehouse.storage.catalog_errors import translated
from warehouse.storage.catalog_work import pages
from warehouse.storage.gathering import OBJECT, OnDisk, described, object_of

# The key of the document beside an image; null for what is no image.
_LISTED = pa.schema(
    {
        "image": pa.bool_(),
        "document": pa.string(),
        **OBJECT,
    }
)
_RECORDED = pa.schema({"key": pa.string(), "size": pa.int64(), "etag": pa.string()})

_WHAT_IS_RECORDED = """
    SELECT target_key AS key, target_size AS size, target_etag AS etag FROM objects_now
    WHERE outcome IN ('loaded', 'present') AND target_key IS NOT NULL AND SOPInstanceUID IS NOT NULL"""

_UNRECORDED = """
    CREATE OR REPLACE TABLE unrecorded AS
    SELECT * REPLACE (CASE WHEN key NOT IN (SELECT key FROM recorded) THEN document END AS document)
    FROM listed WHERE image AND NOT EXISTS (
        FROM recorded WHERE recorded.key = listed.key
        AND coalesce(recorded.size = listed.size AND recorded.etag = listed.etag, true)
    )"""

# A document tells of one image: where two differ in their suffix's case only, nobody knows of which.
_WITH_DOCUMENTS = """
    WITH shared AS (
        SELECT document FROM listed SEMI JOIN unrecorded USING (document)
        GROUP BY document HAVING count(*) > 1
    ),
    documents AS (
        SELECT listed.* FROM listed ANTI JOIN shared ON listed.key = shared.document WHERE NOT listed.image
    )
    SELECT one.key, one.size, one.etag, epoch_us(one.modified), one.archived,
        beside.key, beside.size, beside.etag, epoch_us(beside.modified), beside.archived
    FROM unrecorded AS one LEFT JOIN documents AS beside ON beside.key = one.document ORDER BY one.key"""


class UnrecordedImages(OnDisk):
    """What a listing of the sets shows, and what of it the catalog does not know.

    A context manager, since it stands on temporary files. Use it from one thread at a time.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        super().__init__({"listed": _LISTED, "recorded": _RECORDED})

    def add_image(self, info: ObjectInfo) -> None:
        """Note an object that stands where images stand."""
        has_document = info.key.lower().endswith(SUFFIXES["images"])
        self._add(info, image=True, document=metadata_key(info.key) if has_document else None)

    def add_document(self, info: ObjectInfo) -> None:
        """Note an object that stands where metadata documents stand."""
        self._add(info, image=False, document=None)

    def images(self) -> Iterator[UnrecordedImage]:
        """Each noted image that no decision of the catalog put there as it is, in the order of the keys."""
        self._rows.keep()
        with self._catalog.ask(_WHAT_IS_RECORDED) as answer:
            for batch in answer:
                self._rows.insert("recorded", pa.Table.from_batches([batch]))
        with translated():
            self._connection.execute(_UNRECORDED)
        for row in pages(self._connection, _WITH_DOCUMENTS):
            document = None if row[5] is None else object_of(*row[5:])
            yield UnrecordedImage(object_of(*row[:5]), document)

    def _add(self, info: ObjectInfo, *, image: bool, document: str | None) -> None:
        self._rows.add("listed", (image, document, *described(info)))
