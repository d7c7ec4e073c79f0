"""Where a command's results go: to standard output as they come, or to a file that is whole or not there."""

from __future__ import annotations

import io
import os
import secrets
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from click import echo

from warehouse.errors import SettingsError


class StandardOutput(io.RawIOBase):
    """Standard output for bytes, through the one function that this program prints with."""

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        echo(bytes(data), nl=False)
        return len(data)


@contextmanager
def whole_file(path: Path) -> Generator[BinaryIO]:
    """A new file, which takes its name, and another's place, only once it is whole.

    Raises SettingsError where it cannot be written.
    """
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        with beside.open("xb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        beside.replace(path)
    except OSError as error:
        raise SettingsError(f"{path.name} cannot be written: {error.strerror}") from None
    finally:
        beside.unlink(missing_ok=True)
