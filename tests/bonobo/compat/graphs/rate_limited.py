"""RateLimited hands rows to its handler as fast as its bucket allows; here it allows all of them."""

import bonobo
from bonobo.nodes import RateLimited


def doubled(self, number):
    return number * 2


def get_graph():
    return bonobo.Graph(range(1, 5), RateLimited(doubled, 20), lambda number: number + 1, print)


if __name__ == "__main__":
    bonobo.run(get_graph())
