"""Tables as text: comma-separated values in all the dialects that the standard module `csv` knows."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import IO, Any

from bonobo.config import Method, Option, RenamedOption, use_context
from bonobo.constants import NOT_MODIFIED, Flag
from bonobo.context import NodeContext
from bonobo.nodes.io.base import FileHandler, ensure_tuple, names
from bonobo.nodes.io.file import FileReader, FileWriter


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


class CsvHandler(FileHandler):
    """What readers and writers of CSV share: the dialect, whose options are those of the module `csv`."""

    delimiter = Option(str, default=csv.excel.delimiter, required=False)
    quotechar = Option(_text, default=csv.excel.quotechar, required=False)
    escapechar = Option(_text, default=csv.excel.escapechar, required=False)
    doublequote = Option(bool, default=csv.excel.doublequote, required=False)
    skipinitialspace = Option(bool, default=csv.excel.skipinitialspace, required=False)
    lineterminator = Option(str, default=csv.excel.lineterminator, required=False)
    quoting = Option(int, default=csv.excel.quoting, required=False)

    fields = Option(names, required=False, __doc__="The names of the columns, where the file has no header.")
    headers = RenamedOption("fields")

    def get_dialect_kwargs(self) -> Mapping[str, Any]:
        """Give the dialect as the module `csv` takes it."""
        return {
            "delimiter": self.delimiter,
            "quotechar": self.quotechar,
            "escapechar": self.escapechar,
            "doublequote": self.doublequote,
            "skipinitialspace": self.skipinitialspace,
            "lineterminator": self.lineterminator,
            "quoting": self.quoting,
        }


@use_context
class CsvReader(FileReader, CsvHandler):
    """Emit each line of a table as a row of texts with named fields. Blank lines are left out.

    A line with another number of fields than the header is rejected, with an error that has its number, and
    the others are read.

    Options, `path` by place or by name, the others by name:

    - `path` (required): where the file is, within the service `fs`.
    - `fields` (those of the first line): the names of the fields, in a list. The first line is then data.
      `headers` and `output_fields` are other names for it.
    - `skip` (0): how many lines to leave out, behind the header if there is one.
    - `delimiter` (","), `quotechar` ('"'), `escapechar` (None), `doublequote` (True), `skipinitialspace`
      (False), `quoting` (csv.QUOTE_MINIMAL): the dialect, as the standard module `csv` has it. `eol` and
      `lineterminator` change nothing here: any end of line is read.
    - `reader_factory` (csv.reader in that dialect): called with the node and the open file, gives its lines
      as sequences of texts.
    - `output_type` (named rows): a class of tuples that the rows are to be; the first line is then data.
    - `mode` ("r"): how the file is opened.
    - `encoding` ("utf-8-sig"): how text is encoded; a byte order mark is left out.
    - `fs` ("fs"): the name of the service that opens the file.

    >>> import bonobo
    >>> from bonobo.testing import run_node
    >>> fs = bonobo.open_fs("memory://examples/tables")
    >>> with fs.open("people.csv", "w") as file:
    ...     _ = file.write("name;age\\nAda;36\\n")
    >>> rows = run_node(bonobo.CsvReader("people.csv", delimiter=";"), services={"fs": fs}).rows
    >>> rows[0]._asdict(), rows[0].name
    ({'name': 'Ada', 'age': '36'}, 'Ada')
    """

    skip = Option(int, default=0, __doc__="How many lines to leave out.")

    @Method(positional=False)
    def reader_factory(self, file: IO[str]) -> Iterable[Sequence[str]]:
        """Give the lines of a file as sequences of fields; a subclass may parse them otherwise."""
        return csv.reader(file, **self.get_dialect_kwargs())

    def read(self, file: IO[str], context: NodeContext, *, fs: Any) -> Iterator[tuple[str, ...]]:
        """Give the rows."""
        context.setdefault("skipped", 0)
        reader = self.reader_factory(file)
        lines = (tuple(line) for line in reader if line)
        if not context.output_type:
            header = self.fields or next(lines, None)
            if header is None:
                return
            context.set_output_fields(header)
        width = len(context.get_output_fields() or ())
        for line in lines:
            if context.skipped < self.skip:
                context.skipped += 1
                continue
            if width and len(line) != width:
                said = f"{_place(reader)} has {len(line)} fields, and the header {width}"
                context.reject(ValueError(said), *line)
                continue
            yield line

    __call__ = read


def _place(reader: object) -> str:
    number = getattr(reader, "line_num", None)
    return "a line" if number is None else f"line {number}"


@use_context
class CsvWriter(FileWriter, CsvHandler):
    """Write each row as a line of a table, and pass it on.

    Rows with named fields are written under a line of their names; a row with other names is a ValueError.
    Of rows without names **each field becomes a line** (a field that is a tuple: a line of several columns),
    unless `fields` names the columns: put `SetFields` before the writer.

    Options, `path` by place or by name, the others by name:

    - `path` (required): where the file is, within the service `fs`.
    - `fields` (the names of the rows): the names of the columns, in a list, for rows without names; `headers`
      is another name for it.
    - `lineterminator` ("\\r\\n"): what ends a line.
    - `delimiter` (","), `quotechar` ('"'), `escapechar` (None), `doublequote` (True), `quoting`
      (csv.QUOTE_MINIMAL): the dialect, as the standard module `csv` has it. `eol` and `skipinitialspace`
      change nothing here.
    - `writer_factory` (csv.writer in that dialect): called with the node and the open file, gives the
      function that writes one line.
    - `mode` ("w"): how the file is opened.
    - `encoding` ("utf-8"): how text is encoded.
    - `fs` ("fs"): the name of the service that opens the file.

    >>> import bonobo
    >>> from bonobo.testing import run_graph
    >>> fs = bonobo.open_fs("memory://examples/tables")
    >>> named = bonobo.SetFields(["name", "age"])
    >>> graph = bonobo.Graph([("Ada", 36)], named, bonobo.CsvWriter("people.csv"))
    >>> _ = run_graph(graph, services={"fs": fs})
    >>> fs.open("people.csv").read()
    'name,age\\r\\nAda,36\\r\\n'
    """

    @Method(positional=False)
    def writer_factory(self, file: IO[str]) -> Callable[[Sequence[Any]], object]:
        """Give the function that writes one line; a subclass may write it otherwise."""
        return csv.writer(file, **self.get_dialect_kwargs()).writerow

    def write(self, file: IO[str], context: NodeContext, *values: Any, fs: Any) -> Flag:
        """Write one row."""
        columns = context.get_input_fields() or self.fields
        context.setdefault("writer", None)
        if context.writer is None:
            context.writer = self.writer_factory(file)
            context.header = columns
            if columns:
                context.writer(columns)
        if columns != context.header:
            raise ValueError(
                f"the row's fields are {_listed(columns)}; the file's are {_listed(context.header)}"
            )
        if not columns:
            for value in values:
                context.writer(ensure_tuple(value))
            return NOT_MODIFIED
        if len(values) != len(columns):
            raise ValueError(f"the row has {len(values)} fields, and the header {len(columns)}")
        context.writer(values)
        return NOT_MODIFIED

    __call__ = write


def _listed(names: Sequence[str] | None) -> str:
    return ", ".join(map(repr, names)) if names else "without names"
