"""Rows as people read them, on standard output, which holds nothing else of the engine's.

A row is written at once, so that the rows of several printers do not mix.
"""

from __future__ import annotations

import pprint
import sys
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

from bonobo.config import Configurable, ContextProcessor, Method, Option
from bonobo.constants import NOT_MODIFIED, Flag
from bonobo.context import NodeContext


def _columns() -> int:
    # Imported here, since it brings compression libraries that few runs need.
    from shutil import get_terminal_size

    return get_terminal_size().columns


class PrettyPrinter(Configurable):
    """Print each row, one line a field, and pass it on.

    On a terminal, fields are shown with their names, and long values broken into lines.

    Options, `filter` by place or by name, the other by name:

    - `filter` (fields that are not None): called with the node, how many fields came before, the position and
      the value; says whether to print the field.
    - `max_width` (the terminal's): the characters of a line.

    >>> import bonobo
    >>> from bonobo.testing import run_node
    >>> _ = run_node(bonobo.PrettyPrinter(), ("Ada", 36, None), ("Grace", 85, "NY"))
    - 0 : Ada
      1 : 36
    - 0 : Grace
      1 : 85
      2 : NY
    """

    max_width = Option(int, default=_columns)

    @Method(positional=True)
    def filter(self, index: int, key: int | str, value: Any) -> bool:
        """Say whether a field is printed."""
        return value is not None and not (isinstance(key, str) and key.startswith("_"))

    @ContextProcessor
    def context(self, context: NodeContext) -> Iterator[NodeContext]:
        """What knows the names of the fields."""
        yield context

    def __call__(self, context: NodeContext, *args: Any, **kwargs: Any) -> Flag:
        terminal = sys.stdout.isatty()
        show = self.format_console if terminal else self.format_quiet
        fields = context.get_input_fields()
        items: Iterator[tuple[int | str, Any]] = chain(enumerate(args), kwargs.items())
        lines = [
            show(index, key, value, fields=fields)
            for index, (key, value) in enumerate(items)
            if self.filter(index, key, value)
        ]
        if terminal:
            lines = ["┌", *lines, "└"]
        if lines:
            sys.stdout.write("\n".join(lines) + "\n")
        return NOT_MODIFIED

    def format_quiet(
        self, index: int, key: int | str, value: Any, *, fields: Sequence[str] | None = None
    ) -> str:
        """Give a field's line where standard output is no terminal."""
        return f"{' ' if index else '-'} {key} : {str(value).strip()}"

    def format_console(
        self, index: int, key: int | str, value: Any, *, fields: Sequence[str] | None = None
    ) -> str:
        """Give a field's lines where standard output is a terminal."""
        name = f"{fields[key]}[{key}]" if fields and isinstance(key, int) and key < len(fields) else key
        prefix = f"│ {name} = "
        first, *rest = pprint.pformat(value, width=max(1, self.max_width - len(prefix))).splitlines()
        return "\n".join([prefix + first, *("│" + " " * (len(prefix) - 1) + line for line in rest)])
