"""Graphs of generator nodes that stream rows through memory: Bonobo's public API, on an engine of its own.

Describe with `Graph`, run with `run`, draw with `inspect`.
"""

from typing import NoReturn

from bonobo.config import use
from bonobo.console import QUIET, Console
from bonobo.constants import BARRIER
from bonobo.environ import get_argument_parser, parse_args
from bonobo.filesystem import open_fs
from bonobo.graph import Graph, parallel
from bonobo.nodes import (
    CsvReader,
    CsvWriter,
    FileReader,
    FileWriter,
    Filter,
    FixedWindow,
    Format,
    JsonReader,
    JsonWriter,
    LdjsonReader,
    LdjsonWriter,
    Limit,
    MapFields,
    OrderFields,
    PrettyPrinter,
    RateLimited,
    Rename,
    SetFields,
    Tee,
    UnpackItems,
    count,
    identity,
    noop,
)
from bonobo.report import Report
from bonobo.session import inspect, run
from bonobo.version import VERSION as __version__

__all__ = [
    "BARRIER",
    "QUIET",
    "Console",
    "CsvReader",
    "CsvWriter",
    "FileReader",
    "FileWriter",
    "Filter",
    "FixedWindow",
    "Format",
    "Graph",
    "JsonReader",
    "JsonWriter",
    "LdjsonReader",
    "LdjsonWriter",
    "Limit",
    "MapFields",
    "OrderFields",
    "PrettyPrinter",
    "RateLimited",
    "Rename",
    "Report",
    "SetFields",
    "Tee",
    "UnpackItems",
    "__version__",
    "count",
    "get_argument_parser",
    "identity",
    "inspect",
    "noop",
    "open_fs",
    "parallel",
    "parse_args",
    "run",
    "use",
]

_UNSAFE = "loading a pickle runs whatever code it holds, which is unsafe; CSV and JSON are not"
_NOT_CARRIED_OVER = {
    "PickleReader": _UNSAFE,
    "PickleWriter": _UNSAFE,
    "create_strategy": "graphs run in threads; what else a node needs is said by bonobo.parallel",
    "get_examples_path": "the examples are not part of the package",
    "open_examples_fs": "the examples are not part of the package",
}


def __getattr__(name: str) -> NoReturn:
    if name in _NOT_CARRIED_OVER:
        raise AttributeError(f"bonobo.{name} is not carried over from Bonobo 0.6: {_NOT_CARRIED_OVER[name]}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
