"""The nodes of the loader: what the domain decides, joined to the stores that act.

Each row is one raw object on its way to exactly one Outcome; a node passes on rows that are not its own.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from threading import Semaphore
from typing import TYPE_CHECKING, Any

import bonobo
from bonobo import use
from warehouse.config import Config
from warehouse.domain import clinical, dicom, identity, keys, split
from warehouse.domain.records import (
    Copy,
    Decided,
    Header,
    ImageFacts,
    ObjectInfo,
    Outcome,
    PutJson,
    Raw,
    RawClinical,
    RawImage,
    RawOther,
    ReadImage,
)
from warehouse.pipeline.accounted import Row, accounted, essential, outcome
from warehouse.pipeline.configuration import (
    before_anything_is_decided,
    configuration_warnings,
    read_configuration,
)
from warehouse.pipeline.placing import (
    document_of_another,
    may_take_its_place,
    placed,
    put_document,
    same_instance,
)
from warehouse.pipeline.reading import LARGE_HEADER, permitted_header, read_clinical, read_stored_header

if TYPE_CHECKING:
    from warehouse.storage.assignments import Assignments
    from warehouse.storage.catalog import Catalog
    from warehouse.storage.identities import Identities
    from warehouse.storage.ledger import Ledger
    from warehouse.storage.raw_listing import RawListing
    from warehouse.storage.store import Store

log = logging.getLogger("warehouse")

IMAGES = 2

_WAITS_FOR_ITS_PATIENT = frozenset({"no-clinical-data", "unlisted-site"})


@use("store", "assignments", "ledger")
@essential
def load_config(store: Store, assignments: Assignments, ledger: Ledger) -> Iterator[Config]:
    """Read and check config.json, and look who stands in which set. Raises ConfigurationError."""
    config = read_configuration(store)
    with before_anything_is_decided("list the sets"):
        # What cannot be listed now must not pass for a set in which nobody stands.
        ledger.count_in_both_sets(assignments.in_both_sets())
    for warning in configuration_warnings(store, config):
        log.warning(warning)
    with before_anything_is_decided("read the catalog"):
        ledger.begin(config)
    yield config


@use("raw_listing", "catalog", "ledger")
@essential
def list_raw_files(
    config: Config, raw_listing: RawListing, catalog: Catalog, ledger: Ledger
) -> Iterator[Any]:
    """List every raw prefix; give what is not known yet: by key alone, then clinical files, then images."""
    with before_anything_is_decided("list the raw prefixes"), ExitStack() as stack:
        pending = stack.enter_context(catalog.pending(_listed(raw_listing, config), raw_listing.look))
        ledger.count_listing(pending.listed, pending.known, raw_listing.taken)
        stack.pop_all()
    with pending:
        numbered = enumerate(pending, 1)
        for phase, found in itertools.groupby(numbered, key=lambda item: item[1].phase):
            if phase == IMAGES:
                yield from _every_clinical_file_is_settled(ledger)
            for sequence, item in found:
                raw = keys.raw_object(
                    item.info, config, sequence, item.earlier, suggested=raw_listing.look is not None
                )
                if item.gone:
                    yield outcome(raw, Decided.DEFERRED, "vanished")
                else:
                    yield Outcome(raw, raw.decided, raw.reason) if isinstance(raw, RawOther) else raw
        yield from _every_clinical_file_is_settled(ledger)


@use("store", "assignments")
@accounted(RawClinical)
def process_patient_data(row: RawClinical, store: Store, assignments: Assignments) -> Any:
    """Decide a clinical file: whose it is, which group that patient belongs to, where the file goes."""
    patient, config = keys.canonical(row.pseudonym), row.config
    if _still_waits_for_its_site(row, patient, assignments):
        return outcome(row, Decided.DEFERRED, "unlisted-site")
    problem = identity.refusal(row.pseudonym, _rules(config, assignments))
    if problem is not None:
        return outcome(row, Decided.QUARANTINED, problem, patient=None)
    record = read_clinical(store, row.info)
    if isinstance(record, str):
        return outcome(row, Decided.QUARANTINED, record)
    if not clinical.agrees(record, row.pseudonym):
        return outcome(row, Decided.QUARANTINED, "identity-mismatch", site=record.site)
    assignment = assignments.adopt(row.pseudonym, config.hash)
    if assignment is None:
        decision = split.decide(patient, record.site, config)
        if isinstance(decision, str):
            end = Decided.DEFERRED if decision == "unlisted-site" else Decided.QUARANTINED
            return outcome(row, end, decision, site=record.site)
        assignment = assignments.claim(patient, row.pseudonym, decision, record.site or "", config.hash)
    return Copy(
        raw=row,
        target=assignments.place(
            assignment,
            row.pseudonym,
            lambda folder: keys.clinical_target(assignment.group, folder, row.status, row.date),
        ),
        assignment=assignment,
        site=record.site,
        flags=("site-differs",) if split.disagrees(assignment, record.site, config) else (),
    )


@use("store", "assignments", "large_headers")
@accounted(RawImage)
def process_image(row: RawImage, store: Store, assignments: Assignments, large_headers: Semaphore) -> Any:
    """Read an image's header, check it, and find its patient's group."""
    if _still_waits_for_its_patient(row, assignments):
        return outcome(row, Decided.DEFERRED, "no-clinical-data")
    rules = _rules(row.config, assignments)
    with permitted_header(store, row.info, rules, large_headers) as header:
        if isinstance(header, dicom.Rejection):
            return outcome(row, Decided.QUARANTINED, header.reason)
        large = len(header.data) > LARGE_HEADER
        if large:
            header = replace(header, data=b"")
    patient = keys.canonical(header.patient_id)
    assignment = assignments.adopt(header.patient_id, row.config.hash)
    if assignment is None:
        return outcome(
            row, Decided.DEFERRED, "no-clinical-data", patient=patient, image=ImageFacts.of(header)
        )
    return ReadImage(row, header, assignment, large)


@use("identities", "assignments")
@accounted(ReadImage)
def extract_dicom_metadata(row: ReadImage, identities: Identities, assignments: Assignments) -> Any:
    """Turn a header into its metadata document, once its study is known to be of this patient."""
    header, assignment = row.header, row.assignment
    if identities.claim_study(header.study_uid, assignment.patient) != assignment.patient:
        return outcome(row, Decided.QUARANTINED, "study-of-another-patient")
    target = assignments.place(
        assignment,
        header.patient_id,
        lambda folder: keys.image_target(
            assignment.group, header.type, folder, header.study_uid, header.series_uid, row.raw.file_name
        ),
    )
    metadata_key = keys.metadata_key(target)
    if identities.claim_document(metadata_key, target) != target:
        return outcome(row, Decided.QUARANTINED, "conflicting-copy")
    document, dropped = (None, 0) if row.large else dicom.metadata(header)
    return Copy(
        raw=row.raw,
        target=target,
        lane=identities.lane(header.sop_uid, target),
        assignment=assignment,
        metadata=PutJson(metadata_key, document),
        image=ImageFacts.of(header, dropped=dropped),
    )


@use("store", "identities", "assignments", "large_headers")
@accounted(Copy)
def copy_and_upload(
    row: Copy, store: Store, identities: Identities, assignments: Assignments, large_headers: Semaphore
) -> Any:
    """Copy the object to its place, and write its metadata beside it; nothing is ever replaced."""
    duplicate = same_instance(row, store, identities)
    if duplicate is not None:
        return duplicate
    if document_of_another(row, store):
        return outcome(row, Decided.QUARANTINED, "conflicting-copy")
    if not may_take_its_place(row, store, identities):
        return outcome(row, Decided.DEFERRED, "contended")
    target, stood = placed(row, store)
    if stood and not store.same_bytes(row.raw.info, target):
        return outcome(row, Decided.QUARANTINED, "conflicting-copy", target=target)
    decided, reason = (Decided.PRESENT, "same-bytes") if stood else (Decided.LOADED, None)
    if row.image is None:
        return outcome(row, decided, reason, target=target)
    # Its metadata may fail: the next image of its instance must find it all the same.
    identities.register_instance(row.image.sop_uid, row.raw.info, target)
    row, flags = _write_metadata(row, target, store, _rules(row.raw.config, assignments), large_headers)
    return outcome(row, decided, reason, target=target, flags=flags)


@use("ledger")
@essential
def record_outcomes(row: Outcome, ledger: Ledger) -> Iterator[Any]:
    """Write down what became of each object; nothing is passed on."""
    ledger.record(row)
    yield from ()


def patient_of(row: Row) -> str | int:
    """Clinical files of one patient are decided one at a time: the first claims the group."""
    return keys.canonical(row.pseudonym) if isinstance(row, RawClinical) else _alone(row)


def study_of(row: Row) -> str | int:
    """Images of one study are checked one at a time: the first tells whose study it is."""
    return row.header.study_uid if isinstance(row, ReadImage) else _alone(row)


def lane_of(row: Row) -> str | int:
    """Objects that may meet at one target or in one SOP instance are copied one at a time."""
    return (row.lane or row.target) if isinstance(row, Copy) else _alone(row)


def _alone(row: Row) -> int:
    """The key of a row that waits for no other: no two rows have one sequence."""
    return row.sequence if isinstance(row, Raw) else row.raw.sequence


def _listed(raw_listing: RawListing, config: Config) -> Iterator[tuple[ObjectInfo, int, str]]:
    for info in raw_listing.objects(config.raw_prefixes):
        yield info, *keys.reading_order(keys.raw_object(info, config))


def _every_clinical_file_is_settled(ledger: Ledger) -> Iterator[Any]:
    yield bonobo.BARRIER
    again = ledger.second_look()
    if again:
        yield from again
        yield bonobo.BARRIER


def _rules(config: Config, assignments: Assignments) -> identity.IdentityRules:
    return identity.IdentityRules(
        patient_id_pattern=config.patient_id_pattern,
        placeholder_ids=config.placeholder_ids,
        quarantine_non_images=config.quarantine_non_images,
        existing_folder=lambda identifier: assignments.has_folder(keys.canonical(identifier)),
    )


def _still_waits_for_its_site(row: RawClinical, patient: str, assignments: Assignments) -> bool:
    earlier = row.earlier
    return (
        earlier is not None
        and earlier.reason == "unlisted-site"
        and assignments.find(patient) is None
        and isinstance(split.decide(patient, earlier.site, row.config), str)
    )


def _still_waits_for_its_patient(row: RawImage, assignments: Assignments) -> bool:
    earlier = row.earlier
    return (
        earlier is not None
        and earlier.patient is not None
        and earlier.reason in _WAITS_FOR_ITS_PATIENT
        and assignments.find(earlier.patient) is None
    )


def _write_metadata(
    row: Copy, target: ObjectInfo, store: Store, rules: identity.IdentityRules, large_headers: Semaphore
) -> tuple[Copy, tuple[str, ...]]:
    """Write an image's metadata, a large header's from the copy, which nobody replaces meanwhile.

    Gives the row with what was learned of it, and its new flags.
    """
    document, image = row.metadata, row.image
    assert document is not None
    assert image is not None
    if document.data is not None:
        return row, put_document(store, document.key, document.data)
    with large_headers:
        header = read_stored_header(store, target, rules)
        assert isinstance(header, Header), "one version of an object gives one verdict"
        data, dropped = dicom.metadata(header)
        return replace(row, image=replace(image, dropped=dropped)), put_document(store, document.key, data)
