"""The submitting centres that clinical files name: each once, sorted, spelled as the files spell it.

One file speaks for a patient. What was uploaded comes before its copy in the data set, which is asked only
where the raw file is gone: so a centre is seen before anything of it was ever loaded.
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass, field

from warehouse.domain.records import ObjectInfo


@dataclass(frozen=True, slots=True)
class ClinicalFile:
    """A clinical file of a canonical patient; `status` is data or status, `date` ISO, both from the key.

    `raw` where it was uploaded, and does not stand in the data set.
    """

    patient: str = field(repr=False)
    raw: bool
    status: str
    date: str
    info: ObjectInfo = field(repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """The centre that a patient's file names, if it names one; where it was not read, `unread` says why."""

    centre: str | None = None
    unread: str | None = None


@dataclass(slots=True)
class Centres:
    """What was found so far; `nameless` counts files that name no centre. Kept by one thread at a time.

    `listed` are the centres of the configuration.
    """

    listed: Container[str] = ()
    found: set[str] = field(default_factory=set)
    nameless: int = 0

    def add(self, centre: str | None) -> None:
        """Take the centre that one file names, or None."""
        if centre is None:
            self.nameless += 1
        else:
            self.found.add(centre)

    def names(self) -> list[str]:
        """The names, sorted by their code points, each fit for a line of its own."""
        return [printable(name) for name in sorted(self.found)]

    def unlisted(self) -> list[str]:
        """The names that the configuration does not list, which it does letter by letter."""
        return [printable(name) for name in sorted(self.found) if name not in self.listed]


def speaking(files: Iterable[ClinicalFile]) -> ClinicalFile:
    """Which of a patient's files is asked: of the raw ones, if any, the newest `data`, else `status`, file.

    Newest is by date, then by key. There is at least one file.
    """
    return max(files, key=lambda file: (file.raw, file.status == "data", file.date, file.info.key))


def printable(text: str) -> str:
    """Text in which whatever cannot be seen is written as an escape, so that it can neither break a line
    nor command a terminal.

    >>> printable("North\\nfield")
    'North\\\\nfield'
    """
    return "".join(
        sign if sign.isprintable() else sign.encode("unicode_escape").decode("ascii") for sign in text
    )
