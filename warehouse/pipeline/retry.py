"""The nodes of `warehouse retry`: listings in branches of their own, which meet beside the catalog.

Nothing is read but listings and the catalog, and nothing is written but rows of the catalog.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bonobo import use
from warehouse.config import Config
from warehouse.domain.again import Again, Retries
from warehouse.domain.records import GROUPS, ObjectInfo
from warehouse.pipeline.accounted import essential
from warehouse.pipeline.configuration import before_anything_is_decided, read_configuration
from warehouse.pipeline.sources import Source, Told

if TYPE_CHECKING:
    from warehouse.storage.catalog_again import SecondLooks
    from warehouse.storage.raw_listing import RawListing
    from warehouse.storage.retry_ledger import RetryLedger
    from warehouse.storage.store import Store


@dataclass(frozen=True, slots=True)
class Standing:
    """The key of an object that stands in one of the sets."""

    key: str


@dataclass(frozen=True, slots=True)
class Asked:
    """An object that is to be looked at again; None after the last one."""

    again: Again | None
    config: Config


@dataclass(slots=True)
class Heard:
    """Which sources are still to be heard, and the configuration that one of them tells: a service."""

    waits_for: set[Source] = field(default_factory=lambda: {"raw", "sets"})
    config: Config | None = None


@use("store", "raw_listing")
@essential
def list_raw_objects(store: Store, raw_listing: RawListing) -> Iterator[ObjectInfo | Told]:
    """List every raw prefix of config.json. Raises ConfigurationError."""
    config = read_configuration(store)
    with before_anything_is_decided("list the raw prefixes"):
        yield from raw_listing.objects(config.raw_prefixes)
    yield Told("raw", config)


@use("store", "retries")
@essential
def list_sets(store: Store, retries: Retries) -> Iterator[Standing | Told]:
    """List both sets, where it matters what is missing from them."""
    if retries.missing:
        with before_anything_is_decided("list the sets"):
            for group in GROUPS:
                for info in store.list(f"{group}/"):
                    if info.defect is None:
                        yield Standing(info.key)
                    else:
                        retries.obstacles += 1
    yield Told("sets")


@use("second_looks", "heard", "retries")
@essential
def choose(row: Any, second_looks: SecondLooks, heard: Heard, retries: Retries) -> Iterator[Asked]:
    """Where the listings meet: keep them, and ask the catalog once all were heard."""
    match row:
        case ObjectInfo():
            second_looks.add_listed(row)
        case Standing():
            second_looks.add_standing(row.key)
        case Told():
            heard.waits_for.discard(row.source)
            heard.config = heard.config or row.config
            if not heard.waits_for and heard.config is not None:
                yield from _asked(second_looks, retries, heard.config)


@use("retry_ledger", "retries")
@essential
def ask_for_another_look(row: Asked, retry_ledger: RetryLedger, retries: Retries) -> Iterator[Any]:
    """Write down what the next load is to decide again; nothing is passed on."""
    if row.again is not None:
        retry_ledger.record(row.again, row.config)
    else:
        retry_ledger.commit()
        retries.finished = True
    yield from ()


def _asked(second_looks: SecondLooks, retries: Retries, config: Config) -> Iterator[Asked]:
    with before_anything_is_decided("read the catalog"):
        found = second_looks.missing() if retries.missing else second_looks.quarantined(retries.reasons)
        for again in found:
            yield Asked(again, config)
        if retries.missing:
            retries.lost = second_looks.lost()
    yield Asked(None, config)
