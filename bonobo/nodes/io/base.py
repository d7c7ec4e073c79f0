"""What all readers and writers share: one file, open from before the first row to after the last."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, Any

from bonobo.config import Configurable, ContextProcessor, Option, Service
from bonobo.context import NodeContext
from bonobo.errors import BonoboError, code_carried
from bonobo.filesystem import OutsideRoot


def ensure_tuple(value: Any) -> tuple[Any, ...]:
    """Give a tuple as it is, None as the empty one, anything else as a tuple of one.

    >>> ensure_tuple("ab"), ensure_tuple(None), ensure_tuple((1, 2))
    (('ab',), (), (1, 2))
    """
    if isinstance(value, tuple):
        return value
    return () if value is None else (value,)


def names(value: Any) -> tuple[str, ...]:
    """Give the names of fields: one name, or several in a list or a tuple.

    >>> names("name"), names(["name", "age"])
    (('name',), ('name', 'age'))
    """
    return tuple(value) if isinstance(value, list) else ensure_tuple(value)


class FileHandler(Configurable):
    """A node that has a file open. Its file is closed when the node ends, however the run ends.

    `fs` names the service that opens it, by `open(path, mode, encoding=..., newline="")`. A file that cannot
    be opened ends the run with a BonoboError that names the path as the graph does.
    """

    path = Option(str, positional=True, __doc__="Where the file is within the file system.")
    eol = Option(str, default="\n", __doc__="What separates lines.")
    mode = Option(str, __doc__="How the file is opened, as the built-in `open` has it.")
    encoding = Option(str, default="utf-8", __doc__="How text is encoded.")
    fs = Service("fs", __doc__="The name of the service that opens the file.")

    @ContextProcessor
    def file(self, context: NodeContext, *, fs: Any, **services: Any) -> Iterator[IO[Any]]:
        """The open file."""
        try:
            opened = self.open(fs)
        except (OSError, OutsideRoot) as error:
            if code_carried(error) is not None:
                raise
            raise BonoboError(f"{context.name} cannot open {self.path!r}: {_reason(error)}") from error
        with opened as file:
            yield file

    def open(self, fs: Any) -> IO[Any]:
        """Open the file; subclasses may open it otherwise."""
        text = {} if "b" in self.mode else {"encoding": self.encoding, "newline": ""}
        file: IO[Any] = fs.open(self.path, self.mode, **text)
        return file


def _reason(error: OSError | OutsideRoot) -> str:
    # The message of an OSError may be whatever a service makes of it.
    said = error.strerror if isinstance(error, OSError) else str(error)
    return said or type(error).__name__
