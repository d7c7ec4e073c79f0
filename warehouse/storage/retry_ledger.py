"""What is to be looked at again, written down in batches: rows of `objects`, and no row of `runs`.

A row of `runs` says what a load found, and its readers take the last one for the state of the warehouse: its
configuration, its counts, whether it is alive. Who asks for another look lists nothing and decides nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from warehouse.config import Config
from warehouse.domain.again import Again, Retries
from warehouse.storage.catalog import Catalog
from warehouse.storage.catalog_schema import retry_row

COMMIT_ROWS = 5_000

_NEWEST = "SELECT max(time) AS newest FROM objects"


class RetryLedger:
    """The rows of one command, counted in `retries` as they are committed. For one thread at a time."""

    def __init__(
        self, catalog: Catalog, retries: Retries, *, run: str, clock: Callable[[], datetime]
    ) -> None:
        self._catalog = catalog
        self._retries = retries
        self._run = run
        self._clock = clock
        self._rows: list[dict[str, Any]] = []
        self._whys: list[str] = []
        self._sequence = 0
        self._time: datetime | None = None

    def record(self, again: Again, config: Config) -> None:
        """Take one object; commit when enough came together. Raises StoreError."""
        self._sequence += 1
        row = retry_row(
            again,
            run=self._run,
            sequence=self._sequence,
            time=self._moment(),
            configuration=config.hash,
        )
        self._rows.append(row)
        self._whys.append(again.why)
        if len(self._rows) >= COMMIT_ROWS:
            self.commit()

    def commit(self) -> None:
        """Write down what was taken. Raises StoreError."""
        self._catalog.append(self._rows)
        self._retries.counts.update(self._whys)
        self._rows, self._whys = [], []

    def _moment(self) -> datetime:
        """Now; but a clock that went back must not make these rows older than what they supersede."""
        if self._time is None:
            (newest,) = self._catalog.query(_NEWEST)["newest"].to_pylist()
            self._time = self._clock()
            if newest is not None:
                self._time = max(self._time, newest + timedelta(microseconds=1))
        return self._time
