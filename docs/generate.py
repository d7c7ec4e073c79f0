"""Writes the pages that the code determines: `python docs/generate.py`. A test keeps them current."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

DOCS = Path(__file__).resolve().parent
sys.path.insert(0, str(DOCS.parent))

from warehouse.domain.reasons import REASONS, Reason  # noqa: E402
from warehouse.domain.records import Decided  # noqa: E402

REASONS_PAGE = DOCS / "reasons.md"

_OPENING = """# Reasons

Every object that was not loaded now has a reason. This page is made from `warehouse/domain/reasons.py` by
`python docs/generate.py`.
"""

_SECTIONS = {
    Decided.PRESENT: "The object's bytes stand in the data set already. It is not looked at again.",
    Decided.QUARANTINED: "The object is not fit to be loaded. It is looked at again when it is uploaded\n"
    "anew. The run's exit code is 3 with `--strict`, and wherever nothing was loaded or present.",
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


if __name__ == "__main__":
    REASONS_PAGE.write_text(reasons_page(), encoding="utf-8")
