"""What of an object has to be read before it is decided, and no more; whoever holds the bytes answers."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from threading import Semaphore
from typing import TYPE_CHECKING

from warehouse.domain import clinical, dicom
from warehouse.domain.dicom_tables import DEFLATED
from warehouse.domain.identity import MAX_UID, IdentityRules
from warehouse.domain.records import Header, ObjectInfo
from warehouse.errors import Archived

if TYPE_CHECKING:
    from warehouse.storage.store import Store


LARGE_HEADER = 256 * 1024

_DEFLATED = re.compile("|".join(map(re.escape, sorted(DEFLATED))).encode())

# What stands in a set was let in once: its patient is no question any more.
ANYBODY = IdentityRules(patient_id_pattern=re.compile(r".*", re.DOTALL), placeholder_ids=frozenset())


def read_header(
    size: int, rules: IdentityRules | None, read: Callable[[dicom.Range], bytes]
) -> Header | dicom.Rejection:
    """Examine an object of `size` bytes, whose ranges `read` gives. Raises what `read` raises."""
    examination = dicom.examine(size, rules)
    try:
        wanted = next(examination)
        while True:
            wanted = examination.send(read(wanted))
    except StopIteration as end:
        verdict: Header | dicom.Rejection = end.value
        return verdict
    finally:
        examination.close()


def read_stored_header(
    store: Store, info: ObjectInfo, rules: IdentityRules, on_large: Callable[[], object] = bool
) -> Header | dicom.Rejection:
    """Read as much of an object as its examination asks for.

    `on_large` is called once, before it gets large: what names a deflated transfer syntax may become so,
    however small it is.
    """
    total, large, last = 0, False, b""

    def grows(*, is_large: bool) -> None:
        nonlocal large
        if is_large and not large:
            large = True
            on_large()

    def read(wanted: dicom.Range) -> bytes:
        nonlocal total, last
        total += wanted.length
        grows(is_large=total > LARGE_HEADER)
        data = store.read(info.key, start=wanted.start, length=wanted.length, etag=info.etag).data
        if not large:
            grows(is_large=_DEFLATED.search(last + data) is not None)
            last = data[-MAX_UID:]
        return data

    return read_header(info.size, rules, read)


@contextmanager
def permitted_header(
    store: Store, info: ObjectInfo, rules: IdentityRules, large_headers: Semaphore
) -> Iterator[Header | dicom.Rejection]:
    """The header of an object; one that is large has a permit of its own as long as the context lasts.

    Raises StoreError.
    """
    with ExitStack() as permit:
        yield read_stored_header(store, info, rules, lambda: permit.enter_context(large_headers))


def read_whole_header(store: Store, info: ObjectInfo, large_headers: Semaphore) -> Header | dicom.Rejection:
    """The header of an image, whoever its patient is, or why it is none. Raises StoreError."""
    if info.archived:
        raise Archived("read", info.key)
    with permitted_header(store, info, ANYBODY, large_headers) as header:
        return header


def read_clinical(store: Store, info: ObjectInfo) -> clinical.ClinicalRecord | str:
    """Read a clinical file as it was listed: its record, or the reason `invalid-json`."""
    if info.size > clinical.MAXIMUM_SIZE:
        return "invalid-json"
    return clinical.parse(store.read(info.key, etag=info.etag).data)
