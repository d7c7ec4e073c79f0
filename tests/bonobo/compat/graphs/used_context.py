"""A function that uses its context keeps state in it, one for each place in the graph."""

import bonobo
from bonobo.config import use_context


def show(name):
    def shown(*row):
        # One write a line: the other branches print at the same time.
        print(" ".join(map(str, (name + ":", *row))) + "\n", end="")

    return shown


@use_context
def numbered(context, word):
    context.setdefault("line", 0)
    context.line += 1
    return context.line, word


def get_graph():
    graph = bonobo.Graph()
    graph.add_chain("abc", numbered, show("first"))
    graph.add_chain("de", numbered, show("second"))
    return graph


if __name__ == "__main__":
    bonobo.run(get_graph())
