"""Which clinical fields have a value, patient by patient: counts only, whatever the values are.

A value is anything but null, blank text, and an empty list or object. The patient's identifier is not asked
for, since it names every record; what fields there are beside the known ones is only counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, get_args

from warehouse.domain.clinical_fields import FIELD_GROUPS, ORIGINAL_FIELDS

# A patient's record is a `data_` file, which has medical data, or a `status_` file, which has few fields.
Kind = Literal["data", "status"]
KINDS: tuple[Kind, ...] = get_args(Kind)

_IDENTIFIER = "Pseudonym"
_KNOWN = frozenset(ORIGINAL_FIELDS) - {_IDENTIFIER}
_NEVER_COUNTED = frozenset({_IDENTIFIER, "OtherDataSources"})


class Filled(NamedTuple):
    """A field of a group of the form, and how many records of each kind have a value in it."""

    group: str
    field: str
    data: int
    status: int


@dataclass(slots=True)
class Completeness:
    """The counts so far. Grows with known fields, never with patients or values."""

    records: Counter[Kind] = field(default_factory=Counter)
    values: Counter[tuple[Kind, str]] = field(default_factory=Counter)
    with_others: int = 0

    def add(self, kind: Kind, record: Mapping[str, Any]) -> None:
        """Count the record that speaks for one patient."""
        self.records[kind] += 1
        named = {name for name, value in record.items() if has_value(value)}
        self.values.update((kind, name) for name in named & _KNOWN)
        self.with_others += bool(named - _KNOWN - _NEVER_COUNTED)

    def fields(self) -> Iterator[Filled]:
        """Each known field, in the order of the form."""
        for group, names in FIELD_GROUPS.items():
            for name in names:
                if name != _IDENTIFIER:
                    yield Filled(group, name, self.values["data", name], self.values["status", name])


def has_value(value: Any) -> bool:
    """Whether a JSON value says anything.

    >>> has_value(0), has_value(False), has_value(" "), has_value([None, ""]), has_value({"SwabDate": "x"})
    (True, True, False, False, True)
    """
    match value:
        case None:
            return False
        case str():
            return bool(value.strip())
        case list():
            return any(map(has_value, value))
        case dict():
            return any(map(has_value, value.values()))
    return True
