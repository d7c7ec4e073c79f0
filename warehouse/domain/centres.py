"""The submitting centres that clinical files name: each once, sorted, spelled as the files spell it.

One file speaks for a patient: the newest that can be read and names a centre. What was uploaded comes before
its copy in the data set: so a centre is seen before anything of it was ever loaded.
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass, field

from warehouse.domain.records import ObjectInfo
from warehouse.domain.shortfall import LACKS


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
class Candidates:
    """The clinical files of one patient, at least one, in the order in which they are asked."""

    files: tuple[ClinicalFile, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """The centre that a file names, if it names one; where it was not read, `unread` says why.

    `raw` where it is the file as it was uploaded.
    """

    centre: str | None = None
    unread: str | None = None
    raw: bool = False


@dataclass(slots=True)
class Centres:
    """What was found so far; `nameless` counts patients of whom no file names a centre. One thread at a time.

    `listed` are the centres of the configuration.
    """

    listed: Container[str] = ()
    found: set[str] = field(default_factory=set)
    nameless: int = 0

    def add(self, centre: str | None) -> None:
        """Take the centre that a patient's files name, or None."""
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


def in_turn(files: Iterable[ClinicalFile]) -> list[ClinicalFile]:
    """A patient's files as they are asked: raw ones first, and `data` before `status`, each the newest first.

    Newest is by date, then by key.
    """
    return sorted(
        files, key=lambda file: (file.raw, file.status == "data", file.date, file.info.key), reverse=True
    )


def settled(answers: Iterable[Answer]) -> Answer:
    """What the answers of a patient's files, in their turn, say together; no more are taken than are needed.

    The first that names a centre counts. A fault that may pass ends the asking, since the next run may know
    better. Else a file that was read and names none tells more than one that was not read.
    """
    heard = []
    for answer in answers:
        if answer.centre is not None or (answer.unread and LACKS[answer.unread].incomplete):
            return answer
        heard.append(answer)
    return min(heard, key=lambda answer: answer.unread is not None)


def printable(text: str) -> str:
    """Text in which whatever cannot be seen is written as an escape, so that it can neither break a line
    nor command a terminal.

    >>> printable("North\\nfield")
    'North\\\\nfield'
    """
    return "".join(
        sign if sign.isprintable() else sign.encode("unicode_escape").decode("ascii") for sign in text
    )
