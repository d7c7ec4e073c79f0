"""A chain that nothing feeds at first, named; others say that it is where they end."""

import bonobo


def numbers(name, start):
    def source():
        for number in range(start, start + 4):
            yield name, number

    return source


def show(name, number):
    print(name + ":", number)


def get_graph():
    graph = bonobo.Graph()
    graph.add_chain(lambda name, number: (name, number + 1), show, _input=None, _name="end")
    graph.add_chain(numbers("small", 0), _output="end")
    graph.add_chain(numbers("large", 100), _output="end")
    return graph


if __name__ == "__main__":
    bonobo.run(get_graph())
