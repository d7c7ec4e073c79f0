"""The submitting centres that clinical records name: each once, sorted, spelled as the records spell it."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from typing import Any

from warehouse.domain import clinical


@dataclass(slots=True)
class Centres:
    """What was found so far; `nameless` counts records that name no centre. Kept by one thread at a time."""

    found: set[str] = field(default_factory=set)
    nameless: int = 0

    def add(self, record: Mapping[str, Any]) -> None:
        """Take the centre of one record."""
        site = clinical.site(record.get("SubmittingCentre"))
        if site is None:
            self.nameless += 1
        else:
            self.found.add(site)

    def names(self) -> list[str]:
        """The names, sorted by their code points, each fit for a line of its own."""
        return [printable(name) for name in sorted(self.found)]

    def missing_from(self, listed: Container[str]) -> list[str]:
        """The names that a configuration does not list, which it does letter by letter."""
        return [printable(name) for name in sorted(self.found) if name not in listed]


def printable(text: str) -> str:
    """Text in which whatever cannot be seen is written as an escape, so that it can neither break a line
    nor command a terminal.

    >>> printable("North\\nfield")
    'North\\\\nfield'
    """
    return "".join(
        sign if sign.isprintable() else sign.encode("unicode_escape").decode("ascii") for sign in text
    )
