"""FixedWindow gathers rows; the last window is filled up with None."""

import bonobo


def show(name):
    def shown(*row):
        # One write a line: the other branches print at the same time.
        print(" ".join(map(str, (name + ":", *row))) + "\n", end="")

    return shown


def get_graph():
    graph = bonobo.Graph()
    graph.add_chain(range(7), bonobo.FixedWindow(3), show("three"))
    graph.add_chain(range(4), bonobo.FixedWindow(2), show("two"))
    graph.add_chain(["a", "b"], bonobo.FixedWindow(length=1), show("one"))
    return graph


if __name__ == "__main__":
    bonobo.run(get_graph())
