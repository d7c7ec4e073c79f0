"""The command `bonobo`: run, inspect, version. The only place that ends the process."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import NoReturn

import click

from bonobo import session
from bonobo.console import Console
from bonobo.environ import environment
from bonobo.errors import INTERNAL_ERROR, exit_code_of
from bonobo.loading import Target, drawn, execute, graph_of, importable, services_of
from bonobo.report import Report
from bonobo.session import Surroundings, surrounded
from bonobo.signals import SignalWatch
from bonobo.version import VERSION


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, message="bonobo %(version)s")
def main() -> None:
    """Run and draw graphs of generator nodes."""
    owners = sorted(set(packages_distributions().get("bonobo", ())))
    if len(owners) > 1:
        raise click.UsageError(
            f"{len(owners)} installed distributions bring a package named bonobo: {', '.join(owners)}. "
            f"Uninstall them all (pip uninstall {' '.join(owners)}), then install the one you want again."
        )


@main.command()
@click.argument("file", required=False)
@click.option("-m", "module", metavar="MODULE", help="Run a module instead of a file.")
@click.option("-q", "--quiet", is_flag=True, help="No progress and no summary; errors still show.")
@click.option("-v", "--verbose", is_flag=True, help="Tracebacks, whose messages may hold values of rows.")
@click.option("-e", "--env", multiple=True, metavar="K=V", help="Set an environment variable for the run.")
@click.option("--report", metavar="FILE", help="Write what became of the run as JSON.")
def run(
    file: str | None, module: str | None, quiet: bool, verbose: bool, env: Sequence[str], report: str | None
) -> None:
    """Run the graph of FILE, of a folder's __main__.py, or of a module.

    \b
    Exit codes: 0 finished; 1 rows failed; 2 usage; 70 internal error;
    130 and 143 stopped by SIGINT and SIGTERM; others are the graph's own.

    The first signal stops the sources; what is in flight has BONOBO_DRAIN
    seconds (20) to finish. A second signal leaves at once.
    """
    if quiet and verbose:
        raise click.UsageError("--quiet and --verbose exclude each other")
    console = Console(quiet=quiet, verbose=verbose)
    surroundings = Surroundings(console, report=None if report is None else Path(report))
    try:
        with SignalWatch() as watch, environment(env):
            surroundings.watch = watch
            _run(Target.named(file, module), surroundings)
    except SystemExit as error:
        leave(exit_code_of(error), surroundings.reports)
    except BaseException as error:
        console.error(error)
        leave(exit_code_of(error), surroundings.reports)
    leave(0, surroundings.reports)


def _run(target: Target, surroundings: Surroundings) -> None:
    with importable(target), surrounded(surroundings):
        namespace = execute(target)
        if not surroundings.reports:
            session.run(graph_of(namespace), services=services_of(namespace))


def leave(code: int, reports: Iterable[Report] = ()) -> NoReturn:
    """End the process of a command: with `code`, else as the first of `reports` that did not end well.

    Where all went well and standard output is lost, the code is 70. Output that its reader left is not lost.
    """
    reports = list(reports)
    code = code or next((report.exit_code for report in reports if report.exit_code), 0)
    lost = _lost_output()
    if lost is not None and not isinstance(lost, BrokenPipeError) and not code:
        click.echo(f"error: standard output cannot be written: {lost.strerror}", err=True)
        code = INTERNAL_ERROR
    if any(report.abandoned for report in reports):
        # A thread is stuck in somebody's code; the interpreter's own shutdown might wait for what it holds.
        with suppress(AttributeError, OSError, ValueError):
            sys.stderr.flush()
        os._exit(code)
    if lost is not None:
        # The interpreter must not try to flush what is left.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)


def _lost_output() -> OSError | None:
    """Flush standard output, and give the error where that cannot be."""
    try:
        # None is an output that was closed before the command began.
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError as error:
        return error
    return None


@main.command()
@click.argument("file", required=False)
@click.option("-m", "module", metavar="MODULE", help="Inspect a module instead of a file.")
@click.option("-g", "--graph", is_flag=True, help="Draw the graph in DOT, on standard output.")
@click.option("-e", "--env", multiple=True, metavar="K=V", help="Set an environment variable meanwhile.")
def inspect(file: str | None, module: str | None, graph: bool, env: Sequence[str]) -> None:
    """Show the graph of FILE, of a folder's __main__.py, or of a module. Builds no services."""
    if not graph:
        raise click.UsageError("say what to show: --graph")
    try:
        target = Target.named(file, module)
        with environment(env), importable(target):
            session.inspect(drawn(target))
    except BrokenPipeError:
        # Whoever read the drawing has seen enough.
        leave(0)
    except Exception as error:
        Console().error(error)
        leave(exit_code_of(error))
    leave(0)


@main.command()
def version() -> None:
    """Show the version."""
    click.echo(f"bonobo {VERSION}")
