"""`warehouse quarantine`, `warehouse deferred`: what somebody has to act on, by reason or a file a centre.

A file that is sent to a centre holds that centre's objects and nothing of any other.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from itertools import groupby, islice
from operator import attrgetter
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import click
import orjson
from click import echo

from warehouse.commands.asking import MAXIMUM_SECONDS, MEBIBYTES, read_moment
from warehouse.commands.hard_limits import hard_limits
from warehouse.commands.options import FILE_OR_FOLDER, aws_options
from warehouse.commands.output import output
from warehouse.domain import worklist
from warehouse.domain.records import Decided
from warehouse.domain.worklist import Item, Tally
from warehouse.errors import SettingsError
from warehouse.opening import open_for_a_look
from warehouse.services import utc_now
from warehouse.settings import read_settings
from warehouse.storage.readable import EMPTY
from warehouse.storage.worklists import Wanted, WorkList

Command = TypeVar("Command", bound=Callable[..., Any])

SUFFIXES = (".csv", ".json")

# Of each reason: more than that nobody reads, and a file holds all.
SHOWN = 100

_NO_PLACE = "--out is a folder, or a file whose name ends in .csv or .json"

_KINDS = {Decided.QUARANTINED: "quarantine", Decided.DEFERRED: "deferred"}


def _list_options(decided: Decided) -> Callable[[Command], Command]:
    """The options of a work list: which objects, and where they are written."""

    def decorate(command: Command) -> Command:
        for option in (
            click.option(
                "--out",
                type=FILE_OR_FOLDER,
                metavar="FILE|FOLDER",
                help="A file for the centre, .csv or .json; one for each without --centre, or into a folder.",
            ),
            click.option(
                "--since",
                callback=read_moment,
                metavar="TIME",
                help="Only what was decided, or began to wait, then or later: a date or time, in UTC.",
            ),
            click.option(
                "--centre",
                metavar="NAME",
                help="Only what is of one centre: a site by its name, an uploader by its raw prefix.",
            ),
            click.option(
                "--reason",
                "reasons",
                type=click.Choice(worklist.codes(decided)),
                metavar="CODE",
                multiple=True,
                help="Only what has this reason; may be given more than once.",
            ),
        ):
            command = option(command)
        return command

    return decorate


@click.command(short_help="List what is quarantined now.")
@click.argument("bucket", required=False)
@_list_options(Decided.QUARANTINED)
@aws_options
def quarantine(bucket: str | None, **flags: Any) -> None:
    """List what is quarantined in BUCKET (or in WAREHOUSE_BUCKET) now, by reason, with what to do about it.

    What was removed or replaced in raw since is left out, and counted. Keys are printed.
    """
    _list(Decided.QUARANTINED, bucket, **flags)


@click.command(short_help="List what waits now, and for what.")
@click.argument("bucket", required=False)
@_list_options(Decided.DEFERRED)
@aws_options
def deferred(bucket: str | None, **flags: Any) -> None:
    """List what waits in BUCKET (or in WAREHOUSE_BUCKET) now, by reason: for what, and since when.

    What was removed or replaced in raw since is left out, and counted. Keys and identifiers are printed.
    """
    _list(Decided.DEFERRED, bucket, **flags)


def _list(
    decided: Decided,
    bucket: str | None,
    *,
    reasons: tuple[str, ...],
    centre: str | None,
    since: datetime | None,
    out: Path | None,
    **flags: Any,
) -> None:
    settings = read_settings(os.environ, bucket=bucket, writes={"--out": out}, **flags)
    place = None if out is None else _Place(out, decided, centre)
    with (
        hard_limits(MAXIMUM_SECONDS, MEBIBYTES),
        open_for_a_look(settings) as (store, snapshot),
        WorkList(snapshot, store) as found,
    ):
        if not snapshot.sources["objects"]:
            raise SettingsError(EMPTY)
        if centre is not None and not found.knows(centre):
            raise SettingsError(
                "the catalog tells of no object of that centre: name a site letter by letter,"
                " as `warehouse centres` prints it, or an uploader by its raw prefix, such as raw-hospital"
            )
        tally = found.gather(Wanted(decided, reasons, centre, since))
        asked = bool(reasons or centre is not None or since)
        echo(worklist.opening(tally, decided, asked=asked))
        if place is None:
            _print(found.items("reason"), tally, decided)
        else:
            place.write(found.items("centre"))
        for said in worklist.closing(tally, decided):
            echo(said)


def _print(items: Iterable[Item], tally: Tally, decided: Decided) -> None:
    now = utc_now()
    for reason, some in groupby(items, attrgetter("reason")):
        for text in worklist.heading(reason, tally.reasons[reason]):
            echo(text)
        for item in islice(some, SHOWN):
            echo(worklist.shown(item, decided, now))
        if (more := tally.reasons[reason] - SHOWN) > 0:
            echo(worklist.not_shown(more))


class _Place:
    """Where files go: the file that was named, or a file for each centre, beside it or in a folder.

    Raises SettingsError where the name tells no format.
    """

    def __init__(self, out: Path, decided: Decided, centre: str | None) -> None:
        self._decided = decided
        self._now = utc_now()
        suffix = out.suffix.lower()
        is_folder = out.is_dir() or not suffix
        if not is_folder and suffix not in SUFFIXES:
            raise SettingsError(_NO_PLACE)
        if is_folder and out.exists() and not out.is_dir():
            raise SettingsError(f"{_NO_PLACE}; what stands there is neither")
        self._folder = out if is_folder else out.parent
        self._stem, self._suffix = (_KINDS[decided], ".csv") if is_folder else (out.stem, suffix)
        self._file = None if is_folder or centre is None else out

    def write(self, items: Iterator[Item]) -> None:
        """Write the files of items that come centre by centre, and say which were written."""
        if self._file is not None:
            self._write_one(self._file, items)
            return
        for centre, some in groupby(items, attrgetter("centre")):
            self._make_folder()
            name = worklist.file_name(self._stem, centre, self._suffix)
            self._write_one(self._folder / name, some)

    def _write_one(self, file: Path, items: Iterable[Item]) -> None:
        count = 0

        def counted() -> Iterator[Item]:
            nonlocal count
            for item in items:
                count += 1
                yield item

        with output(file) as stream:
            if self._suffix == ".json":
                self._write_json(counted(), stream)
            else:
                self._write_csv(counted(), stream)
        echo(f"{count:,} object{'' if count == 1 else 's'}: {file}")

    def _write_csv(self, items: Iterable[Item], stream: BinaryIO) -> None:
        stream.write(worklist.csv_head(self._decided).encode())
        for item in items:
            stream.write(worklist.csv_line(worklist.record(item, self._decided, self._now)).encode())

    def _write_json(self, items: Iterable[Item], stream: BinaryIO) -> None:
        before = b"[\n"
        for item in items:
            values = worklist.json_values(worklist.record(item, self._decided, self._now))
            stream.write(before + orjson.dumps(values))
            before = b",\n"
        stream.write(b"[]\n" if before.startswith(b"[") else b"\n]\n")

    def _make_folder(self) -> None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SettingsError(f"the folder of --out cannot be made: {error.strerror}") from None
