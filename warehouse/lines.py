"""What a command says is written in one form: as text for people, or each line as one JSON object.

Results go to standard output and all else to standard error, in either form.
"""

from __future__ import annotations

import errno
import logging
import sys
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TextIO

import bonobo
from bonobo.console import as_text
from bonobo.report import Report
from warehouse.domain.log_line import log_line
from warehouse.errors import OutputLost
from warehouse.settings import LogFormat

_SHOWN = "warehouse-lines"


@dataclass(frozen=True, slots=True)
class Lines:
    """The form of lines; JSON says of which `pipeline` and `run` they are, where they are of one."""

    format: LogFormat = "text"
    pipeline: str | None = None
    run: str | None = None

    def form(self, level: str, text: str) -> str:
        """The line for a text of a level (`debug`, `info`, `warning`, `error`)."""
        if self.format == "text":
            return as_text(level, text)
        return log_line(datetime.now(UTC), level, self.pipeline, self.run, text)

    def console(self, results: TextIO | None = None) -> bonobo.Console:
        """What shows a run; what services tell goes to `results`, else to standard error."""
        return bonobo.Console(results=results, form=self.form if self.format == "json" else None)

    def show_log(self) -> None:
        """Show what this package logs, and nothing of its libraries: their records may quote keys, values."""
        handler = logging.StreamHandler()
        handler.set_name(_SHOWN)
        handler.setFormatter(_Formatter(self))
        logger = logging.getLogger("warehouse")
        for other in [one for one in logger.handlers if one.get_name() == _SHOWN]:
            logger.removeHandler(other)
        logger.addHandler(handler)
        logger.propagate = False

    def print(self, text: str) -> None:
        """Print whole lines on standard output. Raises OutputLost; a reader that left has seen enough."""
        if self.format == "json":
            text = "".join(f"{self.form('info', line)}\n" for line in text.splitlines())
        try:
            # `print` takes an output that was closed for one that it need not write to.
            if sys.stdout is None:
                raise OSError(errno.EBADF, "it was closed")
            with suppress(BrokenPipeError):
                print(text, end="", flush=True)
        except OSError as error:
            raise OutputLost(error) from None


class _Formatter(logging.Formatter):
    def __init__(self, lines: Lines) -> None:
        super().__init__()
        self._lines = lines

    def format(self, record: logging.LogRecord) -> str:
        level, text = record.levelname.lower(), record.getMessage()
        return f"{level}: {text}" if self._lines.format == "text" else self._lines.form(level, text)


def code_of(account: Report, console: bonobo.Console) -> int:
    """The code of a run that `console` showed; 4 where its results were lost and it has none of its own."""
    # A reader of a pipe that went away has seen enough.
    if console.lost is None or isinstance(console.lost, BrokenPipeError):
        return account.exit_code
    lost = OutputLost(console.lost)
    console.error(lost)
    return account.exit_code or lost.exit_code
