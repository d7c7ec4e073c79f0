"""What leaves this process: stages of nodes, rows with their positions, and what is told of them afterwards.

All of it can be pickled; nothing here runs a node.
"""

from __future__ import annotations

import base64
import pickle
import re
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field

from bonobo.child import unpacked
from bonobo.config.declarations import Declaration
from bonobo.constants import Row
from bonobo.graph import Parallel
from bonobo.plan import PlannedNode

Position = tuple[int, ...]
"""The place of a row among those that its segment was given, from 0; then its place among what each node
emitted for one row. Longer by one with each node."""

Counts = Mapping[str, int]

_SUM = (1 << 64) - 1
_QUOTED = re.compile(r"partition-failed:([A-Za-z0-9+/=]+):")


@dataclass(frozen=True, slots=True)
class Placed:
    """A row on its way, and what the next stage is to bring together: rows of equal `key`."""

    key: Hashable
    position: Position
    row: Row


@dataclass(frozen=True, slots=True)
class RowRejected:
    """A row that a node gave up: `error` is a message of `bonobo.child.packed`."""

    position: Position
    node: int
    row: Row
    attempts: int
    error: bytes


@dataclass(slots=True)
class Flow:
    """How many rows passed, and a sum over their positions: two that are equal saw the same rows."""

    rows: int = 0
    checksum: int = 0

    def add(self, position: Position) -> None:
        """Count a row."""
        self.rows += 1
        # A hash of integers is the same in every process.
        self.checksum = (self.checksum + hash(position)) & _SUM

    def join(self, other: Flow) -> None:
        """Count what another one counted."""
        self.rows += other.rows
        self.checksum = (self.checksum + other.checksum) & _SUM


@dataclass(frozen=True, slots=True)
class Account:
    """What became of one partition in one stage: rows in and out by node, what services count.

    `rejected` are the places, in the run, of the rows that its nodes gave up. An account stands before all
    rows: a share of rejected rows is judged by all that were taken.
    """

    stage: int
    nodes: Mapping[int, tuple[int, int]]
    taken: Flow
    given: Flow
    rejected: Flow
    services: Mapping[str, Counts] = field(default_factory=dict)
    position: Position = ()


Record = Placed | RowRejected | Account


class PartitionFailed(Exception):
    """What ended a partition, and with it the run: the node's index, and a message of `packed`.

    Its text can be read back by `find`, wherever it was printed; nothing of any row can be read in it.
    """

    def __init__(self, node: int | None, error: bytes) -> None:
        self.node = node
        self.error = error
        coded = base64.b64encode(pickle.dumps((node, error))).decode()
        super().__init__(f"partition-failed:{coded}:")

    def __reduce__(self) -> tuple[type[PartitionFailed], tuple[int | None, bytes]]:
        return type(self), (self.node, self.error)

    @classmethod
    def find(cls, text: str) -> PartitionFailed | None:
        """The last that a text quotes, None where it quotes none."""
        quoted = _QUOTED.findall(text)
        return cls(*pickle.loads(base64.b64decode(quoted[-1]))) if quoted else None

    def cause(self) -> BaseException:
        """The error itself."""
        _, error = unpacked(self.error)
        assert error is not None
        return error


@dataclass(frozen=True, slots=True)
class StageNode:
    """What of a planned node is needed where it runs."""

    index: int
    name: str
    settings: Parallel
    declared: Declaration


@dataclass(frozen=True, slots=True)
class Stage:
    """Nodes that a row passes without meeting others; `key` is that of the first node of the next stage."""

    number: int
    nodes: tuple[StageNode, ...]
    key: Callable[..., Hashable] | None
    rows_per_edge: int
    memory: int

    @property
    def required(self) -> frozenset[str]:
        """The names of the services that its nodes use."""
        return frozenset(name for node in self.nodes for name in node.declared.services.values())


def stages_of(
    runs: Iterable[tuple[PlannedNode, ...]], *, rows_per_edge: int, memory: int
) -> tuple[Stage, ...]:
    """Describe the stages of a segment; `memory` is for the rows of one partition, in bytes."""
    taken = list(runs)
    keys = [run[0].settings.key for run in taken[1:]]
    return tuple(
        Stage(
            number,
            tuple(StageNode(node.index, node.name, node.settings, node.declared) for node in run),
            key,
            rows_per_edge,
            memory,
        )
        for number, (run, key) in enumerate(zip(taken, [*keys, None], strict=True))
    )


def key_of(key: Callable[..., Hashable] | None, position: Position, row: Row) -> Hashable:
    """What rows must share to meet; a position, which no other row has, where that is nobody's concern.

    A key that cannot be made is an error of its node, which will make it again.
    """
    if key is None:
        return position
    try:
        made = key(*row)
        hash(made)
    except Exception:
        return position
    return made
