"""FileReader gives the lines of a file, FileWriter writes one line for each row."""

import os

import bonobo


def show(name):
    def shown(*row):
        # One write a line: the other branches print at the same time.
        print(" ".join(map(str, (name + ":", *row))) + "\n", end="")

    return shown


def get_graph(**options):
    graph = bonobo.Graph()
    graph.add_chain(
        bonobo.FileReader("lines.txt", fs="data"),
        lambda line: (line.upper(),),
        bonobo.FileWriter("lines.txt"),
        show("line"),
    )
    graph.add_chain(
        bonobo.FileReader("lines.txt", fs="data", output_fields=("line",)), bonobo.JsonWriter("lines.json")
    )
    graph.add_chain(["x", "y"], bonobo.FileWriter("eol.txt", eol=" + "))
    graph.add_chain(["é"], bonobo.FileWriter(path="latin.txt", encoding="latin-1"))
    return graph


def get_services(**options):
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data")
    return {"data": bonobo.open_fs(folder), "fs": bonobo.open_fs()}


if __name__ == "__main__":
    parser = bonobo.get_argument_parser()
    with bonobo.parse_args(parser) as options:
        bonobo.run(get_graph(**options), services=get_services(**options))
