"""Rename gives fields new names, and leaves order and values alone."""

import bonobo
from bonobo.config import use_raw_input


@use_raw_input
def show(row):
    print(row._fields, row.person, row.years, row.city)


def get_graph():
    return bonobo.Graph(
        [("Ada", 36, "London"), ("Grace", 85, "New York")],
        bonobo.SetFields(["name", "age", "city"]),
        bonobo.Rename(person="name", years="age"),
        show,
    )


if __name__ == "__main__":
    bonobo.run(get_graph())
