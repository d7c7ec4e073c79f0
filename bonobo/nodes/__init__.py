"""The nodes that come with the engine; each one is also a name of `bonobo` itself."""

from bonobo.nodes.basics import FixedWindow, Limit, Tee, count, identity, noop
from bonobo.nodes.fields import Format, MapFields, OrderFields, Rename, SetFields, UnpackItems
from bonobo.nodes.filter import Filter
from bonobo.nodes.io import (
    CsvReader,
    CsvWriter,
    FileReader,
    FileWriter,
    JsonReader,
    JsonWriter,
    LdjsonReader,
    LdjsonWriter,
)
from bonobo.nodes.printer import PrettyPrinter
from bonobo.nodes.throttle import RateLimited

__all__ = [
    "CsvReader",
    "CsvWriter",
    "FileReader",
    "FileWriter",
    "Filter",
    "FixedWindow",
    "Format",
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
    "SetFields",
    "Tee",
    "UnpackItems",
    "count",
    "identity",
    "noop",
]
