"""The nodes of `warehouse report`: the catalog is asked, clinical files are read, a page is made."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from bonobo import use
from warehouse.domain.completeness import Completeness
from warehouse.domain.patients import Patient
from warehouse.domain.shortfall import Shortfall
from warehouse.domain.tables import Ended
from warehouse.pipeline.accounted import essential
from warehouse.pipeline.configuration import before_anything_is_decided
from warehouse.report.figures import Figures, Row
from warehouse.report.page import page
from warehouse.report.questions import QUESTIONS

if TYPE_CHECKING:
    from warehouse.storage.catalog import Catalog


@dataclass(frozen=True, slots=True)
class Answers:
    """What one version of the catalog says to each question."""

    version: int | None
    rows: Mapping[str, Sequence[Row]] = field(repr=False)


@dataclass(slots=True)
class Draft:
    """The report under way: a service. `out` is how its reader called the file; one thread at a time."""

    warehouse: str
    out: str
    made: datetime
    completeness: Completeness = field(default_factory=Completeness)
    answers: Answers | None = None
    all_read: bool = False
    written: bool = False

    def summary(self) -> str:
        """Where the page is."""
        return f"wrote {self.out}" if self.written else ""


@use("catalog")
@essential
def ask_catalog(catalog: Catalog) -> Iterator[Answers]:
    """Put every question to the catalog as it stands now; a load that goes on meanwhile changes no answer."""
    with before_anything_is_decided("read the catalog"):
        snapshot = catalog.snapshot()
        rows = {}
        for name, sql in QUESTIONS.items():
            with snapshot.ask(sql) as answer:
                rows[name] = answer.table().to_pylist()
    yield Answers(snapshot.version, rows)


@use("draft", "shortfall", "write")
@essential
def write_report(
    row: Answers | Patient | Ended, draft: Draft, shortfall: Shortfall, write: Callable[[bytes], object]
) -> Iterator[Any]:
    """Count what each patient's record holds; write the page when all are, and the catalog answered."""
    match row:
        case Answers():
            draft.answers = row
        case Patient(unread=str(reason)):
            shortfall.add("clinical file", reason)
        case Patient():
            draft.completeness.add("data" if row.files.positive else "status", row.record)
        case Ended():
            draft.all_read = True
    if draft.answers is not None and draft.all_read:
        figures = Figures(
            warehouse=draft.warehouse,
            version=draft.answers.version,
            made=draft.made,
            answers=draft.answers.rows,
            completeness=draft.completeness,
            unread={reason: count for (_, reason), count in shortfall.counts.items()},
        )
        write(page(figures).encode())
        draft.written = True
    yield from ()
