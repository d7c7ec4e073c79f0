"""INHERIT puts values behind those of the row; on named rows they are named after their positions."""

import bonobo
from bonobo.config import use_context, use_raw_input
from bonobo.constants import INHERIT


def squared(number):
    return INHERIT, number**2


def halves(number, square):
    yield INHERIT, number / 2, square / 2


def show(name):
    def shown(*row):
        # One write a line: the other branches print at the same time.
        print(" ".join(map(str, (name + ":", *row))) + "\n", end="")

    return shown


@use_context
@use_raw_input
def with_fields(context, row):
    return (context.get_input_fields(), *row)


def get_graph():
    graph = bonobo.Graph()
    graph.add_chain(range(1, 4), squared, halves, show("plain"))
    graph.add_chain(range(1, 4), bonobo.SetFields(["number"]), squared, with_fields, show("named"))
    return graph


if __name__ == "__main__":
    bonobo.run(get_graph())
