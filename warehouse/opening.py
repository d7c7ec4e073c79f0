"""Settings -> stores and catalogs, found usable: the only place where clients are made.

What is opened here is closed here.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from warehouse.domain.records import Group
from warehouse.errors import Forbidden, InventoryError, SettingsError, StoreUnavailable
from warehouse.settings import Location, Settings
from warehouse.storage.aws import open_session, storage_options, usable_settings
from warehouse.storage.catalog import MemoryCatalog
from warehouse.storage.catalog_files import CatalogFiles, FolderCatalogFiles, S3CatalogFiles
from warehouse.storage.catalog_sql import SqlCatalog
from warehouse.storage.delta import DeltaCatalog
from warehouse.storage.dryrun import DryRunStore
from warehouse.storage.folder import FolderStore
from warehouse.storage.folder_probe import FolderProbe
from warehouse.storage.inventory import Inventory
from warehouse.storage.processed import FolderProcessed, LocalTables, Processed, S3Processed
from warehouse.storage.readable import published, readable
from warehouse.storage.s3 import UNUSABLE, S3Store
from warehouse.storage.s3_probe import S3Probe
from warehouse.storage.snapshot import AsOf, Snapshot
from warehouse.storage.store import Store

if TYPE_CHECKING:
    import boto3

Bucket = TypeVar("Bucket", bound=S3Store)
Folder = TypeVar("Folder", bound=FolderStore)


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

    Raises SettingsError, StoreError, and StoreUnavailable where the catalog is lost.
    """
    # A dry run's store: not even a mistake could write through it.
    with open_warehouse(replace(settings, dry_run=True)) as (store, catalog):
        snapshot = catalog.snapshot()
        if not snapshot.sources["objects"]:
            catalog.require_not_lost()
        yield store, snapshot


def _open_folder(path: Path) -> FolderStore:
    """A folder of this machine, made where it is missing, and found usable."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(f"the folder cannot be made: {error.strerror}") from None
    place = FolderStore(path)
    place.check()
    return place


def stays_local(settings: Settings) -> bool:
    return settings.local_only or settings.dry_run


@contextmanager
def open_place(settings: Settings) -> Generator[Processed]:
    """Where the tables go, found usable: a folder of this machine, or what stands beside the warehouse."""
    if stays_local(settings):
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
def open_inventory(settings: Settings) -> Generator[Inventory | None]:
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
    now = partial(datetime.now, UTC)
    with closing(Inventory(place, bucket, max_age=settings.inventory_max_age, clock=now)) as inventory:
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


@contextmanager
def open_for_fetching(
    settings: Settings, folder: Path
) -> Generator[tuple[FolderStore | S3Store, FolderStore]]:
    """The store, for who may read one set only as well, and the folder that objects are fetched into.

    Raises SettingsError and StoreUnavailable.
    """
    store, catalog = _open(settings)
    with closing(catalog), closing(store), closing(_open_folder(folder)) as place:
        _check_for_a_reader(store, settings.location)
        yield store, place
