"""The nodes that read the clinical files of the data set: for each patient the one that speaks for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bonobo import use
from warehouse.domain import clinical
from warehouse.domain.cleaning import clean
from warehouse.domain.patients import Patient, PatientFiles, merged
from warehouse.domain.tables import Ended
from warehouse.errors import Archived
from warehouse.pipeline.accounted import essential
from warehouse.pipeline.configuration import before_anything_is_decided
from warehouse.pipeline.lacking import Damaged, reason_of

if TYPE_CHECKING:
    from warehouse.storage.listings import Listings
    from warehouse.storage.store import Store


@use("listings")
@essential
def list_clinical_files(listings: Listings) -> Iterator[PatientFiles | Ended]:
    """List the clinical files of both sets; give each patient of each set, with the newest file."""
    with before_anything_is_decided("list the sets"):
        yield from listings.clinical_files()
    yield Ended("patients")


@use("store")
def read_clinical_file(row: PatientFiles | Ended, store: Store) -> Patient | Ended:
    """Read the file that speaks for a patient. The folder names a patient whom the file does not name."""
    if isinstance(row, Ended):
        return row
    try:
        record = merged(_document(store, row))
    except Exception as error:
        return Patient(row, {"Pseudonym": row.folder}, unread=reason_of(error))
    if record.get("Pseudonym") is None:
        record = {**record, "Pseudonym": row.folder}
    return Patient(row, record)


def clean_patient(row: Patient | Ended) -> Any:
    """Add the cleaned columns to a patient's record."""
    return replace(row, cleaned=clean(row.record)) if isinstance(row, Patient) else row


def _document(store: Store, files: PatientFiles) -> dict[str, Any]:
    info = files.record
    if info.archived:
        raise Archived("read", info.key)
    if info.size > clinical.MAXIMUM_SIZE:
        raise Damaged
    document = clinical.document(store.read(info.key, etag=info.etag).data)
    if document is None:
        raise Damaged
    return document
