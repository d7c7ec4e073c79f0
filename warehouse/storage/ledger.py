"""What a run decided, written down as it goes: nothing that was decided is lost with the run.

Outcomes arrive in input order and are committed in that order, so that a killed run leaves a beginning,
never a hole. Clinical files that wait for their site are held until every clinical file was seen: a
later file of the same patient may have settled it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import orjson

from warehouse import __version__
from warehouse.config import Config
from warehouse.domain import summary
from warehouse.domain.accounting import Tally, decided_the_same_again
from warehouse.domain.keys import safe_name
from warehouse.domain.reasons import REASONS
from warehouse.domain.records import Decided, Outcome, RawClinical
from warehouse.errors import StoreError, StoreFault, StoreUnavailable
from warehouse.storage.catalog import Catalog, decision_row

COMMIT_ROWS = 5_000
COMMIT_SECONDS = 30.0
TOLD = 10
INCOMPLETE = 4
TICK = timedelta(microseconds=1)

log = logging.getLogger("warehouse")

_WAITS_FOR_SITE = frozenset({"unlisted-site", "no-site"})


class Ledger:
    """The record of one run, kept by one thread at a time."""

    def __init__(
        self,
        catalog: Catalog,
        *,
        run: str,
        clock: Callable[[], datetime],
        requests: Callable[[], Mapping[str, int]],
        strict: bool = False,
        dry_run: bool = False,
    ) -> None:
        self.run = run
        self.tally = Tally()
        self._catalog = catalog
        self._wall_clock = clock
        self._not_before = clock()
        self._requests = requests
        self._strict = strict
        self._dry_run = dry_run
        self._started = self._not_before
        self._ended: datetime | None = None
        self._config: Config | None = None
        self._counted = False
        self._published = True
        self._committed = False
        self._ending: BaseException | None = None
        self._lock = threading.Lock()
        self._rows: list[dict[str, Any]] = []
        self._committed_at = self._started
        self._held: list[Outcome] | None = []
        self._assigned: set[str] = set()
        self._waiting: dict[str, str] = {}

    def begin(self, config: Config) -> None:
        """The configuration is known: from here on the run leaves its row. Raises StoreError."""
        last = self._catalog.last_run()
        if last is None:
            # A row of this run would make a catalog where one is to be made anew.
            self._catalog.require_not_lost()
        self._config = config
        if last is not None:
            # A clock that went back must not make this run's decisions older than the last one's.
            self._not_before = max(self._not_before, last["ended"] + TICK)
            self._started = self._clock()

    def count_in_both_sets(self, patients: int) -> None:
        """How many patients stand in both sets, whether this run decides anything of theirs or not."""
        self.tally.in_both_sets = patients

    def count_listing(self, listed: int, known: int, taken: datetime | None = None) -> None:
        """How many objects the listing had, and how many of them need no decision.

        `taken` is when the inventory was begun that stood in for a live listing.
        """
        self.tally.listed, self.tally.known, self.tally.inventory = listed, known, taken
        self._counted = True
        self._waiting = dict(self._catalog.waiting_patients())

    def record(self, outcome: Outcome) -> None:
        """Take the one outcome of one object; commit when enough came together."""
        with self._lock:
            if outcome.assignment is not None:
                self._assigned.add(outcome.assignment.patient)
            if self._held is not None and _waits_for_site(outcome):
                self._held.append(outcome)
            else:
                self._settle(outcome)

    def second_look(self) -> list[RawClinical]:
        """Give back the held clinical files whose patient was assigned meanwhile; settle the others."""
        with self._lock:
            held, self._held = self._held or [], None
            again = [outcome for outcome in held if outcome.patient in self._assigned]
            for outcome in held:
                if outcome.patient not in self._assigned:
                    self._settle(outcome)
            return [outcome.raw for outcome in again if isinstance(outcome.raw, RawClinical)]

    def ended_by(self, error: BaseException) -> None:
        """Something ended the run before its end: an error, or a signal."""
        self._ending = error

    def close(self) -> None:
        """Commit what was decided, publish it to the readers of each set, leave the run's row.

        Small files are put together, of `objects` only where there is something to publish: a version that
        told the readers of the sets nothing new would make them new tables all the same.

        What is still held when something ended the run was not decided: the next run sees it again, and
        publishes what this one did not. Raises StoreError.
        """
        if self._ending is None:
            for outcome in self._held or ():
                self._settle(outcome)
        self._held = None
        self._commit()
        if self._config is not None:
            if self._committed:
                self._compact("objects")
            self._publish()
            self._ended = self._clock()
            with _after_the_beginning():
                self._catalog.append_run(self._row(self._config))
            self._compact("runs")

    @property
    def exit_code(self) -> int:
        """The code by the outcomes, or by what ended the run."""
        if self._ending is not None:
            return int(getattr(self._ending, "exit_code", 70) or 70)
        code = self.tally.exit_code(strict=self._strict)
        return code if self._published else max(code, INCOMPLETE)

    def summary(self) -> str:
        """The run in words, for a person."""
        if not self._counted:
            return ""
        return summary.text(self.tally, dry_run=self._dry_run, whole=self._ending is None)

    def report(self) -> dict[str, Any]:
        """The run in figures, for a program; names no object and no patient."""
        return {
            "run": self.run,
            "dry_run": self._dry_run,
            "configuration": self._config.hash if self._config else None,
            "inventory": self.tally.inventory and self.tally.inventory.isoformat(),
            **summary.figures(self.tally, today=self._clock().date()),
            "requests": dict(self._requests()),
        }

    def _settle(self, outcome: Outcome) -> None:
        if outcome.reason == "no-clinical-data" and outcome.patient in self._waiting:
            outcome = replace(outcome, reason=self._waiting[outcome.patient])
        if isinstance(outcome.raw, RawClinical) and outcome.patient is not None:
            if outcome.decided is Decided.DEFERRED and outcome.reason is not None:
                self._waiting[outcome.patient] = outcome.reason
            elif outcome.raw.earlier is not None:
                self._waiting.pop(outcome.patient, None)
        self.tally.add(outcome)
        if decided_the_same_again(outcome):
            return
        self._tell(outcome)
        now = self._clock()
        configuration = outcome.raw.config.hash
        self._rows.append(decision_row(outcome, run=self.run, time=now, configuration=configuration))
        if len(self._rows) >= COMMIT_ROWS or (now - self._committed_at).total_seconds() >= COMMIT_SECONDS:
            self._commit()

    def _tell(self, outcome: Outcome) -> None:
        """Name the first objects on which something failed, so that somebody can look for the cause."""
        reason = outcome.reason
        if reason is None or not REASONS[reason].incomplete or self.tally.reasons[reason] > TOLD:
            return
        why = f"{reason} ({', '.join(outcome.flags)})" if outcome.flags else reason
        log.warning("%s was deferred: %s", safe_name(outcome.raw, self.run), why)

    def _commit(self) -> None:
        if self._rows:
            with _after_the_beginning():
                self._catalog.append(self._rows)
            self._committed = True
            self._rows = []
        self._committed_at = self._clock()

    def _compact(self, name: str) -> None:
        """Put a table's small files together; where that fails, nothing is lost, and the next load tries."""
        if self._ending is not None:
            return
        try:
            self._catalog.compact(name)
        except Exception as error:
            told = error if isinstance(error, StoreError) else type(error).__name__
            log.warning("the small files of the catalog were left as they are; a later load tries: %s", told)

    def _publish(self) -> None:
        """Bring what each set's readers may ask up to date; where that fails, the next load does it."""
        if self._ending is not None or self._dry_run:
            return
        try:
            self._catalog.publish()
        except StoreError as error:
            self._published = False
            log.warning("the tables of the two sets were not brought up to date; run again: %s", error)

    def _clock(self) -> datetime:
        return max(self._wall_clock(), self._not_before)

    def _row(self, config: Config) -> dict[str, Any]:
        tally = self.tally
        requests = dict(self._requests())
        return {
            "run": self.run,
            "started": self._started,
            "ended": self._ended,
            "exit_code": self.exit_code,
            "configuration": config.hash,
            "configuration_json": config.document,
            "version": __version__,
            "listed": tally.listed,
            "known": tally.known,
            **{decided.value: tally.outcomes[decided] for decided in Decided},
            "reasons": orjson.dumps(dict(tally.reasons), option=orjson.OPT_SORT_KEYS).decode(),
            "requests": orjson.dumps(requests, option=orjson.OPT_SORT_KEYS).decode(),
            "bytes_read": requests.get("bytes_read", 0),
            "bytes_written": requests.get("bytes_written", 0),
            "dry_run": self._dry_run,
        }


@contextmanager
def _after_the_beginning() -> Generator[None]:
    """What cannot be used any more once something was decided leaves the run incomplete, not unbegun."""
    try:
        yield
    except StoreUnavailable as error:
        raise StoreFault(error.operation, error.key, error.cause) from error


def _waits_for_site(outcome: Outcome) -> bool:
    return isinstance(outcome.raw, RawClinical) and outcome.reason in _WAITS_FOR_SITE
