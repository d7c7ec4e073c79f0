"""What lies under the raw prefixes: listed live, or as an inventory suggests; where in doubt, it is checked.

A live listing is the truth of this moment. An inventory is a day old: what it says of an object that nobody
decided yet is looked at before it counts.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Protocol

from warehouse.domain.records import ObjectInfo
from warehouse.errors import NotFound, StoreError, StoreUnavailable
from warehouse.storage.catalog_suggested import Look
from warehouse.storage.inventory import Inventory
from warehouse.storage.store import Store
from warehouse.storage.together import list_together

# Keys that are looked at together.
TOGETHER = 1024


class RawListing(Protocol):
    """The raw objects. `look` tells how keys stand now, where the listing only suggests; else it is None.

    `taken` is when an inventory was begun, once it was read; None for a live listing.
    """

    @property
    def taken(self) -> datetime | None: ...

    @property
    def look(self) -> Look | None: ...

    def objects(self, prefixes: Sequence[str]) -> Iterator[ObjectInfo]:
        """Yield the objects under the prefixes. What cannot be finished raises."""
        ...


class LiveListing:
    """The store as it is now."""

    taken = None
    look = None

    def __init__(self, store: Store) -> None:
        self._store = store

    def objects(self, prefixes: Sequence[str]) -> Iterator[ObjectInfo]:
        """Yield the objects under the prefixes, which are listed at the same time."""
        return list_together(self._store, prefixes)


class InventoryListing:
    """An inventory, and the store that it is of; up to `threads` keys are looked at at once."""

    def __init__(self, inventory: Inventory, store: Store, threads: int) -> None:
        self._inventory = inventory
        self._store = store
        self._threads = threads

    @property
    def taken(self) -> datetime | None:
        return self._inventory.taken

    def objects(self, prefixes: Sequence[str]) -> Iterator[ObjectInfo]:
        """Yield the objects under the prefixes, in no order. Raises InventoryError, StoreFault."""
        return self._inventory.objects(prefixes)

    def look(self, keys: Iterable[str]) -> Iterator[tuple[str, ObjectInfo | None]]:
        """Each key with the object that stands there now; None where there is none.

        A key that cannot be looked at is left out: whoever reads the object meets the same, and says so.
        """
        remaining = iter(keys)
        with ThreadPoolExecutor(self._threads) as pool:
            while batch := list(itertools.islice(remaining, TOGETHER)):
                for key, found in zip(batch, pool.map(self._found, batch), strict=True):
                    if not isinstance(found, StoreError):
                        yield key, found

    def _found(self, key: str) -> ObjectInfo | StoreError | None:
        try:
            return self._store.head(key)
        except NotFound:
            return None
        except StoreUnavailable:
            raise
        except StoreError as error:
            return error
