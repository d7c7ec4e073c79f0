"""What a caller may read of a catalog: all of it, or what was published for one set."""

from __future__ import annotations

import logging
from contextlib import suppress

from warehouse.domain.records import GROUPS, Group
from warehouse.errors import Forbidden, QueryError, SettingsError
from warehouse.storage.delta import DeltaCatalog
from warehouse.storage.snapshot import AsOf, Snapshot

log = logging.getLogger("warehouse")


def readable(catalog: DeltaCatalog, as_of: AsOf = None) -> Snapshot:
    """The catalog, or the one set that may be read where the catalog may not.

    Raises Forbidden where nothing may be read, and SettingsError where both sets may: one has to be named.
    """
    try:
        return catalog.snapshot(as_of)
    except Forbidden as refused:
        found = {}
        for group in GROUPS:
            with suppress(Forbidden):
                found[group] = published(catalog, group, as_of)
        if not found:
            raise refused from None
    if len(found) > 1:
        raise SettingsError("the whole catalog may not be read, but both sets may: name one with --set")
    ((group, snapshot),) = found.items()
    log.warning("catalog/ may not be read: this is what the readers of %s may see", group)
    return snapshot


def published(catalog: DeltaCatalog, group: Group, as_of: AsOf = None) -> Snapshot:
    """What was published for a set. Raises QueryError where nothing was, and Forbidden."""
    snapshot = catalog.published(group, as_of)
    if snapshot.version is None:
        raise QueryError(f"nothing has been published for {group} yet: a load does that")
    return snapshot
