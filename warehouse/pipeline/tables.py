"""The nodes of the summary tables: studies, storage, and the one node in which all branches meet.

Each branch ends in a row that says so; the tables are finished when all have.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from threading import Semaphore
from typing import TYPE_CHECKING, Any

from bonobo import use
from warehouse.domain.patients import Patient
from warehouse.domain.records import ObjectInfo
from warehouse.domain.shortfall import Shortfall
from warehouse.domain.studies import HEADER_TAGS, Header, Study, StudyFound, read_header
from warehouse.domain.tables import Ended, Finished, StorageUsed
from warehouse.errors import Archived
from warehouse.pipeline.accounted import essential
from warehouse.pipeline.configuration import before_anything_is_decided
from warehouse.pipeline.lacking import Damaged, reason_of

if TYPE_CHECKING:
    from warehouse.storage.listings import Listings
    from warehouse.storage.processed import Archive
    from warehouse.storage.store import Store
    from warehouse.storage.table_files import TableFile
    from warehouse.storage.tables import Tables

# What is wanted of a document stands at its beginning, and most documents are no longer than this.
FIRST_READ = 64 * 1024
GROWTH = 4


@use("listings")
@essential
def list_studies(listings: Listings) -> Iterator[StudyFound | Study | Ended]:
    """List the metadata documents of both sets; give each study, with its header where the catalog has it."""
    with before_anything_is_decided("list the sets"):
        yield from listings.studies()
    yield Ended("studies")


@use("store", "large_documents")
def read_metadata(row: Any, store: Store, large_documents: Semaphore) -> Any:
    """Read the header of a study that the catalog does not know from its lowest metadata document."""
    if not isinstance(row, StudyFound):
        return row
    try:
        return Study(row, read_document(store, row.info, large_documents))
    except Exception as error:
        return Study(row, unread=reason_of(error))


@use("listings")
@essential
def measure_storage(listings: Listings) -> Iterator[StorageUsed | Ended]:
    """Add up what both sets hold."""
    with before_anything_is_decided("list the sets"):
        yield listings.storage()
    yield Ended("storage")


@use("tables", "shortfall")
@essential
def write_tables(row: Any, tables: Tables, shortfall: Shortfall) -> Iterator[TableFile | Finished]:
    """Where the branches meet: take every row, and give each table once all branches have ended."""
    match row:
        case Study():
            tables.add_study(row)
            if row.unread is not None:
                shortfall.add("metadata document", row.unread)
        case Patient():
            tables.add_patient(row)
            if row.unread is not None:
                shortfall.add("clinical file", row.unread)
        case StorageUsed():
            tables.add_storage(row.sizes)
            shortfall.add("metadata document", "missing", row.undocumented)
        case Ended():
            if tables.all_ended(row.branch):
                yield from tables.finish()
                yield Finished()


@use("archive", "shortfall")
@essential
def publish_tables(row: TableFile | Finished, archive: Archive, shortfall: Shortfall) -> Iterator[Any]:
    """Put each table where it is read; let latest.csv name them last, unless another run may read more."""
    if not isinstance(row, Finished):
        archive.add(row)
    elif not shortfall.incomplete:
        archive.make_latest()
    yield from ()


def read_document(
    store: Store, info: ObjectInfo, large_documents: Semaphore, wanted: Mapping[str, str] = HEADER_TAGS
) -> Header:
    """Read a metadata document as far as `wanted` (names by tag) asks. Raises Damaged and StoreError."""
    if info.archived:
        raise Archived("read", info.key)
    length = FIRST_READ
    with ExitStack() as permit:
        while True:
            data = store.read(info.key, length=length, etag=info.etag).data
            try:
                header = read_header(data, whole=length >= info.size, wanted=wanted)
            except ValueError:
                raise Damaged from None
            if header is not None:
                return header
            if length == FIRST_READ:
                permit.enter_context(large_documents)
            length *= GROWTH
