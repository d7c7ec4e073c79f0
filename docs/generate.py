"""Writes the pages that the code determines: `python docs/generate.py`. Tests keep them current."""

from __future__ import annotations

import sys
from collections.abc import Container, Iterable, Iterator, Mapping
from datetime import date
from pathlib import Path

DOCS = Path(__file__).resolve().parent
sys.path.insert(0, str(DOCS.parent))

from warehouse.domain.cleaning import (  # noqa: E402
    ADDED,
    COLUMN_GROUPS,
    COLUMNS,
    UPDATES,
    Column,
)
from warehouse.domain.cleaning_rules import Kind  # noqa: E402
from warehouse.domain.clinical_fields import FIELD_GROUPS, ORIGINAL_FIELDS  # noqa: E402
from warehouse.domain.patients import FILE_COLUMNS  # noqa: E402
from warehouse.domain.reasons import REASONS, Reason  # noqa: E402
from warehouse.domain.records import Decided  # noqa: E402

REASONS_PAGE = DOCS / "reasons.md"
DICTIONARY_PAGE = DOCS / "data-dictionary.md"

_OPENING = """# Reasons

Every object that was not loaded now has a reason. This page is made from `warehouse/domain/reasons.py` by
`python docs/generate.py`.
"""

_SECTIONS = {
    Decided.PRESENT: "The object's bytes stand in the data set already. It is not looked at again.",
    Decided.QUARANTINED: "The object is not fit to be loaded. It is looked at again when it is uploaded\n"
    "anew, or after [`warehouse retry`](retry.md). The run's exit code is 3 with `--strict`, and wherever\n"
    "nothing was loaded or present.",
    Decided.DEFERRED: "The object waits. Each run that lists it looks at it again; while it waits for its\n"
    "patient or its site, that costs no request.",
    Decided.IGNORED: "The object lies where nothing is loaded from, or is of a kind that is not loaded.\n"
    "It is looked at again when it is uploaded anew.",
}


def reasons_page() -> str:
    """The whole page, as Markdown: a section for each outcome that needs a reason."""
    return "\n".join([_OPENING, *(_section(decided) for decided in _SECTIONS)])


def _section(decided: Decided) -> str:
    rows = (
        f"| `{code}` | {reason.meaning} | {reason.remedy} | {_exit_code(reason)} |"
        for code, reason in REASONS.items()
        if reason.decided is decided
    )
    return "\n".join(_section_lines(decided, rows))


def _section_lines(decided: Decided, rows: Iterator[str]) -> Iterator[str]:
    yield f"## {decided.value.capitalize()}\n"
    yield f"{_SECTIONS[decided]}\n"
    yield "| Reason | Means | What to do | Exit code |"
    yield "|---|---|---|---|"
    yield from rows
    yield ""


def _exit_code(reason: Reason) -> str:
    """The code that one object with this reason makes a run end with, where nothing worse ends it."""
    return "5" if reason.broken else "4" if reason.incomplete else ""


_DICTIONARY_OPENING = """# Data dictionary

What centres submit about a patient is written in many ways. The table of patients keeps every field as it
came, and adds the columns on this page, in which one thing is written in one way. A cleaned column has the
name of its field in lower case, with `_` for each blank and without commas. Two have names of their own:
`pmh_diabetes_mellitus_type_2`, and `cxr_severity_2`, which the form calls `CXR severity 3`. Where a record
has a field of the cleaned column's very name, the column has `_clean` after it.

An empty cell means that the record does not say, or says it in no form that the column's rule reads; the
field itself shows which. Sex and ethnicity are Unknown instead. Nothing is guessed, and nothing is converted
from unit to unit: where the unit is "as submitted", find out what each centre reports before centres are
compared.

**Names that differ in capitals only.** A column or field with † has a namesake in `patient_clean` that
differs from it in capitals only, as `Age` (as it came) and `age` (cleaned) do. SQL engines take the two for
one: [what to do](tables.md#names-that-differ-in-capitals-only).

This page is made from `warehouse/domain/cleaning.py` by `python docs/generate.py`.
"""

_UPDATES_OPENING = """## From the images

The patient's images fill in age and sex where the clinical record has none.

| Column | Type | Unit | Allowed values | Means |
|---|---|---|---|---|"""

_UPDATES: Mapping[str, str] = {
    "age_update": "years | 0 or more | `age`; where that is empty, the greatest PatientAge of the patient's "
    "images, with 365 days, 52 weeks or 12 months to the year",
    "sex_update": " | M, F, O, Unknown | `sex`; where that is Unknown, the PatientSex on which all images of "
    "the patient agree that have M, F or O",
}

_FIELDS_OPENING = """## Fields as submitted

The fields that centres are known to submit, in the order of their columns. Others follow them, sorted.
`PMH diabetes mellitus TYPE I` has no cleaned column: only older records have it, today's form does not ask
for it, and `nccid_cleaning`, whose columns these are, makes nothing of it. The field stays as it came.

| Group | Field | Cleaned into |
|---|---|---|"""

_TYPES: Mapping[Kind, str] = {str: "text", int: "integer", float: "number", date: "date"}


def namesakes() -> list[tuple[str, ...]]:
    """The columns of `patient_clean` whose names differ in capitals only, in the order of the first."""
    alike: dict[str, list[str]] = {}
    for name in (*FILE_COLUMNS, *ORIGINAL_FIELDS, *ADDED):
        alike.setdefault(name.lower(), []).append(name)
    return [tuple(names) for names in alike.values() if len(names) > 1]


def dictionary_page() -> str:
    """The whole page, as Markdown: the cleaned columns by group, the rules, the fields as submitted."""
    return "\n".join(_dictionary_lines())


def _dictionary_lines() -> Iterator[str]:
    marked = frozenset(name for names in namesakes() for name in names)
    yield _DICTIONARY_OPENING
    for title, columns in COLUMN_GROUPS.items():
        yield f"## {title}\n"
        yield from _column_lines(columns, marked)
    yield _UPDATES_OPENING
    yield from (f"| `{name}` | {_TYPES[kind]} | {_UPDATES[name]} |" for name, kind in UPDATES.items())
    yield "\n## Rules\n"
    for name, told in {column.rule.name: column.rule.told for column in COLUMNS}.items():
        yield f"### {name}\n\n{told}\n"
    yield from _field_lines(marked)


def _column_lines(columns: Iterable[Column], marked: Container[str]) -> Iterator[str]:
    yield "| Column | From | Type | Unit | Allowed values | Rule | Means |"
    yield "|---|---|---|---|---|---|---|"
    for column in columns:
        rule = column.rule
        link = f"[{rule.name}](#{rule.name.lower().replace(' ', '-')})"
        cells = (_codes(column.sources), _TYPES[rule.kind], column.unit, rule.allowed, link, column.meaning)
        yield f"| {_name(column.name, marked)} | {' | '.join(cells)} |"
    yield ""


def _field_lines(marked: Container[str]) -> Iterator[str]:
    yield _FIELDS_OPENING
    for group, fields in FIELD_GROUPS.items():
        for field in fields:
            into = _codes(column.name for column in COLUMNS if field in column.sources)
            yield f"| {group} | {_name(field, marked)} | {into} |"
    yield ""


def _name(name: str, marked: Container[str]) -> str:
    return f"`{name}` †" if name in marked else f"`{name}`"


def _codes(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


if __name__ == "__main__":
    REASONS_PAGE.write_text(reasons_page(), encoding="utf-8")
    DICTIONARY_PAGE.write_text(dictionary_page(), encoding="utf-8")
