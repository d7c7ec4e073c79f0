"""UnpackItems turns dictionaries into named fields, named after the keys of the first."""

import bonobo
from bonobo.config import use_raw_input


def show(name):
    @use_raw_input
    def shown(row):
        # One write a line: the other branches print at the same time.
        print(" ".join(map(str, (name + ":", getattr(row, "_fields", None), *row))) + "\n", end="")

    return shown


def people():
    yield {"name": "Ada", "age": 36}, {"city": "London"}
    yield {"name": "Grace", "age": 85}, {"city": "New York", "more": True}
    yield {"name": "Joan"}, {"city": "Rouen"}


def get_graph():
    graph = bonobo.Graph()
    graph.add_chain(people, bonobo.UnpackItems(0), show("first"))
    graph.add_chain(people, bonobo.UnpackItems(1), show("second"))
    graph.add_chain(people, bonobo.UnpackItems(0, defaults={"age": "?"}), show("defaults"))
    return graph


if __name__ == "__main__":
    bonobo.run(get_graph())
