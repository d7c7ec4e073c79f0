"""Where a command's results go: to standard output as they come, or to a file that is whole or not there."""

from __future__ import annotations

import io
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from click import echo

from warehouse.errors import SettingsError, StoreError
from warehouse.storage.local_files import whole_file


@contextmanager
def output(file: Path | None) -> Generator[BinaryIO]:
    """Standard output, or a file that takes its name once it is whole. Raises SettingsError."""
    if file is None:
        yield cast(BinaryIO, _StandardOutput())
        return
    try:
        with whole_file(file) as stream:
            yield stream
    except StoreError as error:
        if error.operation != "write":
            raise
        raise SettingsError(f"{file.name} cannot be written there: look at the folder and the disk") from None


class _StandardOutput(io.RawIOBase):
    """Standard output for bytes, through the one function that this program prints with."""

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        echo(bytes(data), nl=False)
        return len(data)
