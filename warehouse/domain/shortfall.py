"""What a summary of the data set lacks, counted by reason; the exit code follows by one table.

The first line that applies::

    4   something was not read for a fault that may pass: run again
    1   a document is damaged, missing or archived
    0   everything was read
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from warehouse.domain.reasons import REASONS


@dataclass(frozen=True, slots=True)
class Lack:
    """A reason why a document was not read, in words, with the remedy; `incomplete` where it may pass."""

    meaning: str
    remedy: str
    incomplete: bool = False


LACKS: Mapping[str, Lack] = {
    "damaged": Lack("not the JSON document that should stand there", "replace it by hand"),
    "missing": Lack(
        "not there, though images of the study are: it has no row",
        "restore the documents, or write what `warehouse header` prints of the images, and run again",
    ),
    "archived": Lack("in an archive tier", "restore it, run again"),
    "vanished": Lack("gone or replaced when it was read", "run again", incomplete=True),
    "forbidden": Lack(
        "refused by the store for want of a permission",
        "grant it (s3:GetObject; in a folder, to read), run again",
        incomplete=True,
    ),
    "store-fault": Lack("not given by the store after every retry", "run again", incomplete=True),
    "internal-error": Lack("one that the program failed on", "report it", incomplete=True),
}


# Nobody but its sender replaces what was uploaded.
RAW_CLINICAL = "uploaded clinical file"
_REMEDIES: Mapping[tuple[str, str], str] = {(RAW_CLINICAL, "damaged"): REASONS["invalid-json"].remedy}


@dataclass(slots=True)
class Shortfall:
    """The account of what was not read, kept by one thread at a time. Names no object and no patient."""

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, kind: str, reason: str, count: int = 1) -> None:
        """Count documents of a kind (`clinical file`, `metadata document` …) that were not read."""
        if count:
            self.counts[kind, reason] += count

    @property
    def incomplete(self) -> bool:
        """Whether another run may read more."""
        return any(LACKS[reason].incomplete for _, reason in self.counts)

    @property
    def exit_code(self) -> int:
        """The run's code by the table above, where nothing worse ended it."""
        return 4 if self.incomplete else 1 if self.counts else 0

    def summary(self) -> str:
        """What is lacking in words, for a person; empty where nothing is."""
        return "\n".join(
            f"not read: {count} {kind}{'s' if count > 1 else ''}, {LACKS[reason].meaning}"
            f" ({reason})\n  -> {_REMEDIES.get((kind, reason), LACKS[reason].remedy)}"
            for (kind, reason), count in sorted(self.counts.items())
        )

    def notice(self) -> str:
        """What even a quiet run says: all of it, since it is why the run did not end well."""
        return self.summary()

    def report(self) -> dict[str, int]:
        """The counts, for a program."""
        return {f"{kind}: {reason}": count for (kind, reason), count in sorted(self.counts.items())}
