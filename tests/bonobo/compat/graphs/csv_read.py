"""CsvReader takes the names of the fields from the first line."""

import os

import bonobo
from bonobo.config import use_raw_input


@use_raw_input
def show(row):
    print(row._fields, row.name, row.get("home town"), *row)


def get_graph(**options):
    return bonobo.Graph(bonobo.CsvReader("people.csv"), show)


def get_services(**options):
    return {"fs": bonobo.open_fs(os.path.join(os.path.dirname(os.path.abspath(__file__)), "data"))}


if __name__ == "__main__":
    parser = bonobo.get_argument_parser()
    with bonobo.parse_args(parser) as options:
        bonobo.run(get_graph(**options), services=get_services(**options))
