"""Every object is accounted for: listed = known + decided, decided = the sum of the five outcomes.

The run's exit code follows from the outcomes by one table; the first line that applies::

    5   a patient stands in both sets, whether anything of theirs was decided or not
    4   something was deferred by a transient fault, a permission or an internal error
    3   with --strict something was newly quarantined; and always when something was quarantined and
        nothing was loaded or present
    0   finished
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime

from warehouse.domain.reasons import REASONS
from warehouse.domain.records import Decided, Group, Outcome


@dataclass(slots=True)
class Waiting:
    """Patients of one uploader who wait, each with the date of the oldest upload that waits."""

    since: dict[str, str] = field(default_factory=dict)

    def add(self, patient: str, day: str) -> None:
        self.since[patient] = min(day, self.since.get(patient, day))

    def oldest(self) -> str:
        return min(self.since.values())


@dataclass(slots=True)
class Tally:
    """The counts of one run. Grows with reasons and with waiting patients, never with objects.

    `inventory` is when the inventory was begun that was listed by; None for a live listing.
    """

    listed: int = 0
    known: int = 0
    inventory: datetime | None = None
    in_both_sets: int = 0
    unchanged: int = 0
    outcomes: Counter[Decided] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    places: Counter[tuple[Group, str]] = field(default_factory=Counter)
    waiting: dict[str, Waiting] = field(default_factory=dict)

    def add(self, outcome: Outcome) -> None:
        """Count one outcome; `unchanged` are those that an earlier run deferred for the same reason."""
        self.unchanged += decided_the_same_again(outcome)
        self.outcomes[outcome.decided] += 1
        if outcome.reason is not None:
            self.reasons[outcome.reason] += 1
        if outcome.decided is Decided.LOADED and outcome.assignment is not None:
            place = outcome.image.type if outcome.image is not None else "data"
            self.places[outcome.assignment.group, place] += 1
        if outcome.decided is Decided.DEFERRED and outcome.patient is not None:
            self.waiting.setdefault(outcome.raw.uploader, Waiting()).add(outcome.patient, outcome.raw.date)

    @property
    def decided(self) -> int:
        """How many objects this run decided."""
        return self.outcomes.total()

    @property
    def accounted(self) -> bool:
        """Whether every listed object is known or decided."""
        return self.listed == self.known + self.decided

    def exit_code(self, *, strict: bool = False) -> int:
        """The run's code by the table above, where nothing worse ended it."""
        reasons = [REASONS[reason] for reason in self.reasons]
        quarantined = self.outcomes[Decided.QUARANTINED] > 0
        arrived = self.outcomes[Decided.LOADED] + self.outcomes[Decided.PRESENT] > 0
        if self.in_both_sets or any(reason.broken for reason in reasons):
            return 5
        if any(reason.incomplete for reason in reasons):
            return 4
        if quarantined and (strict or not arrived):
            return 3
        return 0


def decided_the_same_again(outcome: Outcome) -> bool:
    """Whether an object that was deferred is deferred again, so that there is nothing new to write down."""
    earlier = outcome.raw.earlier
    return earlier is not None and outcome.decided is Decided.DEFERRED and outcome.reason == earlier.reason


def days_between(earlier: str, today: date) -> int:
    """Days from an ISO date to today; 0 where the date lies ahead.

    >>> days_between("2020-01-01", date(2020, 1, 11))
    10
    """
    return max(0, (today - date.fromisoformat(earlier)).days)
