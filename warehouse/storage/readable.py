"""What a caller may read of a catalog: all of it, or what was published for one set."""

from __future__ import annotations

import logging

from warehouse.domain.records import GROUPS, Group
from warehouse.errors import Forbidden, QueryError, SettingsError, WarehouseError
from warehouse.storage.delta import DeltaCatalog
from warehouse.storage.snapshot import AsOf, Snapshot

log = logging.getLogger("warehouse")

EMPTY = "the catalog is empty: a load fills it; where it was lost, first run `warehouse catalog rebuild`"


def readable(catalog: DeltaCatalog, as_of: AsOf = None) -> Snapshot:
    """The catalog, or the one set that can be read where the catalog may not be, or is not there.

    Raises Forbidden where nothing may be read, SettingsError where nothing was loaded and where both sets can
    be read (one has to be named), StoreUnavailable where the catalog is lost, and QueryError where nothing
    was there by then.
    """
    try:
        snapshot = catalog.snapshot(as_of)
    except Forbidden as refused:
        return _one_set(catalog, as_of, "catalog/ may not be read", refused)
    if any(snapshot.sources.values()):
        if not snapshot.sources["objects"]:
            catalog.require_not_lost()
        return snapshot
    return _one_set(catalog, as_of, "there is no catalog/ here", SettingsError(EMPTY))


def published(catalog: DeltaCatalog, group: Group, as_of: AsOf = None) -> Snapshot:
    """What was published for a set, the last up to `as_of`; a warning says where that is another version.

    Raises QueryError where nothing was, and Forbidden.
    """
    snapshot = catalog.published(group, as_of)
    if snapshot.version is None:
        raise _nothing(group)
    if isinstance(as_of, int) and snapshot.version != as_of:
        log.warning(
            "version %s of the catalog answers: the last by %s for %s", snapshot.version, as_of, group
        )
    return snapshot


def _one_set(catalog: DeltaCatalog, as_of: AsOf, why: str, refusal: WarehouseError) -> Snapshot:
    """The only set that can be read; if there is none, raises `refusal`, or what says more."""
    found = []
    for group in GROUPS:
        try:
            snapshot = catalog.published(group, as_of)
        except Forbidden:
            continue
        except QueryError as error:
            refusal = error
            continue
        if snapshot.version is not None:
            found.append(group)
        elif isinstance(refusal, Forbidden):
            refusal = _nothing(group)
    if not found:
        raise refusal from None
    if len(found) > 1:
        raise SettingsError(f"{why}, but both sets can be read: name one with --set")
    log.warning("%s: this is what the readers of %s may see", why, found[0])
    return published(catalog, found[0], as_of)


def _nothing(group: Group) -> QueryError:
    return QueryError(f"nothing has been published for {group} yet: a load does that")
