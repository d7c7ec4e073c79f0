"""What of an object has to be read before it is decided, and no more; whoever holds the bytes answers."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from warehouse.domain import clinical, dicom
from warehouse.domain.identity import IdentityRules
from warehouse.domain.records import Header, ObjectInfo

if TYPE_CHECKING:
    from warehouse.storage.store import Store


LARGE_HEADER = 256 * 1024

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
    """Read as much of an object as its examination asks for; `on_large` is called before it gets large."""
    total = 0

    def read(wanted: dicom.Range) -> bytes:
        nonlocal total
        if total <= LARGE_HEADER < total + wanted.length:
            on_large()
        total += wanted.length
        return store.read(info.key, start=wanted.start, length=wanted.length, etag=info.etag).data

    return read_header(info.size, rules, read)


def read_clinical(store: Store, info: ObjectInfo) -> clinical.ClinicalRecord | str:
    """Read a clinical file as it was listed: its record, or the reason `invalid-json`."""
    if info.size > clinical.MAXIMUM_SIZE:
        return "invalid-json"
    return clinical.parse(store.read(info.key, etag=info.etag).data)
