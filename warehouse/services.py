"""Settings -> services of a run, by name, over what is opened for it."""

from __future__ import annotations

import logging
import secrets
import tempfile
from collections.abc import Callable, Collection, Generator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from threading import Semaphore
from typing import Any

from warehouse.domain.centres import Centres
from warehouse.domain.cohort import Part
from warehouse.domain.fetching import FetchAccount
from warehouse.domain.shortfall import Shortfall
from warehouse.lines import Lines
from warehouse.opening import open_for_fetching, open_inventory, open_place, open_warehouse, stays_local
from warehouse.settings import DEFAULT_CONCURRENCY, Settings
from warehouse.storage.assignments import Assignments, SharedAssignments, restore_claims
from warehouse.storage.catalog import Catalog
from warehouse.storage.clinical_files import by_patient
from warehouse.storage.cohorts import ManifestFile
from warehouse.storage.counting import CountingStore
from warehouse.storage.identities import Identities
from warehouse.storage.inventory import Inventory
from warehouse.storage.ledger import Ledger
from warehouse.storage.local_files import MessageFile
from warehouse.storage.processed import Archive
from warehouse.storage.raw_listing import InventoryListing, LiveListing, RawListing
from warehouse.storage.s3 import S3Store
from warehouse.storage.standing import standing_studies
from warehouse.storage.store import Store

log = logging.getLogger("warehouse")

# Headers of up to 64 MiB are read by few at a time, and do not travel: see `ReadImage`.
LARGE_HEADERS = 2

# Metadata documents are read from their beginning; those of which much is needed, by few at a time.
LARGE_DOCUMENTS = 2

MESSAGE = "message.txt"


def utc_now() -> datetime:
    """The time, aware, in UTC."""
    return datetime.now(UTC)


@contextmanager
def loader_services(settings: Settings, *, run: str | None = None) -> Generator[Mapping[str, Any]]:
    """The services of one run of the loader, by name; `run` is its name, a new one unless it is given.

    Raises StoreUnavailable before anything is read.
    """
    _warn(settings)
    with (
        open_warehouse(settings) as (store, catalog),
        open_inventory(settings) as inventory,
        run_services(
            store,
            catalog,
            run=run,
            strict=settings.strict,
            dry_run=settings.dry_run,
            inventory=inventory,
            concurrency=settings.concurrency,
        ) as services,
    ):
        yield services


@contextmanager
def spread_loader_services(settings: Settings, run: str) -> Generator[Mapping[str, Any]]:
    """As `loader_services`, of a run whose images are worked on in other processes (`loader_services_there`).

    Those look for claims alone: one that the catalog knows, and that is gone, is put back first.
    """
    with loader_services(settings, run=run) as services:
        restored = restore_claims(services["store"], services["catalog"].assignments())
        if restored:
            log.warning("%d claims of patients were gone: put back as the catalog knows them", restored)
        yield services


@contextmanager
def loader_services_there(settings: Settings, run: str) -> Generator[Mapping[str, Any]]:
    """The services of a process that works on the images of a run, by name; `run` is that run's name.

    Raises SettingsError, StoreUnavailable.
    """
    with open_warehouse(settings) as (store, catalog):
        counted = CountingStore(store)
        standing = partial(standing_studies, counted, catalog)
        with closing(Identities(catalog, standing, shared=True)) as identities:
            yield {
                "store": counted,
                "assignments": SharedAssignments(counted, run=run, clock=utc_now),
                "identities": identities,
                "large_headers": Semaphore(LARGE_HEADERS),
            }


@contextmanager
def process_services_there(settings: Settings) -> Generator[Mapping[str, Any]]:
    """The services of a process that reads documents for the summary tables, by name.

    Raises SettingsError, StoreUnavailable.
    """
    with open_warehouse(replace(settings, dry_run=False)) as (store, _):
        yield {"store": CountingStore(store), "large_documents": Semaphore(LARGE_DOCUMENTS)}


@contextmanager
def centres_services(
    settings: Settings, *, output: Callable[[str], None] | None = None
) -> Generator[Mapping[str, Any]]:
    """The services of one run that prints the submitting centres, by name; `output` prints whole lines.

    Raises StoreUnavailable before anything is read.
    """
    _warn(settings)
    message = Path(tempfile.gettempdir(), MESSAGE) if settings.message else None
    with open_warehouse(settings) as (store, _):
        yield {
            "store": CountingStore(store),
            "by_patient": by_patient,
            "centres": Centres(),
            "output": output or Lines().print,
            "message": MessageFile(message),
            "shortfall": Shortfall(),
        }


@contextmanager
def process_services(
    settings: Settings, clock: Callable[[], datetime] = utc_now
) -> Generator[Mapping[str, Any]]:
    """The services of one run that makes the summary tables, by name.

    Raises StoreUnavailable before anything is read, also where the tables would have no place.
    """
    # Imported here, since both read pydicom, and most commands look into no header.
    from warehouse.storage.listings import Listings
    from warehouse.storage.tables import Tables

    _warn(settings)
    with (
        open_warehouse(replace(settings, dry_run=False)) as (store, catalog),
        open_place(settings) as place,
        tempfile.TemporaryDirectory(prefix="warehouse-tables-", ignore_cleanup_errors=True) as folder,
        Tables(Path(folder)) as tables,
    ):
        counted = CountingStore(store)
        yield {
            "store": counted,
            "listings": Listings(counted, catalog),
            "large_documents": Semaphore(LARGE_DOCUMENTS),
            "tables": tables,
            "archive": Archive(place, "" if stays_local(settings) else archive_name(clock())),
            "shortfall": Shortfall(),
        }


@contextmanager
def fetch_services(
    settings: Settings,
    manifest: ManifestFile,
    parts: Collection[Part],
    folder: Path,
    *,
    is_a_copy: bool = False,
) -> Generator[Mapping[str, Any]]:
    """The services of one run that fetches a cohort into a folder, by name.

    `is_a_copy` where the warehouse may be a copy of that which the manifest was made of.
    Raises SettingsError and StoreUnavailable before anything is fetched.
    """
    with open_for_fetching(settings, folder) as (store, place):
        yield {
            "manifest": manifest,
            "parts": parts,
            "store": store,
            "etag_is_md5": store.etag_is_md5 if isinstance(store, S3Store) else _never,
            "place": place,
            "is_a_copy": is_a_copy,
            "account": FetchAccount(),
        }


def _never(_: object) -> bool:
    return False


@contextmanager
def run_services(
    store: Store,
    catalog: Catalog,
    *,
    run: str | None = None,
    strict: bool = False,
    dry_run: bool = False,
    inventory: Inventory | None = None,
    concurrency: int = DEFAULT_CONCURRENCY,
    clock: Callable[[], datetime] = utc_now,
) -> Generator[Mapping[str, Any]]:
    """The services of one run over any store and catalog; the run's row is written when it ends.

    `run` is its name (`new_run`), a new one unless it is given.
    With `inventory`, the raw objects are those that it suggests.
    """
    run = run or new_run(clock())
    counted = CountingStore(store)
    raw_listing: RawListing = LiveListing(counted)
    if inventory is not None:
        raw_listing = InventoryListing(inventory, counted, concurrency)

    def requests() -> Mapping[str, int]:
        return {**counted.counts(), **(inventory.requests() if inventory is not None else {})}

    ledger = Ledger(catalog, run=run, clock=clock, requests=requests, strict=strict, dry_run=dry_run)
    with (
        closing(ledger),
        closing(Identities(catalog, partial(standing_studies, counted, catalog))) as identities,
    ):
        try:
            yield {
                "store": counted,
                "catalog": catalog,
                "raw_listing": raw_listing,
                "assignments": Assignments(counted, catalog.assignments, run=run, clock=clock),
                "identities": identities,
                "ledger": ledger,
                "large_headers": Semaphore(LARGE_HEADERS),
            }
        except BaseException as error:
            ledger.ended_by(error)
            raise


def new_run(now: datetime) -> str:
    """The name of a run: sortable by its start, unlike any other run's."""
    return f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"


def archive_name(now: datetime) -> str:
    """The name of an archive of tables: the time in UTC (ISO 8601), so that names sort by their age."""
    return now.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _warn(settings: Settings) -> None:
    for warning in settings.warnings:
        log.warning(warning)
