"""A new catalog in the place of one that is gone or damaged: gathered whole, then put there in one commit.

What stands is looked at first, and removed only when every new row is on the disk and checked. Cut short
after that, it leaves what nobody takes for a catalog, and the same command ends it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from warehouse.domain.rebuilding import Claim
from warehouse.domain.records import Outcome
from warehouse.errors import SettingsError, StoreError, StoreFault
from warehouse.storage.catalog_files import PREFIX, CatalogFiles, remove_all, require_to_be_replaceable
from warehouse.storage.catalog_schema import decision_row
from warehouse.storage.delta import DeltaCatalog
from warehouse.storage.gathered_rows import GatheredRows

log = logging.getLogger("warehouse")

_READABLE = (
    "a catalog stands here and can be read, so that there is nothing to make anew; --replace does it all the"
    " same: its older versions and its runs are gone then"
)
_DAMAGED = "a damaged catalog stands here: --replace removes it, and puts a new one in its place"
_LEFT = "catalog/ holds objects of no catalog: --replace removes them, and puts a new one there"

# They read a little of every file, so that one that is missing is found.
_WHOLE = ("SELECT max(time) FROM objects", "SELECT max(ended) FROM runs")


class NewCatalog:
    """The catalog of one rebuilding. For one thread at a time, but for `require_to_be_wanted`."""

    def __init__(
        self,
        catalog: DeltaCatalog,
        files: CatalogFiles,
        rows: GatheredRows,
        *,
        replace: bool,
        run: str,
        clock: Callable[[], datetime],
    ) -> None:
        self._catalog = catalog
        self._files = files
        self._rows = rows
        self._replace = replace
        self._run = run
        self._time = clock()
        self._patients: set[str] = set()

    def require_to_be_wanted(self) -> None:
        """Raise SettingsError where something stands under `catalog/` and is not to be replaced.

        Raises StoreUnavailable where what is no folder stands in its place, which is nobody's to remove, and
        StoreError where it is to be replaced and could not be.
        """
        self._catalog.require_place()
        if next(self._files.list(PREFIX), None) is None:
            return
        if not self._replace:
            raise SettingsError(self._what_stands())
        require_to_be_replaceable(self._files)

    def add(self, outcome: Outcome) -> None:
        """Take one row. Raises StoreError."""
        if outcome.assignment is not None:
            self._patients.add(outcome.assignment.patient)
        outcome = replace(outcome, raw=replace(outcome.raw, sequence=len(self._rows) + 1))
        configuration = outcome.raw.config.hash
        self._rows.add(decision_row(outcome, run=self._run, time=self._time, configuration=configuration))

    def untold(self, claims: Mapping[str, Claim]) -> Iterator[Claim]:
        """The claims of patients of whom no row tells yet."""
        return (claim for patient, claim in sorted(claims.items()) if patient not in self._patients)

    def replace_the_old_one(self) -> None:
        """Remove what stands, and commit the rows. Raises StoreError."""
        rows = self._rows.checked()
        if self._replace:
            remove_all(self._files)
        self._catalog.make(rows)

    def publish(self) -> bool:
        """Bring what the readers of each set may ask up to the new catalog; False where it fails."""
        try:
            self._catalog.publish()
        except StoreError as error:
            log.warning("the tables of the two sets were not brought up to date; a load does it: %s", error)
            return False
        return True

    def _what_stands(self) -> str:
        try:
            if self._catalog.version() is None:
                return _LEFT
            for question in _WHOLE:
                self._catalog.query(question)
        except StoreFault:
            return _DAMAGED
        return _READABLE
