"""Rows with names: fields by attribute, position and get(), and names that are no identifiers."""

import bonobo
from bonobo.config import use_raw_input

PEOPLE = [("Ada", "Lovelace", 36), ("Grace", "Hopper", 85)]


@use_raw_input
def show(row):
    print(row._fields)
    print(row[0], row.last_name, row.get("last name"), row.get("nothing", "-"), row._asdict()["age"])
    print(len(row), tuple(row), row == tuple(row), row._replace(age=1).age)


def get_graph():
    return bonobo.Graph(PEOPLE, bonobo.SetFields(["first", "last name", "age"]), show)


if __name__ == "__main__":
    bonobo.run(get_graph())
