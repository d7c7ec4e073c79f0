"""The nodes of `warehouse verify`: what stands, what should stand, and what documents say, judged.

Nothing is written. What could not be read is counted, and never passed for whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bonobo import use
from warehouse.config import Config
from warehouse.domain import keys
from warehouse.domain.audit import Sighting, Unread
from warehouse.domain.records import GROUPS, Group, ObjectInfo, RawClinical, RawImage
from warehouse.domain.verdict import VIOLATIONS, Verdict
from warehouse.domain.verify import Finding, Remark, contradiction, unrecorded
from warehouse.pipeline.accounted import essential
from warehouse.pipeline.audit import sightings_of
from warehouse.pipeline.configuration import before_anything_is_decided, read_configuration
from warehouse.pipeline.examine import Damage, Instance, Lacking
from warehouse.pipeline.sources import Source, Told

if TYPE_CHECKING:
    from warehouse.storage.evidence import Evidence
    from warehouse.storage.sightings import Sightings
    from warehouse.storage.store import Store


@dataclass(slots=True)
class Heard:
    """Which sources have told all: when all have, what they told together is judged."""

    waits_for: set[Source]
    damaged_claims: set[str]


def everything_to_hear() -> Heard:
    """At the beginning, none has told anything."""
    return Heard({"claims", "keys", "catalog"}, set())


@use("store", "evidence")
@essential
def gather_places(store: Store, evidence: Evidence) -> Iterator[Any]:
    """List the sets and the raw prefixes, read the catalog, and give each place with what is known of it."""
    with before_anything_is_decided("read what is to be verified"):
        config = read_configuration(store)
        for group in GROUPS:
            yield from _listed(store.list(f"{group}/"), group, evidence)
        for prefix in sorted({*config.raw_prefixes, *evidence.prefixes()}):
            _list_raw(store.list(prefix), config, evidence)
        evidence.join()
        yield from evidence.recorded()
        for place in evidence.unrecorded():
            kind = unrecorded(place)
            yield Finding(kind, place.name, place.copy.key) if kind in VIOLATIONS else Remark(kind)
            yield place
        yield from evidence.astray()
        yield from (Remark(kind, count) for kind, count in evidence.counts().items())
    yield Told("keys")


@use("sightings")
@essential
def ask_catalog(sightings: Sightings) -> Iterator[Sighting | Told]:
    """Ask the catalog what it put where."""
    with before_anything_is_decided("read the catalog"):
        yield from sightings.of_catalog()
    yield Told("catalog")


@use("evidence", "sightings", "verdict", "heard")
@essential
def keep_findings(
    row: Any, evidence: Evidence, sightings: Sightings, verdict: Verdict, heard: Heard
) -> Iterator[Any]:
    """Where the branches meet: keep every row, and judge what they show together once all were heard."""
    match row:
        case Sighting():
            sightings.add(row)
        case Finding():
            evidence.add_finding(row)
        case Damage(kind="no-source"):
            verdict.unread["copy", row.kind] += 1
        case Damage():
            evidence.add_damage(row.kind, row.place, row.digest, row.raw_digest)
        case Instance():
            evidence.add_instance(row.instance, row.name, row.key)
        case Remark():
            verdict.remarks[row.kind] += row.count
        case Unread(what="claim", reason="damaged"):
            heard.damaged_claims.add(row.identifier)
            evidence.add_patient("assignment-damaged", row.identifier)
        case Unread():
            heard.damaged_claims.add(row.identifier)
            verdict.unread[row.what, row.reason] += 1
        case Lacking():
            verdict.unread[row.what, row.reason] += 1
        case Told():
            heard.waits_for.discard(row.source)
            if not heard.waits_for:
                _conclude(evidence, sightings, verdict, heard)
    yield from ()


def _conclude(evidence: Evidence, sightings: Sightings, verdict: Verdict, heard: Heard) -> None:
    for overlap in sightings.overlaps():
        if overlap.kind == "patient":
            evidence.add_patient(contradiction(overlap), overlap.identifier)
    for patient, recorded in sightings.unclaimed():
        if patient in heard.damaged_claims:
            continue
        if recorded:
            evidence.add_patient("assignment-missing", patient)
        else:
            verdict.remarks["unclaimed"] += 1
    verdict.violations.update(dict(evidence.conclude()))
    verdict.looked.update(evidence.looked_at())
    verdict.complete = True


def _listed(infos: Iterator[ObjectInfo], group: Group, evidence: Evidence) -> Iterator[Sighting | Remark]:
    """Note what stands in a set; an object is named by its number in the listing of its prefix."""
    last, number, prefix = None, 0, ""
    for info in infos:
        name = info.key.split("/", 2)[1]
        number = number + 1 if name == prefix else 1
        prefix = name
        if name == "catalog" or info.key.endswith("/"):
            continue
        place = keys.standing_place(info.key)
        if place is not None and place != last:
            last = place
            yield from sightings_of(place, group)
        what = _what_stands(info) if place is not None and info.defect is None else None
        if what is None:
            yield Remark("stranger")
        else:
            evidence.add_standing(info, f"{group}/{name}#{number}", *what)


def _what_stands(info: ObjectInfo) -> tuple[str, dict[str, str | None]] | None:
    """What an object of a set is, and what its key says; None where it lies in no place of the layout."""
    image = keys.standing_image(info.key)
    if image is not None:
        said: dict[str, str | None] = {"study": image.study, "series": image.series, "match": image.file_name}
        return "image", {"group": image.group, "patient": keys.canonical(image.folder), **said}
    clinical = keys.standing_clinical(info.key)
    if clinical is not None:
        patient = keys.canonical(clinical.folder)
        match = _clinical_match(patient, clinical.status, clinical.date)
        return "clinical", {"group": clinical.group, "patient": patient, "match": match}
    document = keys.standing_metadata(info.key)
    if document is not None:
        said = {"study": document.study, "series": document.series}
        return "document", {"group": document.group, "patient": keys.canonical(document.folder), **said}
    return None


def _list_raw(infos: Iterator[ObjectInfo], config: Config, evidence: Evidence) -> None:
    for number, info in enumerate(infos, 1):
        raw = keys.raw_object(info, config, number)
        match = None
        if isinstance(raw, RawImage):
            match = raw.file_name
        elif isinstance(raw, RawClinical):
            match = _clinical_match(keys.canonical(raw.pseudonym), raw.status, raw.date)
        evidence.add_raw(info, keys.listed_name(raw), match)


def _clinical_match(patient: str, status: str, day: str) -> str:
    return f"{patient}/{status}/{day}"
