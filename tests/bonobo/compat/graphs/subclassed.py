"""Readers and writers that users made of ours by overriding one method."""

import os

import bonobo
from bonobo.config import Option, use_context
from bonobo.constants import NOT_MODIFIED


def show(name):
    def shown(*row):
        # One write a line: the other branches print at the same time.
        print(" ".join(map(str, (name + ":", *row))) + "\n", end="")

    return shown


class WordReader(bonobo.FileReader):
    separator = Option(str, default=" ")

    def read(self, file, *, fs):
        for line in file:
            yield from line.split(self.separator)

    __call__ = read


@use_context
class UpperCsvReader(bonobo.CsvReader):
    def reader_factory(self, file):
        return (line.strip().upper().split(",", 2) for line in file)


class NestedJsonReader(bonobo.JsonReader):
    def loader(self, text):
        import json

        return json.loads(text)["items"]


@use_context
class BangWriter(bonobo.FileWriter):
    def write(self, file, context, word, *, fs):
        context.setdefault("lineno", 0)
        self._write_line(file, word + "!")
        context.lineno += 1
        return NOT_MODIFIED

    __call__ = write


def get_graph(**options):
    graph = bonobo.Graph()
    graph.add_chain(WordReader("lines.txt"), repr, show("word"))
    graph.add_chain(UpperCsvReader("people.csv"), show("csv"))
    graph.add_chain(NestedJsonReader("nested.json"), show("json"))
    graph.add_chain(["a", "b"], BangWriter("bang.txt", fs="here"))
    return graph


def get_services(**options):
    data = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data")
    return {"fs": bonobo.open_fs(data), "here": bonobo.open_fs(".")}


if __name__ == "__main__":
    parser = bonobo.get_argument_parser()
    with bonobo.parse_args(parser) as options:
        bonobo.run(get_graph(**options), services=get_services(**options))
