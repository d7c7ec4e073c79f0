"""Settings -> services: the only place where clients are made. What is opened here is closed here."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Generator, Mapping
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from threading import Semaphore
from typing import Any

import boto3

from warehouse.settings import Location, Settings
from warehouse.storage.assignments import Assignments
from warehouse.storage.catalog import Catalog, MemoryCatalog
from warehouse.storage.counting import CountingStore
from warehouse.storage.delta import DeltaCatalog
from warehouse.storage.dryrun import DryRunStore
from warehouse.storage.folder import FolderStore
from warehouse.storage.identities import Identities
from warehouse.storage.ledger import Ledger
from warehouse.storage.s3 import S3Store
from warehouse.storage.store import Store

log = logging.getLogger("warehouse")

LARGE_HEADERS = 3  # of at most 64 MiB each: read-ahead stays under 256 MiB over all workers


@contextmanager
def loader_services(settings: Settings) -> Generator[Mapping[str, Any]]:
    """The services of the loader, by name, for one run. Raises StoreUnavailable before anything is read."""
    for warning in settings.warnings:
        log.warning(warning)
    with open_store(settings) as store, open_catalog(settings) as catalog:
        with run_services(store, catalog, strict=settings.strict, dry_run=settings.dry_run) as services:
            yield services
