"""What a change set would do to an installation, and whether that is let through: no data is put at risk.

The terms are CloudFormation's (API reference, DescribeChangeSet, ResourceChange).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from warehouse.domain.fargate import require_size
from warehouse.errors import SettingsError

# What holds what cannot be made again: CloudFormation keeps the old one, but the new one would be empty.
HOLDS_DATA = frozenset({"AWS::S3::Bucket", "AWS::Logs::LogGroup"})

# Failures of a change set that only say that there is nothing to do.
_NOTHING = ("didn't contain changes", "No updates are to be performed")

STANDS = "stands"
BUSY = "is being changed"
ABSENT = "does not exist"
STUCK = "could not be made"
HALTED = "could not be taken back to what it was"

# What to do about a stack that no change set can be made for.
REMEDIES: Mapping[str, str] = {
    BUSY: "wait for its end",
    STUCK: "delete it in CloudFormation, which keeps all buckets",
    HALTED: "let CloudFormation go on with that (Stack actions, Continue update rollback), then deploy again",
}


@dataclass(frozen=True, slots=True)
class Change:
    """One resource that would change: `action` is Add, Modify or Remove; `replacement` True, False,
    Conditional, or empty."""

    action: str
    logical_id: str
    type: str
    replacement: str = ""

    @property
    def endangers(self) -> bool:
        """Whether something that holds data would be taken away or be replaced by an empty one."""
        if self.type not in HOLDS_DATA:
            return False
        return self.action == "Remove" or self.replacement in ("True", "Conditional")


def changes_of(described: Mapping[str, Any]) -> list[Change]:
    """The changes of a change set as DescribeChangeSet tells of them."""
    return [
        Change(
            one["ResourceChange"]["Action"],
            one["ResourceChange"]["LogicalResourceId"],
            one["ResourceChange"]["ResourceType"],
            one["ResourceChange"].get("Replacement", ""),
        )
        for one in described.get("Changes", ())
        if "ResourceChange" in one
    ]


def says_nothing_to_do(reason: str) -> bool:
    """Whether a change set failed only because nothing would change."""
    return any(said in reason for said in _NOTHING)


def in_lines(changes: Sequence[Change]) -> Iterator[str]:
    """A table of changes, the gravest first."""
    order = {"Remove": 0, "Modify": 1, "Add": 2}
    rows = [
        (one.action, one.logical_id, one.type, _REPLACED.get(one.replacement, ""))
        for one in sorted(changes, key=lambda one: (order.get(one.action, 3), one.logical_id))
    ]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


_REPLACED = {"True": "is replaced", "Conditional": "may be replaced"}


def state_of(status: str | None) -> str:
    """What can be done with a stack of that status: STANDS, ABSENT, or nothing before what REMEDIES says."""
    if status is None or status in ("REVIEW_IN_PROGRESS", "DELETE_COMPLETE"):
        return ABSENT
    if status.endswith("_IN_PROGRESS"):
        return BUSY
    if status in ("ROLLBACK_COMPLETE", "CREATE_FAILED", "ROLLBACK_FAILED", "DELETE_FAILED"):
        return STUCK
    return HALTED if status == "UPDATE_ROLLBACK_FAILED" else STANDS


def parameters(
    known: Mapping[str, Any], given: Sequence[str], held: Sequence[str], defaults: Mapping[str, str]
) -> list[dict[str, Any]]:
    """The parameters of a change set: those given as K=V; else what the stack holds; else our defaults.

    `known` are the template's own. Raises SettingsError for a parameter that it does not have.
    """
    values = dict(defaults) if not held else {}
    for word in given:
        name, equals, value = word.partition("=")
        if not equals or name not in known:
            raise SettingsError(f"--parameter takes NAME=VALUE, with a name of: {', '.join(sorted(known))}")
        values[name] = value
    return [
        {"ParameterKey": name, "ParameterValue": values[name]}
        if name in values
        else {"ParameterKey": name, "UsePreviousValue": True}
        for name in known
        if name in values or name in held
    ]


def require_sizes(values: Mapping[str, str]) -> None:
    """Raise SettingsError where Fargate has no task of a pipeline's size, its …Cpu and …Memory."""
    for name in (name for name in values if name.endswith("Cpu")):
        memory = f"{name.removesuffix('Cpu')}Memory"
        if memory in values and values[name].isdecimal() and values[memory].isdecimal():
            require_size(int(values[name]), int(values[memory]), (name, memory))
