"""How the copies in the two sets find back to the raw objects that they were made of, and what is told of it.

A raw object and its copy have a place in common that both keys tell, and their size; what is left is settled
by their bytes::

    raw-a/2020-04-01/images/x.dcm         training/ct/P/1.2/1.3/x.dcm          the file's name
    raw-a/2020-04-01/data/p1_data.json    training/data/P1/data_2020-04-01.json   patient, status and date
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from warehouse.config import Config
from warehouse.domain.keys import canonical, standing_clinical, standing_image
from warehouse.domain.records import Assignment, ObjectInfo, Raw, RawClinical, RawImage

# What is told of an object of the bucket that nothing is known of then.
UNKNOWN = {
    "unclaimed": "of a patient without an assignment",
    "misplaced": "not where the loader would have put it",
    "damaged": "a document that cannot be understood",
    "archived": "in an archive tier",
    "vanished": "gone or replaced meanwhile",
}

# Whatever may go away by itself or by a grant: nothing is replaced by what was found without these.
TRANSIENT = frozenset({"store-fault", "forbidden", "internal-error"})

INCOMPLETE = 4

FoundAs = Literal["raw", "copy", "claim"]


@dataclass(frozen=True, slots=True)
class StandingCopy:
    """A copy in one of the sets, with the document beside it where it is an image that has one."""

    info: ObjectInfo
    document: ObjectInfo | None = None


@dataclass(frozen=True, slots=True)
class Candidates:
    """Copies of one place and size, and the raw objects that they may be of, both in order of their keys."""

    copies: tuple[StandingCopy, ...]
    raws: tuple[ObjectInfo, ...]
    config: Config


@dataclass(frozen=True, slots=True)
class Claim:
    """A patient's assignment, and the document that says so."""

    assignment: Assignment
    info: ObjectInfo


@dataclass(frozen=True, slots=True)
class Unknown:
    """An object that could not be understood, or not be read: `reason` says why."""

    reason: str


def raw_place(raw: Raw) -> str | None:
    """The place of a raw object; None for one that is never copied."""
    match raw:
        case RawImage():
            return f"images/{raw.file_name}"
        case RawClinical():
            return f"data/{canonical(raw.pseudonym)}/{raw.status}/{raw.date}"
        case _:
            return None


def copy_place(key: str) -> str | None:
    """The place of a copy; None for whatever is none.

    >>> copy_place("training/ct/P/1.2/1.3/x.dcm"), copy_place("training/data/p1/data_2020-04-01.json")
    ('images/x.dcm', 'data/P1/data/2020-04-01')
    """
    image = standing_image(key)
    if image is not None:
        return f"images/{image.file_name}"
    file = standing_clinical(key)
    return None if file is None else f"data/{canonical(file.folder)}/{file.status}/{file.date}"


@dataclass(slots=True)
class Rebuilding:
    """What came of it: a service, whose summary is what the command prints.

    `found` counts the rows by what they are of; `unknown` what was left out, by its reason.
    """

    found: Counter[FoundAs] = field(default_factory=Counter)
    unknown: Counter[str] = field(default_factory=Counter)
    undocumented: int = 0
    written: bool = False
    published: bool = False

    @property
    def unread(self) -> int:
        """How many objects could not be read for what may go away."""
        return sum(self.unknown[reason] for reason in TRANSIENT)

    @property
    def exit_code(self) -> int:
        """The code by what was found."""
        return INCOMPLETE if self.unread or (self.written and not self.published) else 0

    def summary(self) -> str:
        """What was done in words; nothing where it was not brought to its end."""
        if self.unread:
            return "\n".join(self._unread())
        return "\n".join(self._lines()) if self.written else ""

    def _unread(self) -> Iterator[str]:
        yield f"NOTHING WAS CHANGED: {self.unread:,} objects could not be read; mend the cause, run again"
        for reason in sorted(TRANSIENT & self.unknown.keys()):
            yield _line(reason, self.unknown[reason])

    def _lines(self) -> Iterator[str]:
        yield f"the catalog was made anew, with {self.found.total():,} rows"
        yield _line("raw objects that stand in the sets", self.found["raw"])
        if self.found["copy"]:
            yield _line("copies whose raw object is gone", self.found["copy"])
        if self.found["claim"]:
            yield _line("patients of whom only the assignment stands", self.found["claim"])
        if self.unknown:
            yield f"left out: {self.unknown.total():,} objects of the sets and of assignments/"
            for reason, count in sorted(self.unknown.items()):
                yield _line(UNKNOWN.get(reason, reason), count)
        if self.undocumented:
            yield (
                f"{self.undocumented:,} images lack their metadata document:"
                " `warehouse retry --missing` has it written again"
            )
        yield "run `warehouse load` now: it decides again what does not stand in the sets"


def _line(what: str, count: int) -> str:
    return f"  {what:48}{count:>12,}"
