"""Generators in every place: as source, as one that expands rows, and as one that drops some."""

import bonobo


def numbers():
    yield from range(10)


def even(number):
    if number % 2 == 0:
        yield number


def repeated(number):
    for _ in range(number):
        yield number, number * number


def show(number, square):
    print(number, square)


def get_graph():
    return bonobo.Graph(numbers, even, repeated, show)


if __name__ == "__main__":
    bonobo.run(get_graph())
