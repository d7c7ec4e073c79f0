"""What stands in the two sets, from listings and the catalog: sorted and joined on disk, never in memory.

A listing is the truth. The catalog only spares requests: a study whose lowest document it does not know is
given as it was found, to be read.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterable, Iterator, Sequence
from operator import itemgetter
from typing import Any, Protocol

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds

from warehouse.domain import patients
from warehouse.domain.keys import (
    MetadataKey,
    canonical,
    standing_clinical,
    standing_image,
    standing_metadata,
)
from warehouse.domain.patients import PatientFiles
from warehouse.domain.records import GROUPS, IMAGE_TYPES, ObjectInfo
from warehouse.domain.studies import HEADER_COLUMNS, Study, StudyFound
from warehouse.domain.tables import StorageUsed
from warehouse.errors import Forbidden, StoreFault
from warehouse.storage.catalog_errors import translated
from warehouse.storage.catalog_work import EARLIEST, Source, pages, stream, workspace
from warehouse.storage.gathering import OBJECT, Gathering, described, object_of
from warehouse.storage.store import Store

log = logging.getLogger("warehouse")

# Of which parts of a set the storage is told, beside the whole of it.
MEASURED = ("ct", "xray", "mri")

# The tables that loads publish to the readers of a set: no part of what it holds, and grown by every load.
PUBLISHED = "catalog"

_CLINICAL = pa.schema({"set": pa.string(), "patient": pa.string(), **OBJECT})
_METADATA = pa.schema({"image": pa.string(), **OBJECT})

_STANDING = pa.schema(
    {"set": pa.string(), "type": pa.string(), "folder": pa.string(), "study": pa.string(), "told": pa.bool_()}
)
_UNDOCUMENTED = """
    SELECT "set", type, count(*) FROM (
        SELECT "set", type FROM listed GROUP BY "set", type, folder, study HAVING NOT bool_or(told)
    ) GROUP BY ALL ORDER BY ALL"""

_CLINICAL_FILES = """
    SELECT "set", patient, key, size, etag, epoch_us(modified), archived FROM listed
    ORDER BY "set", patient, key"""

# The query engine would take the catalog's stream for the smaller side of the join.
_AS_WRITTEN = "SET disabled_optimizers = 'join_order,build_side_probe_side'"

_HEADERS = ", ".join(HEADER_COLUMNS)
_HELD = ds.field("outcome").isin(["loaded", "present"])
_KNOWN = f"""
    CREATE TABLE known AS
    SELECT listed.image, {_HEADERS} FROM (
        SELECT *, left(target_key, length(target_key) - 4) AS image FROM objects
    ) JOIN listed USING (image)
    QUALIFY row_number() OVER (PARTITION BY listed.image ORDER BY {EARLIEST}) = 1"""
_KNOWN_COLUMNS = ("target_key", "outcome", "time", "run", "sequence", *HEADER_COLUMNS)

_STUDIES = f"""
    SELECT key, size, etag, epoch_us(modified), archived, known.image IS NOT NULL, {_HEADERS}
    FROM listed LEFT JOIN known USING (image) ORDER BY listed.image"""


class Parts(Protocol):
    """The one verb of a catalog that is needed here."""

    def sources(self, name: str) -> Sequence[Source]:
        """The parts of a table as they are now."""
        ...


class Listings:
    """What stands in the two sets of a store. With a catalog, studies come with what it knows of them."""

    def __init__(self, store: Store, catalog: Parts | None = None) -> None:
        self._store = store
        self._catalog = catalog

    def clinical_files(self) -> Iterator[PatientFiles]:
        """Each patient of each set, once, by set and canonical identifier."""
        with workspace() as connection:
            Gathering(connection, {"listed": _CLINICAL}).fill("listed", self._clinical_rows())
            rows = pages(connection, _CLINICAL_FILES)
            for _, files in itertools.groupby(rows, key=itemgetter(0, 1)):
                yield patients.of_files([_clinical_file(row) for row in files])

    def studies(self) -> Iterator[StudyFound | Study]:
        """Each study of each type and set, once, by its lowest metadata document, in the order of the keys.

        A Study where the catalog knows the image of that document, else a StudyFound.
        """
        with workspace() as connection:
            Gathering(connection, {"listed": _METADATA}).fill("listed", self._metadata_rows())
            try:
                self._know(connection, () if self._catalog is None else self._catalog.sources("objects"))
            except (Forbidden, StoreFault) as error:
                # The documents say the same: only the requests are spared by the catalog.
                log.warning("%s: the tables are made without it, each study costs a request", error)
                self._know(connection, ())
            yield from map(_study, pages(connection, _STUDIES))

    def storage(self) -> StorageUsed:
        """Bytes by prefix: each set without its published tables, and its images of the measured types.

        The same listing shows which studies have images and no metadata document. Before they are counted,
        the documents are listed once more: a load may have written them meanwhile.
        """
        sizes = {f"{group}/{part}": 0 for group in GROUPS for part in ("", *(f"{one}/" for one in MEASURED))}
        with workspace() as connection:
            standing = Gathering(connection, {"listed": _STANDING})
            standing.fill("listed", _standing(self._measured(sizes)))
            for group, type, _ in list(pages(connection, _UNDOCUMENTED)):
                again = self._store.list(f"{group}/{type}-metadata/")
                standing.fill("listed", _standing(again))
            undocumented = sum(count for *_, count in pages(connection, _UNDOCUMENTED))
        return StorageUsed(sizes, undocumented)

    def _measured(self, sizes: dict[str, int]) -> Iterator[ObjectInfo]:
        """What stands in both sets, in the order of the keys, added up in `sizes` as it goes by."""
        for group in GROUPS:
            for info in self._store.list(f"{group}/"):
                name = info.key.split("/", 2)[1]
                if info.defect is None and name != PUBLISHED:
                    sizes[f"{group}/"] += info.size
                    part = f"{group}/{name}/"
                    if part in sizes:
                        sizes[part] += info.size
                    yield info

    def _clinical_rows(self) -> Iterator[tuple[Any, ...]]:
        strangers = 0
        for group in GROUPS:
            for info in self._store.list(f"{group}/data/"):
                key = standing_clinical(info.key) if info.defect is None else None
                if key is not None:
                    yield group, canonical(key.folder), *described(info)
                strangers += key is None and not info.key.endswith("/")
        if strangers:
            log.warning("%d objects under data/ of the two sets are no clinical files: left out", strangers)

    def _metadata_rows(self) -> Iterator[tuple[Any, ...]]:
        """The first document of each study: a listing gives those of one study one after the other."""
        strangers = 0
        for prefix in (f"{group}/{type}-metadata/" for group in GROUPS for type in IMAGE_TYPES):
            last: tuple[str, str] | None = None
            for info in self._store.list(prefix):
                key = standing_metadata(info.key) if info.defect is None else None
                if key is not None and (key.folder, key.study) != last:
                    last = key.folder, key.study
                    yield key.image, *described(info)
                strangers += key is None and not info.key.endswith("/")
        if strangers:
            log.warning("%d objects beside the metadata documents are none: left out", strangers)

    def _know(self, connection: duckdb.DuckDBPyConnection, objects: Sequence[Source]) -> None:
        """Work out which of the listed documents the catalog knows the images of."""
        with translated():
            connection.execute(_AS_WRITTEN)
            stream(connection, objects, _KNOWN_COLUMNS, _HELD)
            connection.execute(_KNOWN)


def _standing(infos: Iterable[ObjectInfo]) -> Iterator[tuple[Any, ...]]:
    """The study of each image and of each metadata document, once for those that are listed together."""
    last = ""
    for info in infos:
        study = info.key.rsplit("/", 2)[0]
        if study == last or info.defect is not None:
            continue
        document = standing_metadata(info.key)
        place = document or standing_image(info.key)
        if place is not None:
            last = study
            yield place.group, place.type, place.folder, place.study, document is not None


def _clinical_file(row: tuple[Any, ...]) -> tuple[Any, ObjectInfo]:
    info = object_of(*row[2:])
    return standing_clinical(info.key), info


def _study(row: tuple[Any, ...]) -> StudyFound | Study:
    info, known, header = object_of(*row[:5]), row[5], row[6:]
    place = standing_metadata(info.key)
    assert isinstance(place, MetadataKey), "only such keys were listed"
    found = StudyFound(place, info)
    if not known:
        return found
    return Study(found, {name: text or None for name, text in zip(HEADER_COLUMNS, header, strict=True)})
