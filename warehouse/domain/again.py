"""What is to be looked at again: which objects a person may ask it for, and how that is told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from warehouse.domain.reasons import REASONS
from warehouse.domain.records import Decided, ObjectInfo

QUARANTINED: tuple[str, ...] = tuple(
    code for code, reason in REASONS.items() if reason.decided is Decided.QUARANTINED
)

# What an object may be restored for.
COPY = "its copy is gone"
DOCUMENT = "its metadata document is gone"


@dataclass(frozen=True, slots=True)
class Again:
    """A version of a raw object that the next load is to decide again; `why` is a reason, COPY or DOCUMENT.

    The other fields are those of its latest decision.
    """

    info: ObjectInfo
    why: str
    kind: str
    uploader: str | None
    upload_date: str | None
    patient: str | None
    site: str | None


@dataclass(slots=True)
class Retries:
    """What is asked for, and what came of it: a service, whose summary is what the command prints.

    `reasons` limit it, where any are given. With `missing`, what is missing from the sets is asked for, and
    not what is quarantined. `lost` counts what is missing and cannot be restored, `obstacles` what stands in
    the sets and is no object.
    """

    reasons: tuple[str, ...] = ()
    missing: bool = False
    dry_run: bool = False
    counts: Counter[str] = field(default_factory=Counter)
    lost: int = 0
    obstacles: int = 0
    finished: bool = False

    def summary(self) -> str:
        """What was asked for in words; nothing where it was not brought to its end."""
        return "\n".join(self._lines()) if self.finished else ""

    def _lines(self) -> Iterator[str]:
        total = self.counts.total()
        if not total and not self.lost:
            yield self._nothing()
        if total:
            would = "would look" if self.dry_run else "will look"
            yield f"the next load {would} again at {total:,} {'object' if total == 1 else 'objects'}"
            for why, count in sorted(self.counts.items()):
                yield f"  {why:36}{count:>12,}"
        if self.lost:
            places = "one place" if self.lost == 1 else f"{self.lost:,} places"
            yield (
                f"warning: at {places} of the sets something is gone that cannot be restored: no raw object"
                " that it was made of stands any more"
            )
        if self.obstacles:
            yield (
                f"warning: {self.obstacles:,} of what stands in the sets is no object but a link or the like:"
                " put it aside by hand, since no load replaces it"
            )
        if self.dry_run:
            yield "dry run: nothing was written"
        elif total:
            yield "nothing was loaded now: `warehouse load` does it"

    def _nothing(self) -> str:
        if self.missing:
            return "nothing is missing from the sets that the catalog says was put there"
        named = f" as {' or '.join(self.reasons)}" if self.reasons else ""
        return f"nothing that stands in raw is quarantined{named}"
