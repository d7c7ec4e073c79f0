"""PrettyPrinter shows each row, one line a field, and leaves out what is None."""

import bonobo


def rows():
    yield "one", 1, None, {"k": [1, 2]}
    yield "  two  ", 2.5, "there", []


def get_graph():
    return bonobo.Graph(rows, bonobo.PrettyPrinter())


if __name__ == "__main__":
    bonobo.run(get_graph())
