"""What results emit: tuples spread; lists, dictionaries and iterators stay whole; None is nothing."""

import bonobo


def show(name):
    def shown(*fields):
        # One write a line: the other branches print at the same time.
        print(" ".join([name + ":", *(type(field).__name__ for field in fields)]) + "\n", end="")

    return shown


def returns_tuple(x):
    return x, x


def returns_list(x):
    return [x, x]


def returns_dict(x):
    return {"x": x}


def returns_iterator(x):
    return iter([x, x])


def returns_none(x):
    return None


def yields_zero(x):
    yield 0


def yields_blank(x):
    yield ""


def yields_none(x):
    yield None


def yields_empty(x):
    yield ()


def yields_list(x):
    yield [x, x]


def get_graph():
    graph = bonobo.Graph()
    nodes = (returns_tuple, returns_list, returns_dict, returns_iterator, returns_none)
    for node in (*nodes, yields_zero, yields_blank, yields_none, yields_empty, yields_list):
        graph.add_chain([1, 2], node, show(node.__name__))
    return graph


if __name__ == "__main__":
    bonobo.run(get_graph())
