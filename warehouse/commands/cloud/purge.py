"""`warehouse cloud purge`: the only command that deletes objects of a data set, and only what was counted."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import click
from click import echo

from warehouse.cloud.stack import find_stack
from warehouse.cloud.versions import Versions
from warehouse.commands.cloud.options import access_of, stack_options
from warehouse.domain.centres import printable
from warehouse.domain.purging import Count, Version, batches, read_keys, require_count, require_prefix
from warehouse.errors import SettingsError

LEFT = 4

SUFFIXES = {"warehouse": "", "backup": "-backup", "processed": "-processed", "inventory": "-inventory"}


@click.command(short_help="Delete all versions of objects, for ever.")
@click.argument("prefix", required=False)
@click.option(
    "--keys",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Instead, the objects whose keys stand in a file, one a line.",
)
@click.option(
    "--of",
    "which",
    type=click.Choice(tuple(SUFFIXES)),
    default="warehouse",
    show_default=True,
    help="Which of the stack's buckets.",
)
@click.option("--really", is_flag=True, help="Delete them, once their count was typed.")
@stack_options
def purge(prefix: str | None, keys: Path | None, which: str, really: bool, stack: str, **flags: Any) -> int:
    """Count every version and delete marker under PREFIX, or of the keys in a file; with --really, delete
    them for ever, once the count was typed.

    Without --really nothing is deleted. Ends with 4 where some could not be; they are named, with S3's code.
    """
    if (prefix is None) == (keys is None):
        raise SettingsError("name one PREFIX, or a file of keys by --keys")
    wanted = require_prefix(prefix) if prefix is not None else None
    listed = _keys_of(keys) if keys is not None else []
    access = access_of(**flags)
    bucket = find_stack(stack, access).bucket + SUFFIXES[which]
    versions = Versions(bucket, access)
    found = versions.under(wanted) if wanted is not None else _of_keys(versions, listed)
    with _scratch() as file:
        count = _note(found, file)
        echo(f"s3://{bucket}: {count}")
        if absent := len(listed) - count.objects if listed else 0:
            echo(
                f"nothing is there of {absent:,} of the {len(listed):,} keys in the file: are they spelt so?"
            )
        if not count.total:
            return 0
        if not really:
            echo("Nothing was deleted. To delete them for ever: the same with --really.")
            return 0
        echo(f"Type {count.total} to delete them for ever: ", nl=False, err=True)
        require_count(sys.stdin.readline() if sys.stdin is not None else "", count)
        return _delete(versions, file, count)


def _keys_of(file: Path) -> list[str]:
    try:
        return read_keys(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"--keys: the file cannot be read ({type(error).__name__}), as UTF-8") from None


def _of_keys(versions: Versions, keys: list[str]) -> Iterator[Version]:
    for key in keys:
        yield from versions.of(key)


def _note(versions: Iterator[Version], file: IO[str]) -> Count:
    """Count the versions, and write down which they are: what comes meanwhile is not deleted."""
    count = Count()
    try:
        for one in versions:
            count.add(one)
            file.write(json.dumps([one.key, one.id]) + "\n")
        file.seek(0)
    except OSError as error:
        raise _no_room(error) from None
    return count


@contextmanager
def _scratch() -> Generator[IO[str]]:
    try:
        file = tempfile.TemporaryFile("w+", encoding="utf-8", prefix="warehouse-purge-")  # noqa: SIM115
    except OSError as error:
        raise _no_room(error) from None
    try:
        yield file
    finally:
        # What did not fit in is tried once more, in vain, and nobody needs it.
        with suppress(OSError):
            file.close()


def _no_room(error: OSError) -> SettingsError:
    said = "nothing was deleted: what was found cannot be noted in the temporary directory"
    return SettingsError(f"{said} ({error.strerror}); make room there, or name another one in TMPDIR")


def _delete(versions: Versions, file: IO[str], count: Count) -> int:
    gone = 0
    try:
        for some in batches(Version(*json.loads(line)) for line in file):
            refused = versions.delete(some)
            gone += len(some) - len(refused)
            for one, code in refused:
                echo(f"not deleted: {printable(one.key)}\t{printable(one.id)}\t{printable(code)}")
    finally:
        # Also where a fault or a signal ends it in the middle: what is gone is gone.
        echo(f"deleted {gone:,} of {count.total:,}")
    return LEFT if gone < count.total else 0
