"""The file that a report goes to: found unusable before anything is run, and written when all is over."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from bonobo.errors import ReportLost, UsageError

# Without O_NONBLOCK the opening of a pipe that nobody reads would wait for a reader.
_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_NONBLOCK

STANDARD_OUTPUTS = (1, 2)


class ReportFile:
    """A file that is held open from before the run until its report is there.

    It is held, and not opened twice, because a reader of a pipe would take the first closing for the end.
    What the file held stays until the report replaces it. Raises UsageError where it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._descriptor, self._replace = _own(os.open(path, _FLAGS, 0o666))
        except (OSError, ValueError) as error:
            raise UsageError(f"the report cannot be written to {str(path)!r}: {_reason(error)}") from None

    def write(self, text: str) -> None:
        """Write the report and close the file, once. Raises ReportLost."""
        try:
            with open(self._descriptor, "w", encoding="utf-8") as file:
                if self._replace:
                    file.truncate(0)
                file.write(text)
        except (OSError, ValueError) as error:
            raise ReportLost(f"the report could not be written: {_reason(error)}") from None


def _own(descriptor: int) -> tuple[int, bool]:
    """The descriptor to write to, and whether what the file holds is to be replaced."""
    status = os.fstat(descriptor)
    for standard in STANDARD_OUTPUTS:
        if descriptor not in STANDARD_OUTPUTS and _is(standard, status):
            # Two positions in one file would overwrite each other.
            os.close(descriptor)
            return os.dup(standard), False
    os.set_blocking(descriptor, True)
    return descriptor, stat.S_ISREG(status.st_mode)


def _is(descriptor: int, status: os.stat_result) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), status)
    except OSError:
        return False


def _reason(error: OSError | ValueError) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or type(error).__name__
