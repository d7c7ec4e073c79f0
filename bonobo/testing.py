"""The public test kit: run a node or a graph in a test, and see what comes out.

The rows run through the same engine as always, so that order, errors and services are the real ones.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from bonobo.config import use_raw_input
from bonobo.constants import EMPTY, Row
from bonobo.graph import Graph
from bonobo.report import Rejected, Report
from bonobo.services import GivenServices
from bonobo.session import run


@dataclass
class Result:
    """What came of a run: the `rows` that its last nodes emitted, in order of arrival, and its `report`.

    `errors` are the exceptions of rejected rows; what ended the run is `report.fatal`.

    >>> result = run_node(lambda x: 1 / x, 2, 0, check=False)
    >>> result.rows, result.errors, result.report.exit_code
    ([(0.5,)], [ZeroDivisionError('division by zero')], 1)
    """

    rows: list[Row]
    report: Report
    errors: list[BaseException] = field(default_factory=list)


class _Recorder:
    """A display that shows nothing and keeps the exceptions of rejected rows."""

    interval = math.inf

    def __init__(self) -> None:
        self.errors: list[BaseException] = []
        self._lock = Lock()

    def begin(self, report: Report) -> None: ...

    def progress(self, report: Report) -> None: ...

    def row_failed(self, rejected: Rejected, error: BaseException) -> None:
        with self._lock:
            self.errors.append(error)

    def end(self, report: Report) -> None: ...


def run_node(node: Any, *rows: Any, services: GivenServices = None, check: bool = True) -> Result:
    """Run one node over rows; without rows, over one row without fields, as a source gets it.

    A row is a tuple; anything else is a row of one field. The first error of a row, or what ended the run,
    is raised; with `check=False` it is in the result instead.

    >>> def add(x, y):
    ...     return x + y
    >>> run_node(add, (1, 2), (3, 4)).rows
    [(3,), (7,)]
    >>> run_node(add, (1, None), check=False).errors
    [TypeError("unsupported operand type(s) for +: 'int' and 'NoneType'")]
    """
    given = [row if isinstance(row, tuple) else (row,) for row in rows] or [EMPTY]
    return run_graph(Graph(_Source(given), node), services=services, check=check)


def run_graph(graph: Graph, *, services: GivenServices = None, check: bool = True) -> Result:
    """Run a graph and collect what the nodes without outputs emit. The graph itself is left as it is.

    >>> graph = Graph()
    >>> _ = graph.add_chain([1, 2], lambda x: x * 10)
    >>> run_graph(graph).rows
    [(10,), (20,)]
    """
    collector = _Collector()
    recorder = _Recorder()
    report = run(_with_collector(graph, collector), services=services, console=recorder)
    result = Result(collector.rows, report, recorder.errors)
    failure = report.fatal or next(iter(result.errors), None)
    if check and failure is not None:
        raise failure
    return result


class _Source:
    """Rows as a node. Not a list, so that a row given by a test is never taken for a chain's node."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._rows = list(rows)

    def __iter__(self) -> Any:
        return iter(self._rows)


@use_raw_input
class _Collector:
    def __init__(self) -> None:
        self.rows: list[Row] = []

    def __call__(self, row: Row) -> None:
        self.rows.append(row)


def _with_collector(graph: Graph, collector: _Collector) -> Graph:
    copy = graph.copy()
    leaves = [index for index in range(len(graph)) if not graph.outputs_of(index)]
    copy.add_chain(collector, _input=None)
    for leaf in leaves:
        copy.add_chain(_input=leaf, _output=collector)
    return copy
