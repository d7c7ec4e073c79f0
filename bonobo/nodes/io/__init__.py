"""Readers and writers of files, whose paths are relative to the service `fs`."""

from bonobo.nodes.io.csv import CsvReader, CsvWriter
from bonobo.nodes.io.file import FileReader, FileWriter
from bonobo.nodes.io.json import JsonReader, JsonWriter, LdjsonReader, LdjsonWriter

__all__ = [
    "CsvReader",
    "CsvWriter",
    "FileReader",
    "FileWriter",
    "JsonReader",
    "JsonWriter",
    "LdjsonReader",
    "LdjsonWriter",
]
