"""Rows that fail are left out, and those that a generator gave before it failed stay."""

import bonobo


def divided(number):
    return 12 // number


def counted(number):
    for place in range(number):
        if place == 3:
            raise ValueError("enough")
        yield number, place


def get_graph():
    return bonobo.Graph([0, 3, 2, 0, 12], divided, counted, print)


if __name__ == "__main__":
    bonobo.run(get_graph())
