"""One run of a pipeline from its settings to its code: whatever becomes of it is printed, sent and measured.

Only what ends the process at once is told to nobody: a second signal, a kill, the machine's end.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import bonobo
from bonobo.allocator import use_one_heap
from bonobo.console import UNUSABLE
from bonobo.errors import describe
from bonobo.report import Report
from bonobo.session import Surroundings, surrounded
from bonobo.signals import SignalWatch
from warehouse import __version__, dataprocess, submittingcentres, warehouseloader
from warehouse.cloud.clients import Access
from warehouse.cloud.notification import publish
from warehouse.domain.run_report import RunReport, attributes, message, metric_line, sentence, subject
from warehouse.errors import CloudError, OutputLost, SettingsError
from warehouse.lines import Lines, code_of
from warehouse.opening import catalog_version
from warehouse.services import centres_services, loader_services, new_run, process_services, utc_now
from warehouse.settings import Settings, TaskSettings, read_settings, read_task_settings

log = logging.getLogger("warehouse")

INCOMPLETE = 4

Made = AbstractContextManager[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Pipeline:
    """What a container can run: a graph, and its services under settings and a form of lines.

    One that does not read the catalog need not be allowed to, and is not told its version.
    """

    graph: Callable[[int], bonobo.Graph]
    services: Callable[[Settings, Lines], Made]
    reads_catalog: bool = True


PIPELINES: Mapping[str, Pipeline] = {
    "warehouseloader": Pipeline(
        warehouseloader.get_graph, lambda settings, lines: loader_services(settings, run=lines.run)
    ),
    "submittingcentres": Pipeline(
        submittingcentres.get_graph,
        lambda settings, lines: centres_services(settings, output=lines.print),
        reads_catalog=False,
    ),
    "dataprocess": Pipeline(dataprocess.get_graph, lambda settings, _: process_services(settings)),
}


@dataclass(slots=True)
class Begun:
    """What a run had when it ended: settings, if they could be read, and services, if they could be made."""

    settings: Settings | None = None
    services: dict[str, Any] = field(default_factory=dict)


def run_task(
    arguments: Sequence[str], environment: Mapping[str, str], watch: SignalWatch
) -> tuple[int, Sequence[Report]]:
    """Run a pipeline under the watch for signals; give the process's code, and the engine's report."""
    started, began = utc_now(), time.monotonic()
    use_one_heap()
    try:
        name = _name_of(arguments)
        task = read_task_settings(environment)
    except SettingsError as error:
        bonobo.Console().error(error)
        return error.exit_code, ()
    lines = Lines(task.log_format, name, new_run(started))
    lines.show_log()
    console = lines.console(sys.stdout)
    begun = Begun()
    account = _carried_out(PIPELINES[name], environment, lines, console, watch, begun)
    store = begun.services.get("store")
    report = RunReport(
        pipeline=name,
        run=str(lines.run),
        version=__version__,
        started=started,
        seconds=time.monotonic() - began,
        exit_code=code_of(account, console),
        error=None if account.fatal is None else describe(account.fatal, account.fatal_node),
        summary=_summary(account, begun),
        ledger=account.services.get("ledger"),
        requests=None if store is None else store.counts(),
        catalog_version=_catalog_version(begun) if PIPELINES[name].reads_catalog else None,
    )
    # A dry run is no sign that the warehouse is well.
    if begun.settings is not None and begun.settings.dry_run:
        task = replace(task, stack=None)
    return _told(report, task, lines), [account]


def _name_of(arguments: Sequence[str]) -> str:
    if not arguments or arguments[0] not in PIPELINES:
        raise SettingsError(f"name one of the pipelines: {', '.join(PIPELINES)}")
    name, *more = arguments
    if more:
        # Whoever says --dry-run here must not get a load.
        raise SettingsError(f"{name} takes no arguments: set variables, such as DRY_RUN, or run `warehouse`")
    return name


def _carried_out(
    pipeline: Pipeline,
    environment: Mapping[str, str],
    lines: Lines,
    console: bonobo.Console,
    watch: SignalWatch,
    begun: Begun,
) -> Report:
    """The report of a run, also of one that ended before it began; `begun` gets what it had."""
    around = Surroundings(console, watch=watch)
    try:
        settings = begun.settings = read_settings(environment)
        services = _kept(pipeline.services(settings, lines), begun)
        with surrounded(around):
            return bonobo.run(pipeline.graph(settings.concurrency), services=services)
    except BaseException as error:
        report = around.reports[0] if around.reports else Report()
        # A signal may come between a run's end and here: the run ended as it did.
        if report.ended is None:
            report.fail(error)
            report.close()
            console.error(error)
        return report
    finally:
        # From here on a signal comes too late to stop anything: what is left takes seconds.
        watch.deliver(lambda _: None)


@contextmanager
def _kept(services: Made, begun: Begun) -> Generator[Mapping[str, Any]]:
    with services as given:
        begun.services.update(given)
        yield given


def _summary(account: Report, begun: Begun) -> tuple[str, ...]:
    """What the run printed of its results; counts of a run that was asked for in vain say nothing."""
    if account.exit_code == UNUSABLE:
        return ()
    message_file = begun.services.get("message")
    centres = [] if message_file is None else message_file.text.splitlines()
    return (*centres, *account.service_lines)


def _catalog_version(begun: Begun) -> int | None:
    if begun.settings is None or not begun.services:
        return None
    try:
        return catalog_version(begun.settings)
    except Exception as error:
        log.warning("the version of the catalog could not be read: %s", describe(error))
        return None


def _told(report: RunReport, task: TaskSettings, lines: Lines) -> int:
    """Send, print and measure what became of a run; its code, or 4 where only the telling failed."""
    codes = [report.exit_code]
    if task.topic_arn is not None:
        try:
            access = Access(region=task.topic_region)
            publish(task.topic_arn, access, subject(report.pipeline), message(report), attributes(report))
        except (CloudError, SettingsError) as error:
            log.error("the notification was not sent: %s", error)
            codes.append(INCOMPLETE)
    try:
        code = next(filter(None, codes), 0)
        lines.print(f"{sentence(report.seconds, code)}\n")
        if task.stack is not None:
            Lines().print(f"{metric_line(replace(report, exit_code=code), task.stack, utc_now())}\n")
    except OutputLost as error:
        log.error("%s", error)
        codes.append(error.exit_code)
    return next(filter(None, codes), 0)
