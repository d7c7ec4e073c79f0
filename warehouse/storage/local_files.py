"""Files outside of any store: each appears whole or not at all, in the place of the one that stood there."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from warehouse.errors import Occupied, StoreError, StoreFault
from warehouse.storage.translate import of_os

_unfinished: set[str] = set()


@contextmanager
def whole_file(path: Path) -> Generator[BinaryIO]:
    """Write a file beside its place, and put it there when the context ends without an error.

    A link at its place is replaced, not followed. What is no regular file, such as a pipe or a device, is
    written to as it goes: it cannot be replaced by a file. Raises StoreError.
    """
    if _is_special(path):
        try:
            with path.open("wb") as stream:
                yield stream
        except OSError as error:
            raise _unwritten(error) from None
        return
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    except OSError as error:
        raise _unwritten(error) from None
    _unfinished.add(name)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(name, path)
    except OSError as error:
        raise _unwritten(error) from None
    finally:
        with contextlib.suppress(OSError):
            os.unlink(name)
        _unfinished.discard(name)


def _unwritten(error: OSError) -> StoreError:
    """What stands in the way of a file, outside of any store, is not in the way of an object."""
    ours = of_os("write", "", error)
    return StoreFault(ours.operation, cause=ours.cause) if isinstance(ours, Occupied) else ours


def remove_unfinished() -> None:
    """Remove what is being written now: for who ends the process where it stands."""
    for name in tuple(_unfinished):
        with contextlib.suppress(OSError):
            os.unlink(name)


def _is_special(path: Path) -> bool:
    try:
        # Through links: /dev/stdout is one.
        return not stat.S_ISREG(os.stat(path).st_mode) and not stat.S_ISDIR(os.stat(path).st_mode)
    except OSError:
        return False


class MessageFile:
    """A file for whoever sends a notification; without a path, nothing is written.

    `text` is what was written, empty before.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self.text = ""

    def write(self, text: str) -> None:
        """Write the whole message. Raises StoreError."""
        if self._path is not None:
            try:
                with whole_file(self._path) as stream:
                    stream.write(text.encode())
            except StoreError as error:
                where = f"{self._path.name} in the temporary directory"
                said = f"{where}: {error.cause}; remove it or make room, or set NO_OUTPUT_FILE"
                raise type(error)("write", cause=said) from None
            self.text = text
