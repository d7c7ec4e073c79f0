"""Limit lets the first rows through: ten, or as many as it is told."""

import bonobo


def show(name):
    def shown(*row):
        # One write a line: the other branches print at the same time.
        print(" ".join(map(str, (name + ":", *row))) + "\n", end="")

    return shown


def get_graph():
    graph = bonobo.Graph()
    graph.add_chain(range(30), bonobo.Limit(), show("ten"))
    graph.add_chain(range(30), bonobo.Limit(3), show("three"))
    graph.add_chain(range(3), bonobo.Limit(limit=7), show("seven"))
    return graph


if __name__ == "__main__":
    bonobo.run(get_graph())
