"""use_raw_input gives the row as one argument, whatever its length."""

import bonobo
from bonobo.config import use_context, use_raw_input


@use_raw_input
def reversed_row(row):
    return tuple(reversed(row))


@use_context
@use_raw_input
def measured(context, row):
    return (len(row), context.get_input_fields(), *row)


def get_graph():
    return bonobo.Graph([(1, 2, 3), (4, 5, 6)], reversed_row, measured, print)


if __name__ == "__main__":
    bonobo.run(get_graph())
