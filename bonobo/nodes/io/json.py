"""JSON: a file that is one list, or a file of which each line is one value."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import IO, Any

from bonobo.config import ContextProcessor, Method, Option, use_context
from bonobo.constants import NOT_MODIFIED, Flag
from bonobo.context import NodeContext
from bonobo.nodes.io.file import FileReader, FileWriter


class JsonReader(FileReader):
    """Emit each item of a JSON list, as a row of one field. The file is read as a whole; lines are not.

    Options, `path` by place or by name, the others by name:

    - `path` (required): where the file is, within the service `fs`.
    - `loader` (json.loads): called with the node and a text, gives its value.
    - `output_fields` (none), `output_type` (none), `mode` ("r"), `encoding` ("utf-8-sig"), `fs` ("fs"): those
      of `FileReader`. `eol` changes nothing here.

    >>> import bonobo
    >>> from bonobo.testing import run_node
    >>> fs = bonobo.open_fs("memory://examples/json")
    >>> with fs.open("fruits.json", "w") as file:
    ...     _ = file.write('[{"name": "apple"}, {"name": "pear"}]')
    >>> run_node(bonobo.JsonReader("fruits.json"), services={"fs": fs}).rows
    [({'name': 'apple'},), ({'name': 'pear'},)]
    """

    @Method(positional=False)
    def loader(self, text: str) -> Any:
        """Give the value of a JSON text; a subclass may load it otherwise."""
        return json.loads(text)

    def read(self, file: IO[str], *args: Any, **services: Any) -> Iterator[Any]:
        """Give the values to emit."""
        yield from self.loader(file.read())

    __call__ = read


@use_context
class LdjsonReader(JsonReader):
    """Emit the value of each line of a file, as a row of one field. Blank lines are left out.

    A line that cannot be loaded is rejected, with its number, and the others are read. Options are those of
    `JsonReader`.

    >>> import bonobo
    >>> from bonobo.testing import run_node
    >>> fs = bonobo.open_fs("memory://examples/json")
    >>> with fs.open("fruits.jsonl", "w") as file:
    ...     _ = file.write('{"name": "apple"}\\n{"name": "pear"}\\n')
    >>> run_node(bonobo.LdjsonReader("fruits.jsonl"), services={"fs": fs}).rows
    [({'name': 'apple'},), ({'name': 'pear'},)]
    """

    def read(self, file: IO[str], context: NodeContext, *, fs: Any) -> Iterator[Any]:
        """Give the values to emit."""
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                value = self.loader(line)
            except ValueError as error:
                rejected = ValueError(f"line {number} cannot be loaded: {error}")
                context.reject(rejected.with_traceback(error.__traceback__), line)
            else:
                yield value

    __call__ = read


@use_context
class JsonWriter(FileWriter):
    """Write a JSON list, and pass each row on. The list is whole however the run ends.

    A row with named fields becomes an object. Of a row without names **each field becomes an item**: put
    `SetFields` before the writer.

    Options, `path` by place or by name, the others by name:

    - `path` (required): where the file is, within the service `fs`.
    - `eol` (",\\n"): what stands between items.
    - `mode` ("w"), `encoding` ("utf-8"), `fs` ("fs"): those of `FileWriter`.

    >>> import bonobo
    >>> from bonobo.testing import run_graph
    >>> fs = bonobo.open_fs("memory://examples/json")
    >>> named = bonobo.SetFields(["name", "age"])
    >>> graph = bonobo.Graph([("Ada", 36)], named, bonobo.JsonWriter("people.json"))
    >>> _ = run_graph(graph, services={"fs": fs})
    >>> fs.open("people.json").read()
    '[{"name": "Ada", "age": 36}]'
    """

    eol = Option(str, default=",\n", __doc__="What separates items.")
    prefix, suffix = "[", "]"

    @ContextProcessor
    def envelope(self, context: NodeContext, file: IO[str], **services: Any) -> Iterator[None]:
        """What stands around the items."""
        file.write(self.prefix)
        yield
        file.write(self.suffix)

    def write(self, file: IO[str], context: NodeContext, *values: Any, fs: Any) -> Flag:
        """Write one row."""
        context.setdefault("lineno", 0)
        names = context.get_input_fields()
        items = (dict(zip(names, values, strict=True)),) if names else values
        # All of a row or nothing: its items are made before the first is written.
        texts = [json.dumps(item, allow_nan=False) for item in items]
        if texts:
            self._write_line(file, (self.eol if context.lineno else "") + self.eol.join(texts))
            context.lineno += len(texts)
        return NOT_MODIFIED

    __call__ = write


@use_context
class LdjsonWriter(JsonWriter):
    """Write one JSON value a line, and pass each row on. Rows become values as with `JsonWriter`.

    Options are those of `JsonWriter`, with `eol` ("\\n") between lines, and none behind the last.

    >>> import bonobo
    >>> from bonobo.testing import run_node
    >>> fs = bonobo.open_fs("memory://examples/json")
    >>> _ = run_node(bonobo.LdjsonWriter("a.jsonl"), {"name": "apple"}, "pear", services={"fs": fs})
    >>> fs.open("a.jsonl").read()
    '{"name": "apple"}\\n"pear"'
    """

    eol = Option(str, default="\n", __doc__="What separates lines.")
    prefix, suffix = "", ""
