"""What became of a run: counts per node, rejected rows, the first fatal cause, and so the exit code.

A report holds no field of any row: places, counts and exception classes only.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from threading import Lock
from typing import Any

from bonobo.errors import INTERNAL_ERROR, Stopped, class_of, exit_code_of, where
from bonobo.version import VERSION

REJECTED_KEPT = 1000
"""How many rejected rows a report lists; the others are counted."""


@dataclass(slots=True)
class NodeReport:
    """One node's counters: input rows taken, rows emitted, rows rejected; `state` in a word.

    States: waiting, running, done, stopped (cut short by a signal or an error), failed (it ended the run).

    The others say how it stands at this moment: rows `queued` before it, of the `capacity` of its queue; rows
    `in_flight`, of as many as it has `workers`; and `expected`, how many a source declared that it will emit.
    """

    name: str
    rows_in: int = 0
    rows_out: int = 0
    errors: int = 0
    state: str = "waiting"
    queued: int = 0
    capacity: int = 0
    in_flight: int = 0
    workers: int = 1
    expected: int | None = None

    def line(self) -> str:
        """Give the summary's line.

        >>> NodeReport("load_config", rows_in=1, rows_out=1, state="done").line()
        ' - load_config in=1 out=1 [done]'
        """
        errors = f" err={self.errors}" if self.errors else ""
        return f" - {self.name} in={self.rows_in} out={self.rows_out}{errors} [{self.state}]"


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that a node failed on: `sequence` is its place among the node's inputs, from 1.

    `exception` is a class and `where` a line of code: neither holds anything of the row. `attempts` is how
    often the node tried.
    """

    run: str
    node: str
    sequence: int
    exception: str
    where: str
    attempts: int = 1


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass
class Report:
    """The account of one run, filled while it goes on. `services` holds what services report.

    >>> import bonobo
    >>> report = bonobo.run(bonobo.Graph([1, 0], lambda x: 1 // x), console=bonobo.QUIET)
    >>> report.exit_code, report.rejected_count, report.rejected[0].exception
    (1, 1, 'ZeroDivisionError')
    """

    run: str = field(default_factory=lambda: uuid.uuid4().hex)
    started: datetime = field(default_factory=_now)
    ended: datetime | None = None
    nodes: list[NodeReport] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    rejected_count: int = 0
    fatal: BaseException | None = None
    fatal_node: str | None = None
    stopped: Stopped | None = None
    service_codes: list[int] = field(default_factory=list)
    service_lines: list[str] = field(default_factory=list)
    service_notices: list[str] = field(default_factory=list)
    services: dict[str, Any] = field(default_factory=dict)
    abandoned: int = 0
    """Threads that were still in somebody's code when the run stopped waiting for them."""
    _lock: Lock = field(default_factory=Lock, repr=False, compare=False)

    @property
    def exit_code(self) -> int:
        """130 or 143 for a signal, then the fatal error's code, then the first service's, then 1, then 0."""
        if self.stopped is not None:
            return self.stopped.exit_code
        if self.fatal is not None:
            # A process's code has eight bits, and a run that was cut short did not end well.
            return exit_code_of(self.fatal) & 0xFF or INTERNAL_ERROR
        if self.service_codes:
            return self.service_codes[0]
        return 1 if self.rejected_count else 0

    @property
    def seconds(self) -> float:
        """How long the run took, or has taken until now."""
        return ((self.ended or _now()) - self.started).total_seconds()

    def reject(self, node: NodeReport, sequence: int, error: BaseException, attempts: int = 1) -> Rejected:
        """Count a row error of a node, and keep its place while there is room; from any thread."""
        rejected = Rejected(self.run, node.name, sequence, class_of(error), where(error), attempts)
        with self._lock:
            node.errors += 1
            self.rejected_count += 1
            if len(self.rejected) < REJECTED_KEPT:
                self.rejected.append(rejected)
        return rejected

    def fail(self, cause: BaseException, node: NodeReport | None = None) -> None:
        """Note what ended the run, and the node that did; the first cause stays. From any thread."""
        with self._lock:
            if isinstance(cause, Stopped) and self.stopped is None:
                self.stopped = cause
            if self.fatal is None:
                self.fatal, self.fatal_node = cause, node.name if node is not None else None
            if node is not None:
                node.errors += 1
                node.state = "failed"

    def close(self) -> None:
        """Note the time; nodes that never began were stopped."""
        self.ended = _now()
        for node in self.nodes:
            if node.state == "waiting":
                node.state = "stopped"

    def lines(self) -> Iterable[str]:
        """Give the summary: one line a node, then what services have to say."""
        yield from (node.line() for node in self.nodes)
        yield from self.service_lines

    def to_json(self) -> Mapping[str, Any]:
        """Give the report as JSON's types; times are ISO 8601 in UTC."""
        return {
            "version": VERSION,
            "run": self.run,
            "started": self.started.isoformat(),
            "ended": self.ended.isoformat() if self.ended else None,
            "seconds": round(self.seconds, 3),
            "exit_code": self.exit_code,
            "fatal": None if self.fatal is None else class_of(self.fatal),
            "nodes": [
                {
                    "name": node.name,
                    "in": node.rows_in,
                    "out": node.rows_out,
                    "err": node.errors,
                    "state": node.state,
                }
                for node in self.nodes
            ],
            "rejected": {"count": self.rejected_count, "rows": [asdict(row) for row in self.rejected]},
            "services": self.services,
        }
