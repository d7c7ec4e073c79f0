"""count sends how many rows came, when no more come."""

import bonobo


def show(name):
    def shown(*row):
        # One write a line: the other branches print at the same time.
        print(" ".join(map(str, (name + ":", *row))) + "\n", end="")

    return shown


def get_graph():
    graph = bonobo.Graph()
    graph.add_chain(range(25), bonobo.count, show("rows"))
    graph.add_chain(range(25), bonobo.Filter(lambda self, x: x > 100), bonobo.count, show("none"))
    return graph


if __name__ == "__main__":
    bonobo.run(get_graph())
