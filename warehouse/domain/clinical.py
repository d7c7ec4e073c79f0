"""Bytes of a clinical file -> what the loader must know of it, or the reason why it cannot be trusted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from warehouse.domain import strict_json
from warehouse.domain.keys import canonical

MAXIMUM_SIZE = 5_000_000

# It stands in a row of the catalog, and beside each object of its patient that is listed.
MAXIMUM_SITE = 1_000


@dataclass(frozen=True, slots=True)
class ClinicalRecord:
    """The two fields that decide: who it is about, and who submitted it (None where it does not say)."""

    pseudonym: str | None
    site: str | None


def parse(data: bytes) -> ClinicalRecord | str:
    """Read a whole clinical file (a JSON object). Gives the record, or the reason `invalid-json`."""
    content = document(data)
    if content is None:
        return "invalid-json"
    return ClinicalRecord(_identifier(content.get("Pseudonym")), site(content.get("SubmittingCentre")))


def document(data: bytes) -> dict[str, Any] | None:
    """The JSON object that a whole clinical file is; None where it is no strict JSON, or too large."""
    if len(data) > MAXIMUM_SIZE:
        return None
    try:
        content = strict_json.loads(data)
    except ValueError:
        return None
    return content if isinstance(content, dict) else None


def agrees(record: ClinicalRecord, pseudonym: str) -> bool:
    """Whether the file's content and its name mean the same patient; the name decides where the
    content says nothing."""
    return record.pseudonym is None or canonical(record.pseudonym) == canonical(pseudonym)


def _identifier(value: object) -> str | None:
    """A pseudonym given as a number counts as its digits; any other type agrees with no file name."""
    if value is None:
        return None
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""


def site(value: object) -> str | None:
    """The submitting centre that a field names; None where it is no text, empty, or too long for a name."""
    return value if isinstance(value, str) and 0 < len(value) <= MAXIMUM_SITE else None
