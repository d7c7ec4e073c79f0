"""A Method given as an argument, overridden in a subclass, left at its default, given by a decorator."""

import bonobo
from bonobo.config import Configurable, Method, Option


def show(name):
    def shown(*row):
        # One write a line: the other branches print at the same time.
        print(" ".join(map(str, (name + ":", *row))) + "\n", end="")

    return shown


class Apply(Configurable):
    times = Option(int, default=1)

    @Method(positional=False)
    def change(self, number):
        return number + 1

    def __call__(self, number):
        for _ in range(self.times):
            number = self.change(number)
        return number


class Doubled(Apply):
    def change(self, number):
        return number * 2


class Handled(Configurable):
    handler = Method()
    prefix = Option(str)

    def __call__(self, number):
        return self.prefix + str(self.handler(number))


@Handled
def Squared(self, number):
    return number**2


def get_graph():
    graph = bonobo.Graph()
    graph.add_chain(range(1, 4), Apply(), show("default"))
    graph.add_chain(range(1, 4), Apply(change=lambda self, x: x - self.times, times=2), show("given"))
    graph.add_chain(range(1, 4), Doubled(times=3), show("subclass"))
    graph.add_chain(range(1, 4), Squared(prefix="+"), show("decorated"))
    return graph


if __name__ == "__main__":
    bonobo.run(get_graph())
