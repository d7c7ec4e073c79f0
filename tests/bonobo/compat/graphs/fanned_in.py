"""Two sources feed one node; each keeps its order there."""

import bonobo


def small():
    for number in range(5):
        yield "small", number


def large():
    for number in range(100, 105):
        yield "large", number


def show(name, number):
    print(name + ":", number)


def get_graph():
    graph = bonobo.Graph(small, show)
    graph.add_chain(large, lambda name, number: (name, number * 2), _output=show)
    return graph


if __name__ == "__main__":
    bonobo.run(get_graph())
