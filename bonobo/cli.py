"""The command `bonobo`: run, inspect, version. The only place that ends the process."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click

from bonobo import session
from bonobo.allocator import use_one_heap
from bonobo.console import Console
from bonobo.dot import ENDINGS
from bonobo.environ import OPTIONS, Layers, environment
from bonobo.errors import BonoboError, Stopped, UsageError, exit_code_of
from bonobo.limits import MaxErrors
from bonobo.loading import Target, drawn, execute, graph_of, importable, services_of
from bonobo.quantities import parse_size
from bonobo.report import Report
from bonobo.session import Surroundings, surrounded
from bonobo.signals import SignalWatch
from bonobo.version import VERSION

_Command = TypeVar("_Command", bound=Callable[..., Any])
_Value = TypeVar("_Value")


class _Stoppable(click.Group):
    """Commands that end at a signal with its code, however early it comes; they are given the watch."""

    def main(self, *args: Any, **settings: Any) -> Any:
        with SignalWatch() as watch:
            try:
                return super().main(*args, obj=watch, **settings)
            except Stopped as error:
                Console().error(error)
                leave(error.exit_code)


@click.group(cls=_Stoppable, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, message="bonobo %(version)s")
def main() -> None:
    """Run and draw graphs of generator nodes."""
    owners = sorted(set(packages_distributions().get("bonobo", ())))
    if len(owners) > 1:
        raise click.UsageError(
            f"{len(owners)} installed distributions bring a package named bonobo: {', '.join(owners)}. "
            f"Uninstall them all (pip uninstall {' '.join(owners)}), then install the one you want again."
        )


class _Forwarding(click.Command):
    """A command whose parameter `arguments` is what stands behind `--`, and nothing else."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        at = args.index("--") if "--" in args else len(args)
        arguments = tuple(args[at + 1 :])
        rest = super().parse_args(ctx, args[:at])
        if ctx.params["arguments"]:
            raise click.UsageError(
                f"what is meant for the graph goes behind --: {ctx.command_path} FILE -- ..."
            )
        ctx.params["arguments"] = arguments
        return rest


def _target_options(verb: str) -> Callable[[_Command], _Command]:
    """What `run` and `inspect` have in common: which graph, in which environment, with which arguments."""

    def decorate(command: _Command) -> _Command:
        command = click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[-- ARGUMENTS]")(
            command
        )
        command = click.argument("file", required=False)(command)
        for name, (flags, value, text) in reversed(list(OPTIONS.items())):
            command = click.option(*flags, name, multiple=True, metavar=value, help=f"{text}.".capitalize())(
                command
            )
        return click.option("-m", "module", metavar="MODULE", help=f"{verb} a module instead of a file.")(
            command
        )

    return decorate


@main.command(cls=_Forwarding)
@_target_options("Run")
@click.option(
    "-q", "--quiet", is_flag=True, help="No progress and no summary; errors and notices still show."
)
@click.option("-v", "--verbose", is_flag=True, help="Tracebacks, whose messages may hold values of rows.")
@click.option("--report", metavar="FILE", help="Write what became of the run as JSON.")
@click.option("--memory", metavar="SIZE", help="Bytes that rows may hold together: 64MB, 1GiB; else 256MiB.")
@click.option(
    "--max-errors", metavar="N|P%", help="End the run once more rows failed than N, or than P% of a node's."
)
@click.option("--dead-letters", metavar="FILE", help="Add the rows that nodes give up, as JSON lines.")
@click.pass_obj
def run(
    watch: SignalWatch,
    /,
    file: str | None,
    module: str | None,
    arguments: tuple[str, ...],
    quiet: bool,
    verbose: bool,
    report: str | None,
    memory: str | None,
    max_errors: str | None,
    dead_letters: str | None,
    **variables: Any,
) -> None:
    """Run the graph of FILE, of a folder's __main__.py, or of a module.

    ARGUMENTS are for the graph: what its own parser, and so bonobo.parse_args, reads.

    \b
    Exit codes: 0 finished; 1 rows failed; 2 usage; 70 internal error;
    130 and 143 stopped by SIGINT and SIGTERM; others are the graph's own.

    The first signal stops the sources; what is in flight has BONOBO_DRAIN
    seconds (20) to finish. A second signal leaves at once.
    """
    if quiet and verbose:
        raise click.UsageError("--quiet and --verbose exclude each other")
    console = Console(quiet=quiet, verbose=verbose)
    surroundings = Surroundings(
        console,
        report=_read("--report", _path, report),
        memory=_read("--memory", parse_size, memory),
        max_errors=_read("--max-errors", _max_errors, max_errors),
        dead_letters=_read("--dead-letters", _path, dead_letters),
        watch=watch,
    )
    use_one_heap()
    try:
        with environment(Layers.taken_from(variables)):
            _run(Target.named(file, module), arguments, surroundings)
    except SystemExit as error:
        leave(exit_code_of(error), surroundings.reports)
    except BaseException as error:
        if not any(error is report.fatal for report in surroundings.reports):
            console.error(error)
        leave(exit_code_of(error), surroundings.reports)
    leave(0, surroundings.reports)


def _run(target: Target, arguments: tuple[str, ...], surroundings: Surroundings) -> None:
    with importable(target, arguments), surrounded(surroundings):
        namespace = execute(target)
        if not surroundings.reports:
            session.run(graph_of(namespace), services=services_of(namespace))


def _read(option: str, reader: Callable[[str], _Value], text: str | None) -> _Value | None:
    """Read the value of an option, if it is given; what is wrong with it is said with the option's name."""
    try:
        return None if text is None else reader(text)
    except UsageError as error:
        raise click.UsageError(f"{option}: {error}") from None


def _path(text: str) -> Path:
    """The path as it is meant now; the graph may go to another folder."""
    if not text:
        raise UsageError("name a file")
    try:
        return Path(text).absolute()
    except OSError as error:
        raise UsageError(f"the working directory is lost: {error.strerror}") from None


def _max_errors(text: str) -> int | float | None:
    limit = MaxErrors.of(text)
    return limit.count if limit.ratio is None else limit.ratio


def leave(code: int, reports: Iterable[Report] = ()) -> NoReturn:
    """End the process of a command: with `code`, else as the first of `reports` that did not end well.

    Where all went well and standard output is lost, the code is 70. Output that its reader left is not lost.
    """
    reports = list(reports)
    code = code or next((report.exit_code for report in reports if report.exit_code), 0)
    lost = _lost_output()
    if lost is not None and not isinstance(lost, BrokenPipeError) and not code:
        error = BonoboError(f"standard output cannot be written: {lost.strerror or type(lost).__name__}")
        Console().error(error)
        code = error.exit_code
    _flush_errors()
    if any(report.abandoned for report in reports):
        # A thread is stuck in somebody's code; the interpreter's own shutdown might wait for what it holds.
        os._exit(code)
    if lost is not None:
        _discard_output()
    sys.exit(code)


def _lost_output() -> OSError | None:
    """Flush standard output, and give the error where that cannot be."""
    try:
        # None is an output that was closed before the command began.
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError as error:
        return error
    except (AttributeError, ValueError):
        # The graph closed it, or put something of its own in its place: that is no loss.
        sys.stdout = None
    return None


def _flush_errors() -> None:
    try:
        sys.stderr.flush()
    except (AttributeError, OSError, ValueError):
        # The interpreter must not try again: it would end with another code.
        sys.stderr = None


def _discard_output() -> None:
    """Keep the interpreter from flushing, at its end, what cannot be flushed."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (AttributeError, OSError, ValueError):
        sys.stdout = None


@main.command(cls=_Forwarding)
@_target_options("Inspect")
@click.option("-g", "--graph", is_flag=True, help="Show the graph in DOT, on standard output.")
@click.option(
    "-o", "--output", metavar="FILE", help=f"Draw the graph into a file instead: {', '.join(ENDINGS)}."
)
def inspect(
    file: str | None,
    module: str | None,
    arguments: tuple[str, ...],
    graph: bool,
    output: str | None,
    **variables: Any,
) -> None:
    """Show the graph of FILE, of a folder's __main__.py, or of a module. Builds no services."""
    if not graph and output is None:
        raise click.UsageError("say what to show: --graph, or --output FILE")
    try:
        target, drawing = Target.named(file, module), _read("--output", _path, output)
        with environment(Layers.taken_from(variables)), importable(target, arguments):
            session.inspect(drawn(target), output=drawing)
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
