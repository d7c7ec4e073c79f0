"""From CSV to JSON, by way of Format and OrderFields, through the default file system."""

import os

import bonobo


def get_graph(**options):
    return bonobo.Graph(
        bonobo.CsvReader("people.csv", fs="data"),
        bonobo.Format(label="{name} ({age})"),
        bonobo.OrderFields(["label"]),
        bonobo.JsonWriter("people.json"),
    )


def get_services(**options):
    return {"data": bonobo.open_fs(os.path.join(os.path.dirname(os.path.abspath(__file__)), "data"))}


if __name__ == "__main__":
    parser = bonobo.get_argument_parser()
    with bonobo.parse_args(parser) as options:
        bonobo.run(get_graph(**options), services=get_services(**options))
