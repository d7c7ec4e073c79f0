"""NOT_MODIFIED passes the row on as it came, returned or yielded, even more than once."""

import bonobo
from bonobo.constants import NOT_MODIFIED


def large(name, size):
    return NOT_MODIFIED if size > 10 else None


def twice(name, size):
    yield NOT_MODIFIED
    yield NOT_MODIFIED


def get_graph():
    return bonobo.Graph([("a", 5), ("b", 50), ("c", 500)], large, twice, print)


if __name__ == "__main__":
    bonobo.run(get_graph())
