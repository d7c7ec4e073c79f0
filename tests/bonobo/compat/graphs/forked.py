"""Two chains behind one node: each receives every row."""

import bonobo


def show(name):
    def shown(*row):
        # One write a line: the other branches print at the same time.
        print(" ".join(map(str, (name + ":", *row))) + "\n", end="")

    return shown


def get_graph():
    graph = bonobo.Graph(range(1, 6), bonobo.noop)
    graph.add_chain(lambda x: x * 2, show("double"), _input=bonobo.noop)
    graph.add_chain(lambda x: x * x, show("square"), _input=1)
    graph.add_chain(bonobo.count, show("count"), _input=bonobo.noop)
    return graph


if __name__ == "__main__":
    bonobo.run(get_graph())
