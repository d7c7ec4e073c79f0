"""The figures of one report: answers of the catalog, and counts of clinical fields. No identifier, no key."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from warehouse.domain.completeness import KINDS, Completeness
from warehouse.domain.records import GROUPS

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Figures:
    """All that the page shows. `answers` are rows by the name of their question, as the catalog gave them.

    `warehouse` is how its owner calls it, `version` that of the catalog, None where there is none; `made` is
    when the report was made (aware). `unread` are clinical files that could not be read, by reason.
    """

    warehouse: str
    version: int | None
    made: datetime
    answers: Mapping[str, Sequence[Row]]
    completeness: Completeness
    unread: Mapping[str, int]

    def rows(self, question: str) -> Sequence[Row]:
        """The answer to a question."""
        return self.answers[question]

    def total(self, column: str, group: str) -> int:
        """One of the four totals of a set."""
        return sum(row[column] for row in self.rows("totals") if row["group"] == group)

    def document(self) -> dict[str, Any]:
        """The same for a program, as JSON can hold it: times in ISO 8601, UTC."""
        kept = self.completeness
        return {
            "warehouse": self.warehouse,
            "version": self.version,
            "made": _plain(self.made),
            **{
                name: [{column: _plain(value) for column, value in row.items()} for row in rows]
                for name, rows in self.answers.items()
            },
            "completeness": {
                "records": {kind: kept.records[kind] for kind in KINDS},
                "with_other_fields": kept.with_others,
                "unread": dict(sorted(self.unread.items())),
                "fields": [filled._asdict() for filled in kept.fields()],
            },
        }


def by_modality(rows: Iterable[Row], column: str) -> dict[str, dict[str, int]]:
    """A column of the answer on modalities: modality -> set -> figure, the largest first."""
    table: dict[str, dict[str, int]] = {}
    for row in rows:
        table.setdefault(row["modality"], dict.fromkeys(GROUPS, 0))[row["group"]] += row[column]
    return dict(sorted(table.items(), key=lambda item: (-sum(item[1].values()), item[0])))


def _plain(value: Any) -> Any:
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value
