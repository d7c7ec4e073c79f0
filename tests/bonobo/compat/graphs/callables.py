"""Whatever can be called is a node: built-in functions, bound methods, partials, instances, classes."""

import functools
import operator

import bonobo


def show(name):
    def shown(*row):
        # One write a line: the other branches print at the same time.
        print(" ".join(map(str, (name + ":", *row))) + "\n", end="")

    return shown


class Adder:
    def __init__(self, value):
        self.value = value

    def __call__(self, number):
        return number + self.value

    def subtract(self, number):
        return number - self.value


def scaled(factor, number):
    return number * factor


def get_graph():
    graph = bonobo.Graph()
    graph.add_chain(["a", "b"], str.upper, operator.methodcaller("center", 5, "-"), show("text"))
    graph.add_chain(
        range(1, 4), Adder(5), Adder(1).subtract, functools.partial(scaled, 10), str, show("number")
    )
    graph.add_chain([(2, 3), (4, 5)], max, complex, show("max"))
    return graph


if __name__ == "__main__":
    bonobo.run(get_graph())
