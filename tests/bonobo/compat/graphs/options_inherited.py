"""Options of a base class, overridden in part; an option is read, coerced and changed as an attribute."""

import bonobo
from bonobo.config import Configurable, Option


def show(name):
    def shown(*row):
        # One write a line: the other branches print at the same time.
        print(" ".join(map(str, (name + ":", *row))) + "\n", end="")

    return shown


class Base(Configurable):
    first = Option(int, positional=True, default=1)
    second = Option(str, required=False)
    words = Option(tuple, default=())

    def __call__(self, number):
        return type(self).__name__, self.first, self.second, self.words, number


class Derived(Base):
    second = Option(str, default="derived")
    third = Option(float, default=0.5)

    def __call__(self, number):
        return (*super().__call__(number), self.third)


def changed():
    node = Base("7")
    node.words = ["x"]
    return node


def get_graph():
    graph = bonobo.Graph()
    nodes = {"base": Base(), "given": Base("5", words="ab"), "derived": Derived(2, third="1.5")}
    for name, node in {**nodes, "changed": changed()}.items():
        graph.add_chain([0], node, show(name))
    return graph


if __name__ == "__main__":
    bonobo.run(get_graph())
