"""identity and noop pass rows on."""

import bonobo


def show(name):
    def shown(*row):
        # One write a line: the other branches print at the same time.
        print(" ".join(map(str, (name + ":", *row))) + "\n", end="")

    return shown


def get_graph():
    graph = bonobo.Graph()
    graph.add_chain(["a", "b"], bonobo.identity, show("identity"))
    graph.add_chain([(1, 2), (3, 4)], bonobo.noop, show("noop"))
    return graph


if __name__ == "__main__":
    bonobo.run(get_graph())
