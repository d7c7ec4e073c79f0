"""JsonReader gives the items of a list, LdjsonReader those of lines."""

import os

import bonobo


def show(name):
    def shown(*row):
        # One write a line: the other branches print at the same time.
        print(" ".join(map(str, (name + ":", *row))) + "\n", end="")

    return shown


def contents(fruit):
    return sorted(fruit.items())


def get_graph(**options):
    graph = bonobo.Graph()
    graph.add_chain(bonobo.JsonReader("fruits.json"), contents, show("json"))
    graph.add_chain(
        bonobo.JsonReader("fruits.json"),
        bonobo.UnpackItems(0, fields=["name", "price"]),
        show("items"),
    )
    graph.add_chain(bonobo.LdjsonReader("fruits.jsonl"), contents, show("lines"))
    return graph


def get_services(**options):
    return {"fs": bonobo.open_fs(os.path.join(os.path.dirname(os.path.abspath(__file__)), "data"))}


if __name__ == "__main__":
    parser = bonobo.get_argument_parser()
    with bonobo.parse_args(parser) as options:
        bonobo.run(get_graph(**options), services=get_services(**options))
