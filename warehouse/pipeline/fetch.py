"""The nodes that fetch a cohort: what a manifest names is copied out of the warehouse, checked, once.

One object that fails never ends the run; a place that cannot be written at all does.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Collection, Iterator
from typing import TYPE_CHECKING, Any

from bonobo import use
from warehouse.domain import keys
from warehouse.domain.cohort import Part
from warehouse.domain.fetching import FetchAccount, Fetched, Folder, Wanted
from warehouse.domain.records import ObjectInfo
from warehouse.errors import (
    AlreadyExists,
    Archived,
    Changed,
    Forbidden,
    NotFound,
    Occupied,
    StoreError,
    StoreUnavailable,
)
from warehouse.pipeline.accounted import essential

if TYPE_CHECKING:
    from warehouse.storage.cohorts import ManifestFile
    from warehouse.storage.folder import FolderStore
    from warehouse.storage.store import Store

BLOCK = 8 * 1024 * 1024

# S3: the MD5 of the bytes, unless the object is encrypted with a key of one's own (API_Object, `ETag`).
_MD5 = re.compile(r"[0-9a-f]{32}")


class Damaged(Exception):
    """The bytes that came are not those that should have come."""


_REASONS: tuple[tuple[type[Exception], str], ...] = (
    (Damaged, "damaged"),
    (Occupied, "occupied"),
    (NotFound, "vanished"),
    (Changed, "changed"),
    (Archived, "archived"),
    (Forbidden, "forbidden"),
    (StoreError, "store-fault"),
    (Exception, "internal-error"),
)


@use("manifest", "parts")
@essential
def list_cohort(manifest: ManifestFile, parts: Collection[Part]) -> Iterator[Wanted | Folder]:
    """Give what the manifest names: images, their metadata documents, each patient's clinical files once."""
    folders = set()
    for entry in manifest.entries():
        if "images" in parts:
            yield Wanted(entry.key, entry.size, entry.etag or None)
        if "metadata" in parts:
            yield Wanted(keys.metadata_key(entry.key))
        if "clinical" in parts and entry.folder not in folders:
            folders.add(entry.folder)
            yield Folder(*entry.folder)


@use("store")
def list_clinical_files(row: Wanted | Folder, store: Store) -> Iterator[Any]:
    """Turn a patient's folder into the clinical files in it."""
    if isinstance(row, Wanted):
        yield row
        return
    prefix = keys.clinical_folder(row.group, row.name)
    try:
        for info in store.list(prefix):
            if info.defect is None and keys.standing_clinical(info.key) is not None:
                yield Wanted(info.key, info.size, info.etag)
    except Exception as error:
        yield Fetched(prefix, "failed", reason=_reason(error))


@use("store", "place", "etag_is_md5", "is_a_copy")
def fetch_object(
    row: Wanted | Fetched,
    store: Store,
    place: FolderStore,
    etag_is_md5: Callable[[ObjectInfo], bool],
    is_a_copy: bool,
) -> Fetched:
    """Copy one object out, unless it is there already; it appears whole and checked, or not at all."""
    if isinstance(row, Fetched):
        return row
    try:
        there = _standing(place, row.key)
        if there is None:
            try:
                made = place.create_from(row.key, _checked(row, store, etag_is_md5, is_a_copy))
                return Fetched(row.key, "fetched", made.size)
            except AlreadyExists:
                there = place.head(row.key)
        size = store.head(row.key).size if row.size is None else row.size
    except Exception as error:
        return Fetched(row.key, "failed", reason=_reason(error))
    if there.size != size:
        return Fetched(row.key, "failed", reason="occupied")
    return Fetched(row.key, "there", there.size)


@use("account")
@essential
def count_fetched(row: Fetched, account: FetchAccount) -> Iterator[Any]:
    """Take account of each object; nothing is passed on."""
    account.add(row)
    yield from ()


def _standing(place: FolderStore, key: str) -> ObjectInfo | None:
    try:
        return place.head(key)
    except NotFound:
        return None


def _checked(
    row: Wanted, store: Store, etag_is_md5: Callable[[ObjectInfo], bool], is_a_copy: bool
) -> Iterator[bytes]:
    """The bytes of one version of an object, a block at a time; at their end, wrong ones raise."""
    digest, total = hashlib.md5(usedforsecurity=False), 0
    chunk = store.read(row.key, length=BLOCK)
    info = chunk.info
    if row.size is not None and info.size != row.size:
        raise Changed("read", row.key)
    while chunk.data:
        digest.update(chunk.data)
        total += len(chunk.data)
        yield chunk.data
        if total >= info.size:
            break
        chunk = store.read(row.key, start=total, length=BLOCK, etag=info.etag)
    if total != info.size:
        raise Damaged
    md5 = digest.hexdigest()
    if _MD5.fullmatch(info.etag) and info.etag != md5 and etag_is_md5(info):
        raise Damaged
    _compare(row, info, md5, is_a_copy)


def _compare(row: Wanted, info: ObjectInfo, md5: str, is_a_copy: bool) -> None:
    """Raise unless the version is known to be the right one, or nothing is known of it.

    A folder's ETag begins with the size and goes on with a time, which a copy of the folder need not keep.
    """
    if row.etag is None or row.etag in (info.etag, md5):
        return
    if is_a_copy and row.etag.startswith(f"{info.size}-"):
        return
    raise Changed("read", row.key)


def _reason(error: Exception) -> str:
    if isinstance(error, StoreUnavailable):
        raise error
    if isinstance(error, Occupied) and error.operation == "read":
        # A link took the place of the object itself, not of its copy.
        return "changed"
    return next(reason for kind, reason in _REASONS if isinstance(error, kind))
