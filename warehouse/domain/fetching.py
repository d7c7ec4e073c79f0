"""What is fetched of a cohort, and the account of it: every object was fetched, was there, or failed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from warehouse.domain.records import Group

NAMED = 10

# Why an object failed, and what helps.
FAILURES: Mapping[str, str] = {
    "changed": "replaced since the cohort was made: make it anew, or name a copied folder by --bucket",
    "damaged": "not the bytes that it should be: run again; if it stays so, make the cohort anew",
    "vanished": "not there any more: make the cohort anew",
    "archived": "in an archive tier: restore it, run again",
    "forbidden": "not yours to read, or not to be written: get the permission, run again",
    "store-fault": "not given by the store, or not taken by the disk: run again",
    "occupied": "something else stands in its place, or on the way there: move that away",
    "internal-error": "one that the program failed on: report it",
}


@dataclass(frozen=True, slots=True)
class Folder:
    """A patient's clinical files, still to be listed."""

    group: Group
    name: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """An object to fetch: `size` in bytes and `etag` where they are known."""

    key: str
    size: int | None = None
    etag: str | None = None


@dataclass(frozen=True, slots=True)
class Fetched:
    """What became of an object, or of a patient's folder; `reason` is one of FAILURES where it failed."""

    key: str
    end: Literal["fetched", "there", "failed"]
    size: int = 0
    reason: str = ""


@dataclass(slots=True)
class FetchAccount:
    """Kept by one thread at a time. Its summary names what failed: who fetches a cohort has its keys."""

    ends: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    bytes: int = 0
    failed: list[str] = field(default_factory=list)

    def add(self, row: Fetched) -> None:
        """Count one object."""
        self.ends[row.end] += 1
        self.bytes += row.size if row.end == "fetched" else 0
        if row.end == "failed":
            self.reasons[row.reason] += 1
            if len(self.failed) < NAMED:
                self.failed.append(row.key)

    @property
    def exit_code(self) -> int:
        """1 where anything failed."""
        return 1 if self.ends["failed"] else 0

    def summary(self) -> str:
        """The account in words, for a person."""
        return "\n".join(self._lines())

    def report(self) -> dict[str, Any]:
        """The account in figures, for a program."""
        return {
            **{end: self.ends[end] for end in ("fetched", "there", "failed")},
            "bytes": self.bytes,
            "reasons": dict(sorted(self.reasons.items())),
        }

    def _lines(self) -> Iterator[str]:
        yield f"fetched {self.ends['fetched']} ({in_words(self.bytes)}), there already {self.ends['there']}"
        for reason, count in sorted(self.reasons.items()):
            yield f"failed {count}: {FAILURES[reason]} ({reason})"
        yield from (f"  {key}" for key in self.failed)
        if self.ends["failed"] > len(self.failed):
            yield f"  and {self.ends['failed'] - len(self.failed)} more"


def in_words(size: float) -> str:
    """A number of bytes for a person.

    >>> in_words(900), in_words(1_500_000)
    ('900 bytes', '1.4 MiB')
    """
    units = iter(("KiB", "MiB", "GiB", "TiB"))
    unit = "bytes"
    while size >= 1024 and unit != "TiB":
        size, unit = size / 1024, next(units)
    return f"{size:.0f} bytes" if unit == "bytes" else f"{size:.1f} {unit}"
