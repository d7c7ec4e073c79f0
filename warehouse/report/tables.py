"""Tables of the page: columns with a way to sort by, and cells that say their value to the script."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from warehouse.report.markup import Child, Markup, tag


@dataclass(frozen=True, slots=True)
class Cell:
    """What a cell shows, and what its column is sorted by where that is something else.

    `kind` is how it is set: a `figure`, running `text`, or a `term`, which is not broken; None for a name.
    """

    shown: Child
    value: str | float | None = None
    kind: Literal["figure", "text", "term"] | None = None


def figure(shown: Child, value: float) -> Cell:
    """A cell of figures, set flush right."""
    return Cell(shown, value, "figure")


def table(
    caption: str, columns: Sequence[str], rows: Iterable[Sequence[Cell]], *, empty: str = "nothing yet"
) -> Markup:
    """A table that scrolls sideways by itself where it is wider than the page."""
    cells = [list(row) for row in rows]
    kinds = [cell.kind for cell in cells[0]] if cells else [None] * len(columns)
    heads = [
        tag(
            "th",
            tag("button", column, tag("span", class_="order", aria_hidden="true"), type="button"),
            scope="col",
            class_=kind,
            aria_sort="none",
        )
        for column, kind in zip(columns, kinds, strict=True)
    ]
    body = [tag("tr", map(_cell, row)) for row in cells]
    nothing = tag("tr", tag("td", empty, colspan=len(columns), class_="empty"), class_="empty")
    made = tag(
        "table",
        tag("caption", caption),
        tag("thead", tag("tr", heads)),
        tag("tbody", body or nothing),
    )
    return tag("div", made, class_="scroll", role="region", aria_label=caption, tabindex=0)


def _cell(cell: Cell) -> Markup:
    return tag("td", cell.shown, class_=cell.kind, data_value=cell.value)
