"""Lists, ranges, tuples and dictionaries as nodes; behind others they give their items for each row."""

import bonobo


def show(name):
    def shown(*row):
        # One write a line: the other branches print at the same time.
        print(" ".join(map(str, (name + ":", *row))) + "\n", end="")

    return shown


def pair(first, second):
    return first + second


def get_graph():
    graph = bonobo.Graph()
    graph.add_chain(range(3), lambda x: x + 1, show("range"))
    graph.add_chain([("a", "b"), ("c", "d")], pair, show("list"))
    graph.add_chain({"k": 1, "l": 2}, show("dict"))
    graph.add_chain(["x", "y"], ("p", "q"), show("middle"))
    return graph


if __name__ == "__main__":
    bonobo.run(get_graph())
