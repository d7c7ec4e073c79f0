"""Settings -> services: the only place where clients are made. What is opened here is closed here."""

from __future__ import annotations

import logging
import os
import secrets
import tempfile
from collections.abc import Callable, Collection, Generator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from threading import Semaphore
from typing import TYPE_CHECKING, Any, TypeVar

from warehouse.domain.centres import Centres
from warehouse.domain.cohort import Part
from warehouse.domain.fetching import FetchAccount
from warehouse.domain.records import Group
from warehouse.domain.shortfall import Shortfall
from warehouse.errors import Forbidden, InventoryError, SettingsError, StoreUnavailable
from warehouse.lines import Lines
from warehouse.settings import DEFAULT_CONCURRENCY, Location, Settings
from warehouse.storage.assignments import Assignments, SharedAssignments, restore_claims
from warehouse.storage.aws import open_session, storage_options, usable_settings
from warehouse.storage.catalog import Catalog, MemoryCatalog
from warehouse.storage.catalog_files import CatalogFiles, FolderCatalogFiles, S3CatalogFiles
from warehouse.storage.catalog_sql import SqlCatalog
from warehouse.storage.clinical_files import by_patient
from warehouse.storage.cohorts import ManifestFile
from warehouse.storage.counting import CountingStore
from warehouse.storage.delta import DeltaCatalog
from warehouse.storage.dryrun import DryRunStore
from warehouse.storage.folder import FolderStore
from warehouse.storage.folder_probe import FolderProbe
from warehouse.storage.identities import Identities
from warehouse.storage.inventory import Inventory
from warehouse.storage.ledger import Ledger
from warehouse.storage.local_files import MessageFile
from warehouse.storage.processed import Archive, FolderProcessed, LocalTables, Processed, S3Processed
from warehouse.storage.raw_listing import InventoryListing, LiveListing, RawListing
from warehouse.storage.readable import published, readable
from warehouse.storage.s3 import UNUSABLE, S3Store
from warehouse.storage.s3_probe import S3Probe
from warehouse.storage.snapshot import AsOf, Snapshot
from warehouse.storage.standing import standing_studies
from warehouse.storage.store import Store

if TYPE_CHECKING:
    import boto3

log = logging.getLogger("warehouse")

# Headers of up to 64 MiB are read by few at a time, and do not travel: see `ReadImage`.
LARGE_HEADERS = 2

# Metadata documents are read from their beginning; those of which much is needed, by few at a time.
LARGE_DOCUMENTS = 2

MESSAGE = "message.txt"

Bucket = TypeVar("Bucket", bound=S3Store)
Folder = TypeVar("Folder", bound=FolderStore)


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
        _open_inventory(settings) as inventory,
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
        with closing(Identities(catalog, partial(standing_studies, counted, catalog))) as identities:
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
        _open_place(settings) as place,
        tempfile.TemporaryDirectory(prefix="warehouse-tables-", ignore_cleanup_errors=True) as folder,
        Tables(Path(folder)) as tables,
    ):
        counted = CountingStore(store)
        yield {
            "store": counted,
            "listings": Listings(counted, catalog),
            "large_documents": Semaphore(LARGE_DOCUMENTS),
            "tables": tables,
            "archive": Archive(place, "" if _stays_local(settings) else archive_name(clock())),
            "shortfall": Shortfall(),
        }


@contextmanager
def open_warehouse(settings: Settings) -> Generator[tuple[Store, SqlCatalog]]:
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
def open_for_rebuilding(settings: Settings) -> Generator[tuple[Store, DeltaCatalog, CatalogFiles]]:
    """The store, which cannot be written through; the catalog; and the objects under `catalog/`.

    Raises SettingsError, StoreUnavailable.
    """
    store, catalog = _open(settings)
    files = _open_beside(settings, settings.location, FolderCatalogFiles, S3CatalogFiles)
    with closing(store), closing(catalog), closing(files):
        for one in (store, files):
            _check(one, settings.location)
        yield DryRunStore(store), catalog, files


def catalog_version(settings: Settings) -> int | None:
    """The version of the catalog as it stands now, None before the first.

    Raises SettingsError, StoreError.
    """
    store, catalog = _open(settings)
    with closing(store), closing(catalog):
        # It is the check that finds out where a bucket is.
        _check(store, settings.location)
        return catalog.version()


@contextmanager
def open_probe(settings: Settings) -> Generator[tuple[FolderProbe | S3Probe, Callable[[], None]]]:
    """What is tried before a first load, and what raises StoreUnavailable where it cannot be used at all."""
    location = settings.location
    probe = _open_beside(settings, location, FolderProbe, S3Probe)
    with closing(probe):
        yield probe, partial(_check, probe, location)


@contextmanager
def open_probes_beside(settings: Settings) -> Generator[tuple[S3Probe, S3Probe]]:
    """The buckets of the summary tables and of the inventory, to be tried."""
    session = open_session(settings.profile, settings.role_arn)
    tables, inventory = (
        _open_bucket(S3Probe, _beside(settings.location, purpose).name, settings, session)
        for purpose in ("processed", "inventory")
    )
    with closing(tables), closing(inventory):
        yield tables, inventory


@contextmanager
def open_inventory_copy(settings: Settings, folder: Path) -> Generator[tuple[Inventory, FolderStore]]:
    """The inventory that stands beside the warehouse, and the folder that it is to be copied into.

    Raises SettingsError, InventoryError.
    """
    with _inventory_beside(settings) as inventory, closing(_open_folder(folder)) as place:
        yield inventory, place


@contextmanager
def open_snapshot(settings: Settings, group: Group | None = None, as_of: AsOf = None) -> Generator[Snapshot]:
    """What the caller may ask: the catalog, or one set's tables, by wish or where only those may be read.

    Raises SettingsError, QueryError (nothing was there by then), and StoreError.
    """
    store, catalog = _open(settings)
    with closing(store), closing(catalog):
        _check_for_a_reader(store, settings.location)
        try:
            snapshot = published(catalog, group, as_of) if group else readable(catalog, as_of)
        except Forbidden as error:
            if not settings.location.bare:
                raise
            cause = f"{error.cause}; there is no folder named {settings.location.name} here either"
            raise Forbidden(error.operation, cause=cause) from error
        yield snapshot


@contextmanager
def open_for_a_look(settings: Settings) -> Generator[tuple[Store, Snapshot]]:
    """The store and the whole catalog as it stands now, for who looks at both and writes to neither.

    Raises SettingsError and StoreError.
    """
    # A dry run's store: not even a mistake could write through it.
    with open_warehouse(replace(settings, dry_run=True)) as (store, catalog):
        yield store, catalog.snapshot()


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
    store, catalog = _open(settings)
    with closing(catalog), closing(store), closing(_open_folder(folder)) as place:
        _check_for_a_reader(store, settings.location)
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


def _open_folder(path: Path) -> FolderStore:
    """A folder of this machine, made where it is missing, and found usable."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(f"the folder cannot be made: {error.strerror}") from None
    place = FolderStore(path)
    place.check()
    return place


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


def _stays_local(settings: Settings) -> bool:
    return settings.local_only or settings.dry_run


@contextmanager
def _open_place(settings: Settings) -> Generator[Processed]:
    """Where the tables go, found usable: a folder of this machine, or what stands beside the warehouse."""
    if _stays_local(settings):
        local = LocalTables(settings.out or Path(tempfile.mkdtemp(prefix="warehouse-tables-")))
        local.check()
        yield local
        return
    beside = _beside(settings.location, "processed")
    with closing(_open_beside(settings, beside, FolderProcessed, S3Processed)) as place:
        _check(place, beside)
        yield place


def _beside(location: Location, purpose: str) -> Location:
    """Where something of a warehouse is kept that is no part of it: `<name>-<purpose>`."""
    name = os.path.abspath(location.name) if location.kind == "folder" else location.name
    return Location(location.kind, f"{name}-{purpose}")


def _open_beside(
    settings: Settings, beside: Location, folder: Callable[[str], Folder], bucket: type[Bucket]
) -> Folder | Bucket:
    """What is kept beside the warehouse, in a store of its kind."""
    if beside.kind == "folder":
        return folder(beside.name)
    return _open_bucket(bucket, beside.name, settings, open_session(settings.profile, settings.role_arn))


@contextmanager
def _open_inventory(settings: Settings) -> Generator[Inventory | None]:
    """The inventory that stands beside the warehouse, its place found usable; None where none is wanted."""
    if not settings.inventory:
        yield None
        return
    with _inventory_beside(settings) as inventory:
        yield inventory


@contextmanager
def _inventory_beside(settings: Settings) -> Generator[Inventory]:
    beside = _beside(settings.location, "inventory")
    place = _open_beside(settings, beside, FolderStore, S3Store)
    bucket = os.path.basename(beside.name).removesuffix("-inventory")
    with closing(Inventory(place, bucket, max_age=settings.inventory_max_age, clock=utc_now)) as inventory:
        try:
            _check(place, beside)
        except StoreUnavailable as error:
            said = "set it up (docs/inventory.md), or load without --inventory"
            raise InventoryError(f"there is no inventory to list by: {error}; {said}") from error
        yield inventory


def _open(settings: Settings) -> tuple[FolderStore | S3Store, DeltaCatalog]:
    location = settings.location
    if location.kind == "folder":
        return FolderStore(location.name), DeltaCatalog(location.name)
    session = open_session(settings.profile, settings.role_arn)
    store = _open_bucket(S3Store, location.name, settings, session)
    return store, DeltaCatalog(
        str(location), lambda: storage_options(session, settings.endpoint_url, store.region)
    )


def _open_bucket(kind: type[Bucket], name: str, settings: Settings, session: boto3.Session) -> Bucket:
    with usable_settings():
        return kind(
            name,
            session=session,
            endpoint_url=settings.endpoint_url,
            copy_mode=settings.copy_mode,
            concurrency=settings.concurrency,
        )


def _check_for_a_reader(store: FolderStore | S3Store, location: Location) -> None:
    """As `_check`; but who may read one set only may not ask for the bucket itself."""
    try:
        _check(store, location)
    except StoreUnavailable as error:
        if getattr(error.__cause__, "cause", None) != UNUSABLE[Forbidden]:
            raise


def _check(store: FolderStore | S3Store, location: Location) -> None:
    try:
        store.check()
    except StoreUnavailable as error:
        said = f"{location} cannot be used: {error}{_hint(location)}"
        raise StoreUnavailable("check", cause=said) from error
    except OSError as error:
        # The stores translate their own; what is left is a file that the AWS settings name.
        said = "a file that the AWS settings name cannot be read: look at AWS_WEB_IDENTITY_TOKEN_FILE"
        raise SettingsError(said) from error


def _hint(location: Location) -> str:
    """What may be wrong with the name of a bucket or folder, and where it came from."""
    hints = ["there is no folder of that name here either"] if location.bare else []
    hints += [f"named by {location.origin}"] if location.origin else []
    return f" ({'; '.join(hints)})" if hints else ""
