"""Functions that declare services with @use get them by keyword."""

import bonobo
from bonobo.config import use


class Catalogue:
    def __init__(self, names):
        self.names = names

    def find(self, number):
        return self.names[number]


@use("catalogue")
def extract(catalogue):
    yield from range(len(catalogue.names))


@use("catalogue", "shout")
def transform(number, *, shout, catalogue):
    return shout(catalogue.find(number))


def get_graph(**options):
    return bonobo.Graph(extract, transform, print)


def get_services(**options):
    return {"catalogue": Catalogue(["apple", "pear"]), "shout": str.upper}


if __name__ == "__main__":
    parser = bonobo.get_argument_parser()
    with bonobo.parse_args(parser) as options:
        bonobo.run(get_graph(**options), services=get_services(**options))
