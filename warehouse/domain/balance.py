"""How the two sets compare: their patients by site, sex, age and modality, and whether chance explains it.

Each patient of a set counts once in each table. Sites that the configuration fixes to a set make the sets
differ on purpose: therefore the patients whom the split assigned are tested alone as well.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from warehouse.domain.centres import printable
from warehouse.domain.chi_squared import Result, independence, merged
from warehouse.domain.cleaning import age_in_years
from warehouse.domain.clinical_codes import DICOM_SEXES
from warehouse.domain.records import GROUPS, Group

SIGNIFICANT = 0.01
UNKNOWN = "unknown"

# Small categories can hide a difference: where they are more than this share of all, nothing is said.
MOST_SMALL = 0.2

# The greatest age in whole years of each band.
_BANDS: Mapping[str, float] = {"0-17": 17, "18-39": 39, "40-59": 59, "60-79": 79, "80+": float("inf")}


@dataclass(frozen=True, slots=True)
class People:
    """So many patients of one set who are alike, as the catalog tells of them.

    `sex` and `age` are PatientSex and PatientAge (PS3.3 C.7.1.1, C.7.2.2) as the images have them, the age
    that of the first study; `modalities` are those of all images.
    """

    group: Group
    rule: str | None
    site: str | None
    sex: str | None
    age: str | None
    modalities: tuple[str, ...]
    count: int = 1


@dataclass(frozen=True, slots=True)
class Comparison:
    """One table: patients of each set by category, in the order in which they are to be read.

    `result` is that of the test over all of them, `split` over those whom the split assigned; None where
    there are too few, or too many in small categories. For the first, `small` ones were counted as one, or
    left out.
    """

    name: str
    counts: Mapping[str, tuple[int, int]]
    result: Result | None
    split: Result | None
    small: int = 0

    @property
    def differs(self) -> bool:
        """Whether the sets differ beyond chance."""
        return self.result is not None and self.result.p < SIGNIFICANT

    @property
    def split_differs(self) -> bool:
        """Whether they do among the patients whom the split assigned."""
        return self.split is not None and self.split.p < SIGNIFICANT

    @property
    def totals(self) -> tuple[int, int]:
        """Patients of each set."""
        training, validation = zip(*self.counts.values(), strict=True) if self.counts else ((), ())
        return sum(training), sum(validation)

    def warning(self) -> str | None:
        """What a person should know of the difference, in a sentence; None where there is none."""
        if not self.differs and not self.split_differs:
            return None
        if self.split_differs:
            return f"patients by {self.name}: the sets differ beyond chance, also where the split decided"
        why = "" if self.split is None else "; where the split decided they do not"
        return f"patients by {self.name}: the sets differ beyond chance{why}"

    def report(self) -> dict[str, Any]:
        """The table and its tests, for a program."""
        return {
            "patients": {
                category: dict(zip(GROUPS, counts, strict=True)) for category, counts in self.counts.items()
            },
            "small_categories": self.small,
            "test": _figures(self.result),
            "test_of_the_split": _figures(self.split),
            "differs": self.differs or self.split_differs,
        }


def age_band(age: str | None) -> str:
    """The band of a DICOM age string.

    >>> age_band("018M"), age_band("017Y"), age_band("018Y"), age_band("099Y"), age_band(None)
    ('0-17', '0-17', '18-39', '80+', 'unknown')
    """
    years = age_in_years(age)
    return UNKNOWN if years is None else next(band for band, last in _BANDS.items() if int(years) <= last)


def _site(people: People) -> str:
    return printable(people.site) if people.site else UNKNOWN


def _sex(people: People) -> str:
    return people.sex if people.sex in DICOM_SEXES else UNKNOWN


def _modalities(people: People) -> str:
    return " + ".join(printable(modality) for modality in people.modalities) or "no image"


# What is compared, and the categories in their order; where there is none, the most frequent one is first.
_TABLES: Mapping[str, tuple[Callable[[People], str], tuple[str, ...]]] = {
    "site": (_site, ()),
    "sex": (_sex, ("M", "F", "O", UNKNOWN)),
    "age": (lambda people: age_band(people.age), (*_BANDS, UNKNOWN)),
    "modality": (_modalities, ()),
}

_Counts = Counter[tuple[str, Group]]


@dataclass(slots=True)
class Balance:
    """The counts of both sets. Grows with categories, never with patients."""

    everybody: dict[str, _Counts] = field(default_factory=lambda: {name: Counter() for name in _TABLES})
    by_split: dict[str, _Counts] = field(default_factory=lambda: {name: Counter() for name in _TABLES})

    def add(self, people: People) -> None:
        """Count some patients."""
        for name, (category_of, _) in _TABLES.items():
            place = category_of(people), people.group
            self.everybody[name][place] += people.count
            if people.rule == "split":
                self.by_split[name][place] += people.count

    def comparisons(self) -> Iterator[Comparison]:
        """Each table, with its tests."""
        for name, (_, order) in _TABLES.items():
            counts = _table(self.everybody[name], order)
            result, small = _tested(counts.values())
            split, _ = _tested(_table(self.by_split[name], order).values())
            yield Comparison(name, counts, result, split, small)


def _table(counts: _Counts, order: tuple[str, ...]) -> dict[str, tuple[int, int]]:
    rows: dict[str, tuple[int, int]] = {
        category: (counts[category, GROUPS[0]], counts[category, GROUPS[1]]) for category, _ in counts
    }
    return dict(sorted(rows.items(), key=partial(_place, order)))


def _place(order: tuple[str, ...], row: tuple[str, tuple[int, int]]) -> tuple[float, str]:
    category, counts = row
    return (order.index(category) if order else -sum(counts)), category


def _tested(rows: Iterable[tuple[int, int]]) -> tuple[Result | None, int]:
    everybody = list(rows)
    table = merged(everybody)
    if len(table.rows) < 2 or not all(map(sum, zip(*table.rows, strict=True))):
        return None, table.small
    said = table.observations <= MOST_SMALL * sum(map(sum, everybody))
    return independence(table.rows) if said else None, table.small


def _figures(result: Result | None) -> dict[str, Any] | None:
    if result is None:
        return None
    return {"chi_squared": result.statistic, "degrees": result.degrees, "p": result.p}
