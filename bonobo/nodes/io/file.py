"""Files of lines, and the bases of all other readers and writers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, Any

from bonobo.config import ContextProcessor, Option, use_context
from bonobo.constants import NOT_MODIFIED, Flag
from bonobo.context import NodeContext
from bonobo.errors import UsageError
from bonobo.nodes.io.base import FileHandler, names


class FileReader(FileHandler):
    """Emit each line of a file, without its end of line.

    A subclass reads other formats by defining `__call__(self, file, *, fs)`.

    Options, `path` by place or by name, the others by name:

    - `path` (required): where the file is, within the service `fs`.
    - `eol` ("\\n"): what ends a line, and is taken off.
    - `output_fields` (none): the names of the rows' fields, in a list.
    - `output_type` (none): a class of tuples that the rows are to be. Both together are a UsageError.
    - `mode` ("r"): how the file is opened.
    - `encoding` ("utf-8-sig"): how text is encoded; a byte order mark is left out.
    - `fs` ("fs"): the name of the service that opens the file.

    >>> import bonobo
    >>> from bonobo.testing import run_node
    >>> fs = bonobo.open_fs("memory://examples/files")
    >>> with fs.open("lines.txt", "w") as file:
    ...     _ = file.write("first\\nsecond\\n")
    >>> run_node(bonobo.FileReader("lines.txt"), services={"fs": fs}).rows
    [('first',), ('second',)]
    """

    mode = Option(str, default="r", __doc__="How the file is opened, as the built-in `open` has it.")
    encoding = Option(str, default="utf-8-sig", __doc__="How text is encoded; a byte order mark is no text.")
    output_fields = Option(names, required=False, __doc__="The names of the rows' fields.")
    output_type = Option(required=False, __doc__="The class of the rows.")

    @ContextProcessor
    def output(self, context: NodeContext, *args: Any, **services: Any) -> Iterator[None]:
        """Say what the rows are."""
        if self.output_fields and self.output_type:
            raise UsageError(f"{type(self).__name__}: give output_fields or output_type, not both")
        if self.output_type:
            context.set_output_type(self.output_type)
        if self.output_fields:
            context.set_output_fields(self.output_fields)
        yield

    def read(self, file: IO[str], *args: Any, **services: Any) -> Iterator[Any]:
        """Give the values to emit."""
        for line in file:
            yield line.removesuffix(self.eol)

    __call__ = read


@use_context
class FileWriter(FileHandler):
    """Write one line for each row, which has one text, and pass the row on.

    Options, `path` by place or by name, the others by name:

    - `path` (required): where the file is, within the service `fs`.
    - `eol` ("\\n"): what stands between lines; there is none behind the last.
    - `mode` ("w"): how the file is opened. "w" makes it anew.
    - `encoding` ("utf-8"): how text is encoded.
    - `fs` ("fs"): the name of the service that opens the file.

    >>> import bonobo
    >>> from bonobo.testing import run_node
    >>> fs = bonobo.open_fs("memory://examples/files")
    >>> _ = run_node(bonobo.FileWriter("words.txt"), "to", "be", services={"fs": fs})
    >>> fs.open("words.txt").read()
    'to\\nbe'
    """

    mode = Option(str, default="w", __doc__="How the file is opened, as the built-in `open` has it.")

    def write(self, file: IO[str], context: NodeContext, *args: Any, **services: Any) -> Flag:
        """Write one row."""
        if len(args) != 1:
            raise ValueError(f"FileWriter writes rows of one text; the row has {len(args)} fields")
        context.setdefault("lineno", 0)
        self._write_line(file, (self.eol if context.lineno else "") + args[0])
        context.lineno += 1
        return NOT_MODIFIED

    def _write_line(self, file: IO[str], line: str) -> int:
        return file.write(line)

    __call__ = write
