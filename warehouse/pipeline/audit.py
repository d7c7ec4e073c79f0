"""The nodes of `warehouse split audit`: the sources in branches of their own, which meet in one account."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson

from bonobo import use
from warehouse.domain import keys
from warehouse.domain.audit import SOURCES, Audit, Sighting, Unread, UnrecordedImage
from warehouse.domain.balance import Balance, People
from warehouse.domain.records import GROUPS, IMAGE_TYPES, Assignment, Group, ObjectInfo
from warehouse.pipeline.accounted import essential
from warehouse.pipeline.configuration import before_anything_is_decided
from warehouse.pipeline.lacking import reason_of
from warehouse.pipeline.sources import Source, Told

if TYPE_CHECKING:
    from warehouse.storage.sightings import Sightings
    from warehouse.storage.store import Store
    from warehouse.storage.unrecorded import UnrecordedImages


@dataclass(slots=True)
class Account:
    """What is asked, and the answer as it grows: a service, whose summary is what the command prints."""

    patients: bool = False
    format: str = "table"
    audit: Audit = field(default_factory=Audit)
    balance: Balance = field(default_factory=Balance)
    waits_for: set[Source] = field(default_factory=lambda: set(SOURCES))

    @property
    def exit_code(self) -> int:
        """The code by what was found."""
        return self.audit.exit_code

    def summary(self) -> str:
        """The findings in words, or as JSON; nothing where not all sources could be heard."""
        if self.waits_for:
            return ""
        if self.format == "json":
            return orjson.dumps(self.audit.figures(), option=orjson.OPT_INDENT_2).decode()
        return "\n".join(self.audit.text())


@use("store", "claim_of")
def read_claim(
    row: ObjectInfo | Told, store: Store, claim_of: Callable[[str, bytes], Assignment]
) -> Sighting | Unread | Told:
    """Read a claim: it puts its patient into its group."""
    if isinstance(row, Told):
        return row
    try:
        claim = claim_of(row.key, store.read(row.key, etag=row.etag).data)
    except Exception as error:
        return Unread("claim", reason_of(error), keys.claimed_patient(row.key))
    return Sighting("claims", "patient", claim.patient, claim.group)


@use("store", "unrecorded")
@essential
def list_standing_keys(
    store: Store, unrecorded: UnrecordedImages
) -> Iterator[Sighting | UnrecordedImage | Unread | Told]:
    """List both sets: each key puts its patient and its study into the set where it stands. Then give the
    images that the catalog does not know."""
    strangers = 0
    for group in GROUPS:
        last = None
        with before_anything_is_decided("list the sets"):
            for info in store.list(f"{group}/"):
                place = keys.standing_place(info.key)
                if place is not None:
                    yield from _noted(info, unrecorded)
                if place is None:
                    strangers += not info.key.startswith(f"{group}/catalog/") and not info.key.endswith("/")
                elif place != last:
                    last = place
                    yield from sightings_of(place, group)
    yield Told("keys", strangers=strangers)
    with before_anything_is_decided("read the catalog"):
        yield from unrecorded.images()
    yield Told("headers")


def sightings_of(place: tuple[str, str | None], group: Group) -> Iterator[Sighting]:
    """What the place of an object tells: its patient, and its study where there is one, are in that set."""
    patient, study = place
    yield Sighting("keys", "patient", patient, group)
    if study is not None:
        yield Sighting("keys", "study", study, group)


def _noted(info: ObjectInfo, unrecorded: UnrecordedImages) -> Iterator[Unread]:
    type_ = info.key.split("/", 2)[1]
    if info.key.endswith("/") or type_ == "data":
        return
    if type_ not in IMAGE_TYPES:
        if info.defect is None:
            unrecorded.add_document(info)
    elif info.defect is None:
        unrecorded.add_image(info)
    else:
        yield Unread("image", info.defect, info.key)


@use("sightings")
@essential
def ask_catalog(sightings: Sightings) -> Iterator[Sighting | People | Told]:
    """Ask the catalog what it put where, and who the patients of the sets are."""
    with before_anything_is_decided("read the catalog"):
        yield from sightings.of_catalog()
        yield from sightings.people()
    yield Told("catalog")


@use("sightings", "account")
@essential
def keep_sightings(
    row: Sighting | People | Unread | Told, sightings: Sightings, account: Account
) -> Iterator[Any]:
    """Where the sources meet: keep every row, and compare once all sources were heard."""
    match row:
        case Sighting():
            sightings.add(row)
        case People():
            account.balance.add(row)
        case Unread():
            account.audit.add_unread(row, named=account.patients)
        case Told():
            account.audit.strangers += row.strangers
            account.waits_for.discard(row.source)
            if not account.waits_for:
                _compare(sightings, account)
    yield from ()


def _compare(sightings: Sightings, account: Account) -> None:
    audit = account.audit
    audit.counts = sightings.counts()
    named = []
    for overlap in sightings.overlaps():
        audit.overlaps[overlap.kind] += 1
        if account.patients:
            named.append(overlap)
    audit.named = named
    audit.comparisons = list(account.balance.comparisons())
