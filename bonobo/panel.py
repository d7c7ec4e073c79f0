"""A few lines held at the foot of a terminal; whatever else is written to it scrolls above them, unharmed.

The graph's own output goes to the same terminal and is neither caught nor known here. So the foot is taken
out of what scrolls, as apt does for its progress bar: DECSTBM sets the margins, DECSC and DECRC keep the
cursor where the last writer left it. Each change is one write, which no other writer can come into.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO

SAVE, RESTORE = "\x1b7", "\x1b8"
DOWN = "\x1bD"
"""To the same column of the next line; at the foot all lines scroll up. A newline might begin a line."""

ERASE_LINE, ERASE_BELOW = "\x1b[2K", "\x1b[J"
NO_MARGINS = "\x1b[r"


class Panel:
    """The foot of the terminal that `stream` writes to. Raises what writing raises."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lines = 0
        self._height = 0

    def show(self, lines: Sequence[str], height: int) -> None:
        """Put lines, none wider than the terminal, at the foot of its `height` lines, fewer than those."""
        text = ""
        if (len(lines), height) != (self._lines, self._height):
            text = self._released() + _taken(len(lines), height)
            self._lines, self._height = len(lines), height
        first = height - len(lines) + 1
        rows = "".join(f"{_at(first + place)}{ERASE_LINE}{line}" for place, line in enumerate(lines))
        self._write(f"{text}{SAVE}{rows}{RESTORE}")

    def close(self) -> None:
        """Give the foot back, empty; what is written next stands where the last writer left off."""
        text = self._released()
        self._lines = self._height = 0
        self._write(text)

    def _released(self) -> str:
        if not self._lines:
            return ""
        return f"{SAVE}{NO_MARGINS}{_at(self._height - self._lines + 1)}{ERASE_BELOW}{RESTORE}"

    def _write(self, text: str) -> None:
        if text:
            self._stream.write(text)
            self._stream.flush()


def _taken(lines: int, height: int) -> str:
    """Scroll up by as much as is needed, and only then narrow the margins, which moves the cursor."""
    return f"{DOWN * lines}\x1b[{lines}A{SAVE}\x1b[1;{height - lines}r{RESTORE}"


def _at(row: int) -> str:
    return f"\x1b[{row};1H"
