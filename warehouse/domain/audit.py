"""The proof that the two sets are apart: what each source tells, compared by patient, study and SOP instance.

The claims say where a patient belongs, the keys what stands where, and the catalog what was put there. Of
an image that the catalog does not know, its document or its header says which SOP instance it is. What
one source puts into training and another into validation is in both sets, as is what one puts into both.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, get_args

from warehouse.domain.balance import Comparison
from warehouse.domain.centres import printable
from warehouse.domain.chi_squared import Result
from warehouse.domain.keys import ASSIGNMENTS_PREFIX
from warehouse.domain.records import GROUPS, ObjectInfo

Source = Literal["claims", "keys", "headers", "catalog"]
SOURCES: tuple[Source, ...] = get_args(Source)

Kind = Literal["patient", "study", "SOP instance"]
KINDS: tuple[Kind, ...] = get_args(Kind)

# In the order in which a person reads them: every kind with the sources that tell of it.
TOLD_BY: Mapping[Kind, tuple[Source, ...]] = {
    "patient": ("claims", "keys", "catalog"),
    "study": ("keys", "catalog"),
    "SOP instance": ("headers", "catalog"),
}

_PLURALS: Mapping[Kind, str] = {"patient": "patients", "study": "studies", "SOP instance": "SOP instances"}

_LACKING = {
    "claim": ("claim", f"under {ASSIGNMENTS_PREFIX}"),
    "image": ("image", "that the catalog does not know"),
}

# Another run does not help here. Of a patient without a claim, a load goes by the catalog, then by the keys.
_DAMAGED_CLAIM = "mend it by hand, or remove it if the patient stands in a set: loads keep to that set"

# By exit code; null where nobody knows.
_DISJOINT = {0: True, 4: None, 5: False}


@dataclass(frozen=True, slots=True)
class Sighting:
    """A source tells of one thing in one set; `set` is training or validation."""

    source: Source
    kind: Kind
    identifier: str = field(repr=False)
    set: str


@dataclass(frozen=True, slots=True)
class UnrecordedImage:
    """An image in a set of which the catalog does not tell, and the metadata document beside it."""

    image: ObjectInfo = field(repr=False)
    document: ObjectInfo | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Unread:
    """Something that could not be read, and why. `identifier` is a claim's patient, or an image's key."""

    what: Literal["claim", "image"]
    reason: str
    identifier: str = field(default="", repr=False)

    def told(self, count: int) -> str:
        """How many there are of this kind and reason, in a sentence."""
        thing, where = _LACKING[self.what]
        those, them = (f"{thing}s", "them") if count > 1 else (thing, "it")
        remedy = f"; {_DAMAGED_CLAIM}" if (self.what, self.reason) == ("claim", "damaged") else ""
        return f"{count} {those} {where} could not be read ({self.reason}): this proof lacks {them}{remedy}"


@dataclass(frozen=True, slots=True)
class Overlap:
    """A thing that is in both sets; `sources` tell which source puts it where, as `<source>: <set>`."""

    kind: Kind
    identifier: str = field(repr=False)
    sources: tuple[str, ...]


@dataclass(slots=True)
class Audit:
    """What was found. `counts` are distinct things by kind, source and set; `unread` is by what and why.

    `named` are the overlaps by name, `unread_named` what was not read, where they were asked for; `strangers`
    are objects in no known place.
    """

    counts: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    overlaps: Counter[Kind] = field(default_factory=Counter)
    named: Sequence[Overlap] = ()
    comparisons: Sequence[Comparison] = ()
    strangers: int = 0
    unread: Counter[Unread] = field(default_factory=Counter)
    unread_named: list[Unread] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """5 where anything is in both sets, 4 where not all could be read or nothing is there, else 0."""
        return 5 if self.overlaps.total() else 4 if self.unread or self.nothing else 0

    @property
    def nothing(self) -> bool:
        """Whether no source told of anything: then nothing is proven either."""
        return not self.counts.total() and not self.unread

    def add_unread(self, unread: Unread, *, named: bool) -> None:
        """Count what could not be read; keep its name where it is asked for."""
        self.unread[replace(unread, identifier="")] += 1
        if named:
            self.unread_named.append(unread)

    def warnings(self) -> list[str]:
        """What a person should look at beside the overlaps, one sentence each."""
        found = [
            unread.told(count)
            for unread, count in sorted(self.unread.items(), key=lambda item: (item[0].what, item[0].reason))
        ]
        if self.nothing:
            found.append(
                "there is nothing in either set: load first, or correct the name of the bucket or folder"
            )
        elif self.comparisons and not any(comparison.counts for comparison in self.comparisons):
            found.append("the sets were not compared: there is no catalog that tells of their patients")
        if self.strangers:
            found.append(f"{self.strangers} objects under the two sets lie in no place of the layout")
        return [*found, *filter(None, (comparison.warning() for comparison in self.comparisons))]

    def figures(self) -> dict[str, Any]:
        """All of it, for a program; identifiers only where they were asked for."""
        return {
            "disjoint": _DISJOINT[self.exit_code],
            "overlaps": {kind: self.overlaps[kind] for kind in KINDS},
            "counts": {
                kind: {
                    source: {group: self.counts[kind, source, group] for group in GROUPS}
                    for source in TOLD_BY[kind]
                }
                for kind in KINDS
            },
            "balance": {comparison.name: comparison.report() for comparison in self.comparisons},
            "warnings": self.warnings(),
            "named": [
                {"kind": one.kind, "identifier": one.identifier, "sources": list(one.sources)}
                for one in self.named
            ],
            "not_read": [
                {"kind": one.what, "identifier": one.identifier, "reason": one.reason}
                for one in self.unread_named
            ],
        }

    def text(self) -> Iterator[str]:
        """All of it in words, line by line."""
        if self.overlaps.total():
            found = ", ".join(f"{_PLURALS[kind]} {self.overlaps[kind]}" for kind in KINDS)
            yield f"the sets OVERLAP; in both are: {found}"
        elif self.nothing:
            yield "NOT PROVEN: there is nothing in either set"
        elif self.unread:
            yield "NOT PROVEN: nothing was found in both sets, but not all of them could be read"
        else:
            yield "the sets are disjoint: no patient, no study and no SOP instance is in both"
        yield f"{'':36}{'training':>12}{'validation':>12}"
        for kind in KINDS:
            for source in TOLD_BY[kind]:
                numbers = "".join(f"{self.counts[kind, source, group]:>12}" for group in GROUPS)
                yield f"{_PLURALS[kind] + ', by the ' + source:36}{numbers}"
        for comparison in self.comparisons:
            if comparison.counts:
                yield from _compared(comparison)
        yield from (f"warning: {warning}" for warning in self.warnings())
        for one in self.named:
            yield f"{one.kind}\t{printable(one.identifier)}\t{', '.join(one.sources)}"
        for lacking in self.unread_named:
            yield f"{lacking.what}\t{printable(lacking.identifier)}\tnot read: {lacking.reason}"


def _compared(comparison: Comparison) -> Iterator[str]:
    totals = comparison.totals
    yield f"patients by {comparison.name}"
    for category, counts in comparison.counts.items():
        cells = "".join(_share(count, total) for count, total in zip(counts, totals, strict=True))
        yield f"  {category[:40]:40}{cells}"
    small = f", {comparison.small} small categories counted as one, or left out"
    yield f"  {_tested(comparison.result)}{small if comparison.result and comparison.small else ''}"
    if comparison.split != comparison.result:
        yield f"  of those whom the split assigned: {_tested(comparison.split)}"


def _share(count: int, total: int) -> str:
    percent = f"{100 * count / total:.1f} %" if total else "-"
    return f"{count:>10}{percent:>9}"


def _tested(result: Result | None) -> str:
    if result is None:
        return "not tested: too few in the categories, or only one of them"
    p = f"p = {result.p:.3f}" if result.p >= 0.001 else "p < 0.001"
    return f"chi-squared {result.statistic:.2f}, degrees of freedom {result.degrees}, {p}"
