"""CsvReader with another delimiter, with names given, with lines skipped; the file comes from a service."""

import os

import bonobo


def show(name):
    def shown(*row):
        # One write a line: the other branches print at the same time.
        print(" ".join(map(str, (name + ":", *row))) + "\n", end="")

    return shown


def get_graph(**options):
    graph = bonobo.Graph()
    semicolons = {"delimiter": ";", "quotechar": "'"}
    graph.add_chain(bonobo.CsvReader("numbers.csv", **semicolons), show("head"))
    graph.add_chain(bonobo.CsvReader(path="numbers.csv", fields=["x", "y", "z"], **semicolons), show("given"))
    graph.add_chain(bonobo.CsvReader("numbers.csv", skip=2, fs="files", **semicolons), show("skip"))
    return graph


def get_services(**options):
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data")
    return {"fs": bonobo.open_fs(folder), "files": bonobo.open_fs(folder)}


if __name__ == "__main__":
    parser = bonobo.get_argument_parser()
    with bonobo.parse_args(parser) as options:
        bonobo.run(get_graph(**options), services=get_services(**options))
