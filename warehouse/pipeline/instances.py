"""Which SOP instance an image is that the catalog does not know: its document tells, or else its header."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Semaphore
from typing import TYPE_CHECKING, Any

from bonobo import use
from warehouse.domain.audit import Sighting, Unread, UnrecordedImage
from warehouse.domain.identity import is_uid
from warehouse.domain.keys import SUFFIXES
from warehouse.domain.records import Header, ObjectInfo
from warehouse.pipeline.lacking import Damaged, reason_of
from warehouse.pipeline.reading import read_whole_header
from warehouse.pipeline.tables import read_document

if TYPE_CHECKING:
    from warehouse.storage.store import Store

# SOP Instance UID (PS3.3 C.12.1).
_INSTANCE = {"00080018": "SOPInstanceUID"}


@use("store", "large_documents")
def read_instance(row: Any, store: Store, large_documents: Semaphore) -> Iterator[Any]:
    """Read which SOP instance an image is; what is neither named nor made like an image is passed over."""
    if not isinstance(row, UnrecordedImage):
        yield row
        return
    try:
        instance = _by_document(store, row.document, large_documents)
        verdict: Any = instance or read_whole_header(store, row.image, large_documents)
    except Exception as error:
        yield Unread("image", reason_of(error), row.image.key)
        return
    if isinstance(verdict, Header):
        verdict = verdict.sop_uid
    if isinstance(verdict, str):
        yield Sighting("headers", "SOP instance", verdict, row.image.key.split("/", 1)[0])
    elif verdict.reason != "not-dicom" or row.image.key.lower().endswith(SUFFIXES["images"]):
        yield Unread("image", verdict.reason, row.image.key)


def _by_document(store: Store, document: ObjectInfo | None, large_documents: Semaphore) -> str | None:
    """The instance that the document beside an image names; None where it names none."""
    if document is None or document.archived:
        return None
    try:
        header = read_document(store, document, large_documents, _INSTANCE)
    except Damaged:
        return None
    instance = header["SOPInstanceUID"] or ""
    return instance if is_uid(instance) else None
