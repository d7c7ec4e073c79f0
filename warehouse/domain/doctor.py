"""What the findings of `warehouse doctor` mean: each is one check, with what to do where it is not well.

A check names permissions by their actions and prefixes, never an object of somebody's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any, Literal

from warehouse.errors import Archived, Forbidden, StoreError, StoreFault

# Signature Version 4: a request that is off by more than fifteen minutes is refused. Runs and inventories are
# dated by the clock long before.
REFUSED_BEYOND = timedelta(minutes=15)
DOUBTED_BEYOND = timedelta(minutes=1)

# Below, a load would soon fail; the second is what one image with its metadata may take.
LITTLE_ROOM = 1024**3
NO_ROOM = 64 * 1024**2

# The ways to copy whose conditions a server may heed, the cheapest first (docs/s3.md, Copies).
CONDITIONAL_COPIES: tuple[Literal["header", "multipart", "put"], ...] = ("header", "multipart", "put")
UNCONDITIONAL_COPY = "head"

TABLE = "docs/s3.md, Permissions"


class Verdict(StrEnum):
    """What a check ends with. Only MISSING and UNTRIED keep a first load from going well."""

    OK = "ok"
    WARNING = "warning"
    MISSING = "missing"
    UNTRIED = "untried"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at: what was found, and what to do."""

    name: str
    verdict: Verdict
    said: str
    remedy: str = ""

    @property
    def line(self) -> str:
        """The check for a person: one line."""
        remedy = f" -> {self.remedy}" if self.remedy else ""
        return f"{self.verdict.value:8}{self.name}: {self.said}{remedy}"


def ok(name: str, said: str) -> Check:
    """All is well."""
    return Check(name, Verdict.OK, said)


def warning(name: str, said: str, remedy: str) -> Check:
    """A load will do; somebody may want to know."""
    return Check(name, Verdict.WARNING, said, remedy)


def missing(name: str, said: str, remedy: str) -> Check:
    """A load would not go well."""
    return Check(name, Verdict.MISSING, said, remedy)


def untried(name: str, said: str, remedy: str = "mend what is missing, then run this again") -> Check:
    """It could not be looked at."""
    return Check(name, Verdict.UNTRIED, said, remedy)


def failed(name: str, error: StoreError, grant: str = "") -> Check:
    """What an error of a store means to a check. `grant` is the permission that was tried, and on what."""
    match error:
        case Forbidden():
            said = "permission denied"
            if error.operation == "list":
                # A policy may allow to list some prefixes only.
                grant = "s3:ListBucket on the whole bucket"
            return missing(name, said, f"grant {grant} ({TABLE})" if grant else "look at the credentials")
        case StoreFault():
            return untried(name, str(error), "a fault of the store: run this again")
        case Archived():
            return warning(name, "the first object is archived", "restore what is to be loaded")
        case _:
            return missing(name, str(error), "look at the bucket and the endpoint")


def exit_code(checks: Iterable[Check]) -> int:
    """2 where something is missing, 4 where something could not be tried, else 0."""
    verdicts = {check.verdict for check in checks}
    if Verdict.MISSING in verdicts:
        return 2
    return 4 if Verdict.UNTRIED in verdicts else 0


def summary(checks: Iterable[Check]) -> str:
    """The last line: how many checks ended how."""
    counts = dict.fromkeys(Verdict, 0)
    for check in checks:
        counts[check.verdict] += 1
    return ", ".join(f"{count} {verdict.value}" for verdict, count in counts.items() if count)


def as_figures(location: str, checks: Iterable[Check], left: Iterable[str]) -> Mapping[str, Any]:
    """The whole for programs. `left` are the keys of the probes that stay behind."""
    held = list(checks)
    return {
        "location": location,
        "exit_code": exit_code(held),
        "checks": [asdict(check) for check in held],
        "probes": list(left),
    }


def clock(ahead: timedelta) -> Check:
    """How far this machine's clock is ahead of the server's; negative where it is behind.

    >>> clock(timedelta(seconds=-75)).said
    '75 seconds behind the server'
    """
    off = abs(ahead)
    if off <= DOUBTED_BEYOND:
        return ok("clock", "agrees with the server's to a minute")
    said = f"{off.total_seconds():.0f} seconds {'ahead of' if ahead > timedelta() else 'behind'} the server"
    remedy = "set this machine's clock (NTP)"
    return (missing if off > REFUSED_BEYOND else warning)("clock", said, remedy)


def copies(mode: str, heeded: Mapping[str, bool]) -> Check:
    """Whether copies by `mode` leave alone what stands at their target; `heeded` tells it of each way."""
    name = f"copies ({mode})"
    good = [one for one in CONDITIONAL_COPIES if heeded.get(one)]
    if mode in good:
        return ok(name, f"both conditions are heeded; here by {', '.join(good)}")
    if mode == UNCONDITIONAL_COPY:
        remedy = f"set WAREHOUSE_S3_COPY={good[0]}" if good else "let one load run at a time"
        return warning(name, "a second writer can come between the look and the copy", remedy)
    remedy = "no way is heeded here: set WAREHOUSE_S3_COPY=head, and let one load run at a time"
    if good:
        remedy = f"set WAREHOUSE_S3_COPY={good[0]}"
    return missing(name, "a copy would replace what stands at its target", remedy)


def room(free: int, files: int, lacking: int | None) -> Check:
    """Whether a folder's file system has room: bytes and files that are free, and the bytes of the raw
    objects less those that stand in the sets, if they were counted."""
    said = f"{free / 1024**3:,.1f} GiB free"
    if free < NO_ROOM or files == 0:
        return missing("room", said if files else "no more files can be made", "make room")
    if lacking is not None and lacking > free:
        more = f", and {lacking / 1024**3:,.1f} GiB of raw objects more than the sets hold"
        return warning("room", said + more, "make room, unless the file system shares blocks of copies")
    return warning("room", said, "make room") if free < LITTLE_ROOM else ok("room", said)


def lines(checks: Iterable[Check], left: Iterable[str]) -> Iterator[str]:
    """What a person reads, a check a line."""
    held = list(checks)
    yield from (check.line for check in held)
    yield summary(held)
    if kept := list(left):
        yield f"Left behind, and used again by the next doctor: {', '.join(kept)}"
