"""Settings -> services: the only place where clients are made. What is opened here is closed here."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Generator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from functools import partial
from threading import Semaphore
from typing import Any

from warehouse.errors import SettingsError, StoreUnavailable
from warehouse.settings import Location, Settings
from warehouse.storage.assignments import Assignments
from warehouse.storage.aws import open_session, storage_options, usable_settings
from warehouse.storage.catalog import Catalog, MemoryCatalog
from warehouse.storage.counting import CountingStore
from warehouse.storage.delta import DeltaCatalog
from warehouse.storage.dryrun import DryRunStore
from warehouse.storage.folder import FolderStore
from warehouse.storage.identities import Identities
from warehouse.storage.ledger import Ledger
from warehouse.storage.s3 import S3Store
from warehouse.storage.standing import standing_studies
from warehouse.storage.store import Store

log = logging.getLogger("warehouse")

# Headers of up to 64 MiB are read by few at a time, and do not travel: see `ReadImage`.
LARGE_HEADERS = 2


def utc_now() -> datetime:
    """The time, aware, in UTC."""
    return datetime.now(UTC)


@contextmanager
def loader_services(settings: Settings) -> Generator[Mapping[str, Any]]:
    """The services of one run of the loader, by name. Raises StoreUnavailable before anything is read."""
    for warning in settings.warnings:
        log.warning(warning)
    with (
        open_warehouse(settings) as (store, catalog),
        run_services(store, catalog, strict=settings.strict, dry_run=settings.dry_run) as services,
    ):
        yield services


@contextmanager
def open_warehouse(settings: Settings) -> Generator[tuple[Store, Catalog]]:
    """The store and the catalog that the settings name, found usable; overlays of them for a dry run.

    Raises SettingsError, and StoreUnavailable with a sentence that names the bucket or folder.
    """
    store, catalog = _open(settings)
    with closing(store), closing(catalog):
        _check(store, settings.location)
        if settings.dry_run:
            yield DryRunStore(store), MemoryCatalog(base=catalog)
        else:
            yield store, catalog


@contextmanager
def run_services(
    store: Store,
    catalog: Catalog,
    *,
    strict: bool = False,
    dry_run: bool = False,
    clock: Callable[[], datetime] = utc_now,
) -> Generator[Mapping[str, Any]]:
    """The services of one run over any store and catalog; the run's row is written when it ends."""
    run = new_run(clock())
    counted = CountingStore(store)
    ledger = Ledger(catalog, run=run, clock=clock, requests=counted.counts, strict=strict, dry_run=dry_run)
    with (
        closing(ledger),
        closing(Identities(catalog, partial(standing_studies, counted, catalog))) as identities,
    ):
        try:
            yield {
                "store": counted,
                "catalog": catalog,
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


def _open(settings: Settings) -> tuple[FolderStore | S3Store, DeltaCatalog]:
    location = settings.location
    if location.kind == "folder":
        return FolderStore(location.name), DeltaCatalog(location.name)
    session = open_session(settings.profile, settings.role_arn)
    with usable_settings():
        store = S3Store(
            location.name,
            session=session,
            endpoint_url=settings.endpoint_url,
            copy_mode=settings.copy_mode,
            concurrency=settings.concurrency,
        )
    return store, DeltaCatalog(
        str(location), lambda: storage_options(session, settings.endpoint_url, store.region)
    )


def _check(store: FolderStore | S3Store, location: Location) -> None:
    try:
        store.check()
    except StoreUnavailable as error:
        hint = " (there is no folder of that name here either)" if location.bare else ""
        raise StoreUnavailable("check", cause=f"{location} cannot be used: {error}{hint}") from error
    except OSError as error:
        # The stores translate their own; what is left is a file that the AWS settings name.
        said = "a file that the AWS settings name cannot be read: look at AWS_WEB_IDENTITY_TOKEN_FILE"
        raise SettingsError(said) from error
