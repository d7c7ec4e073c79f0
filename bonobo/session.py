"""`bonobo.run`: one run from a graph to its report. It never exits the process; it reports failures."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from bonobo.budget import MEMORY
from bonobo.channel import ROWS_PER_EDGE
from bonobo.console import Console, Display
from bonobo.dead_letters import DeadLetterFile
from bonobo.division import Division, divide
from bonobo.dot import dot, draw
from bonobo.errors import BonoboError, Stopped, UsageError
from bonobo.graph import Graph
from bonobo.limits import MaxErrors
from bonobo.plan import DEAD_LETTERS, Plan, make_plan
from bonobo.quantities import LARGEST, parse_size
from bonobo.report import NodeReport, Report
from bonobo.report_file import ReportFile
from bonobo.runner import DRAIN_SECONDS, Limits, Runner
from bonobo.services import GivenServices, Services, checked, collect, hosted, with_defaults
from bonobo.signals import ClosingWatch, SignalWatch

if TYPE_CHECKING:
    from bonobo.segment import Elsewhere, Engine


@dataclass
class Surroundings:
    """What a command line says of every run under it; `reports` are those that came of it."""

    display: Display
    report: Path | None = None
    memory: int | None = None
    max_errors: int | float | None = None
    dead_letters: Path | None = None
    watch: SignalWatch | None = None
    reports: list[Report] = field(default_factory=list)


class GraphFound(BaseException):
    """Under `bonobo inspect`, `bonobo.run` goes no further than to show its graph."""

    def __init__(self, graph: Graph) -> None:
        super().__init__()
        self.graph = graph


INSPECTING = object()
_surroundings: ContextVar[Surroundings | object | None] = ContextVar("bonobo_surroundings", default=None)


@contextmanager
def surrounded(by: object) -> Iterator[None]:
    """Let `by` (Surroundings, or INSPECTING) decide what `bonobo.run` means in this context."""
    token = _surroundings.set(by)
    try:
        yield
    finally:
        _surroundings.reset(token)


def run(
    graph: Graph,
    *,
    services: GivenServices = None,
    plugins: object = None,
    strategy: object = None,
    console: Display | None = None,
    report: str | Path | None = None,
    memory: int | str | None = None,
    max_errors: int | float | str | None = None,
    rows_per_edge: int = ROWS_PER_EDGE,
    handle_signals: bool = False,
    engine: Engine | None = None,
) -> Report:
    """Run a graph to its end and return the Report, whatever became of it; see its `exit_code` and `fatal`.

    `services` is a mapping from names to objects, whose values with a `close()` are closed afterwards, or a
    context manager that yields such a mapping: it is entered before row one and exited after the last, with
    the fatal cause if there is one. After that, `exit_code`, `summary()` and `report()` of services are read.

    `memory` bounds the bytes that rows may hold together: a number, or a text such as "256MiB", which is the
    default. `rows_per_edge` bounds the rows that wait between two nodes. `max_errors` ends the run once more
    rows than that were rejected; 0.01 or "1%" is a share of each node's rows. `report` is a file for the
    report as JSON; one that cannot be written is found before row one. Bonobo's `strategy` changes nothing,
    since there is one engine; its `plugins` are refused.

    `engine` works on what of the graph is parallel, in processes of its own: see `bonobo.spark.Spark`. Raises
    nothing more; a graph that it cannot divide is refused before row one.

    With `handle_signals` (main thread only) the first SIGINT or SIGTERM stops the run: what is in flight
    drains for BONOBO_DRAIN seconds; a second signal leaves at once. Without it, an interruption of the
    calling thread cancels the run, closes the services and goes on as the exception that it is.

    >>> import bonobo
    >>> report = bonobo.run(bonobo.Graph(range(3), print), console=bonobo.QUIET)
    0
    1
    2
    >>> report.exit_code, [node.rows_in for node in report.nodes]
    (0, [1, 3])
    """
    around = _surroundings.get()
    if around is INSPECTING:
        raise GraphFound(graph)
    if not isinstance(around, Surroundings):
        around = Surroundings(Console())
    if around.watch is not None and around.watch.first is not None and around.reports:
        # A run before this one was stopped, and with it the file that would go on to the next.
        raise around.watch.first
    session = _Session(
        display=console or around.display,
        file=around.report if report is None else Path(report),
        watch=around.watch,
        memory=around.memory if memory is None else memory,
        max_errors=around.max_errors if max_errors is None else max_errors,
        dead_letters=around.dead_letters,
        rows_per_edge=rows_per_edge,
        plugins=plugins,
        engine=engine,
    )
    around.reports.append(session.report)
    if handle_signals and session.watch is None:
        with SignalWatch() as session.watch:
            return session.run(graph, services)
    return session.run(graph, services)


def inspect(graph: Graph, *, format: str = "graph", output: str | Path | None = None) -> None:
    """Print a graph in DOT on standard output, or draw it; nothing is run and no service is built.

    `output` is a file that ends in .png, .svg, .pdf or .dot; all but the last need Graphviz. Raises
    UsageError where it cannot be made.

    >>> import bonobo
    >>> bonobo.inspect(bonobo.Graph(range(3), print))  # doctest: +ELLIPSIS
    digraph {
    ...
    }
    """
    if format != "graph":
        raise UsageError(f"unknown format {format!r}; there is: graph")
    if output is None:
        print(dot(graph))
    else:
        draw(graph, Path(output))


@dataclass
class _Session:
    display: Display
    file: Path | None
    watch: SignalWatch | None
    memory: int | str | None
    max_errors: int | float | str | None
    dead_letters: Path | None
    rows_per_edge: int
    plugins: object
    engine: Engine | None = None
    report: Report = field(default_factory=Report)
    services: Services = field(default_factory=dict)
    interruption: KeyboardInterrupt | None = None
    opened: ReportFile | None = None
    closing: ClosingWatch | None = None

    def run(self, graph: Graph, services: GivenServices) -> Report:
        try:
            self._carry_out(graph, services)
        except BaseException as error:
            self._note(error)
        try:
            collect(self.services, self.report)
        except BaseException as error:
            self._note(error)
        if self.report.stopped is not None:
            self.report.fail(self.report.stopped)
        self.report.close()
        self._write()
        self.display.end(self.report)
        if self.watch is not None:
            self.watch.deliver(None)
        if self.closing is not None:
            self.closing.done()
        if self.interruption is not None:
            raise self.interruption
        return self.report

    def _carry_out(self, graph: Graph, services: GivenServices) -> None:
        """Raises what ended the run, after the services saw it."""
        if self.plugins:
            raise UsageError("plugins are not supported: give `console` an object that shows the run")
        if self.file is not None:
            self.opened = ReportFile(self.file)
        limits = Limits(
            rows_per_edge=_at_least_one("rows_per_edge", self.rows_per_edge),
            memory=_memory(self.memory),
            max_errors=None if self.max_errors is None else MaxErrors.of(self.max_errors),
            drain=_drain_seconds(),
        )
        if self.watch is not None and self.watch.first is not None:
            raise self.watch.first
        plan = make_plan(graph)
        division = None if self.engine is None else divide(plan)
        self.report.nodes.extend(NodeReport(node.name, workers=node.workers) for node in plan.nodes)
        with hosted(services) as given:
            try:
                with self._letters() as letters:
                    self._stream(plan, division, checked(given), limits, letters)
            except BaseException as error:
                # Before the services see it: one of them might swallow it.
                self._note(error)
                raise

    @contextmanager
    def _letters(self) -> Iterator[DeadLetterFile | None]:
        """The file that the command line named for every rejected row."""
        if self.dead_letters is None:
            yield None
            return
        with closing(DeadLetterFile(self.dead_letters)) as file:
            yield file

    def _stream(
        self,
        plan: Plan,
        division: Division | None,
        services: Services,
        limits: Limits,
        letters: DeadLetterFile | None,
    ) -> None:
        here = plan if division is None else division.plan
        self.services = services = with_defaults(services, here.required)
        here.require(services if letters is None else {DEAD_LETTERS, *services})
        with self._elsewhere(division) as elsewhere:
            self._run(Runner(plan, services, self.report, self.display, limits, letters, elsewhere), limits)
        if self.report.fatal is not None:
            raise self.report.fatal

    @contextmanager
    def _elsewhere(self, division: Division | None) -> Iterator[Elsewhere | None]:
        """What another engine works on, while it is there to do so."""
        if self.engine is None or division is None:
            yield None
            return
        # Whoever has no other engine does without the import.
        from bonobo.segment import Elsewhere

        with self.engine.cluster() as cluster:
            yield Elsewhere(division, cluster)

    def _run(self, runner: Runner, limits: Limits) -> None:
        if self.watch is not None:
            self.watch.deliver(runner.events.put)
        self.display.begin(self.report)
        try:
            # A run within a node is its own: signals and the command's options are for this one.
            with surrounded(None):
                runner.run()
        finally:
            if self.watch is not None:
                self.closing = ClosingWatch(limits.drain)
                # Tells at once of a signal that came before.
                self.watch.deliver(self._stopped_late)

    def _stopped_late(self, stopped: Stopped) -> None:
        """A signal while services are closed: they go on, but not for ever."""
        self.report.stopped = self.report.stopped or stopped
        if self.closing is not None:
            self.closing.stopped(stopped)

    def _note(self, error: BaseException) -> None:
        if self.report.fatal is None and isinstance(error, KeyboardInterrupt):
            self.interruption = error
        self.report.fail(error)

    def _write(self) -> None:
        if self.opened is None:
            return
        try:
            self.opened.write(self._as_text())
        except BonoboError as error:
            self.report.fail(error)

    def _as_text(self) -> str:
        try:
            return json.dumps(self.report.to_json(), indent=2, default=str) + "\n"
        except Exception as error:
            # Only what services say of themselves can be no JSON.
            self.report.services = {}
            self.report.fail(BonoboError(f"what services report cannot be JSON: {type(error).__name__}"))
            return json.dumps(self.report.to_json(), indent=2) + "\n"


def _memory(given: int | str | None) -> int:
    if given is None:
        return MEMORY
    return parse_size(given) if isinstance(given, str) else _at_least_one("memory", given)


def _at_least_one(name: str, number: int) -> int:
    if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= LARGEST:
        raise UsageError(f"{name} must be a whole number, 1 or more")
    return number


def _drain_seconds() -> float:
    text = os.environ.get("BONOBO_DRAIN", "")
    if not text:
        return DRAIN_SECONDS
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise UsageError("BONOBO_DRAIN must be a number of seconds")
    return seconds
