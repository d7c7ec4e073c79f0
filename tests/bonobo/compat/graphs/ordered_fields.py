"""OrderFields puts the named fields first and the others behind them, by name."""

import bonobo
from bonobo.config import use_raw_input


@use_raw_input
def show(row):
    print(row._fields, *row)


def get_graph():
    return bonobo.Graph(
        [(1, 2, 3, 4), (5, 6, 7, 8)],
        bonobo.SetFields(("d", "b", "a", "c")),
        bonobo.OrderFields(["a", "b"]),
        show,
    )


if __name__ == "__main__":
    bonobo.run(get_graph())
