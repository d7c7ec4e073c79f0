"""Filter by a function, by keyword, as a decorator and by a subclass."""

import bonobo


def show(name):
    def shown(*row):
        # One write a line: the other branches print at the same time.
        print(" ".join(map(str, (name + ":", *row))) + "\n", end="")

    return shown


@bonobo.Filter
def Odd(self, number):
    return number % 2


class Small(bonobo.Filter):
    def filter(self, number):
        return number < 8


def get_graph():
    graph = bonobo.Graph()
    graph.add_chain(range(12), bonobo.Filter(lambda self, x: x > 8), show("lambda"))
    graph.add_chain(range(12), bonobo.Filter(filter=lambda self, x: x > 9), show("keyword"))
    graph.add_chain(range(12), Odd, show("decorator"))
    graph.add_chain(range(12), Small(), show("subclass"))
    return graph


if __name__ == "__main__":
    bonobo.run(get_graph())
