"""A Configurable without all its options waits for the rest."""

import os

import bonobo
from bonobo.config import Configurable, Option


def show(name):
    def shown(*row):
        # One write a line: the other branches print at the same time.
        print(" ".join(map(str, (name + ":", *row))) + "\n", end="")

    return shown


class Power(Configurable):
    base = Option(int, positional=True)
    exponent = Option(int)
    offset = Option(int, default=0)

    def __call__(self, number):
        return number, self.base + number**self.exponent + self.offset


SemicolonReader = bonobo.CsvReader(delimiter=";", quotechar="'")
Cubed = Power(exponent=3)


def get_graph(**options):
    graph = bonobo.Graph()
    graph.add_chain(range(4), Cubed(1), show("cubed"))
    graph.add_chain(range(4), Cubed(1, offset=100), show("offset"))
    graph.add_chain(SemicolonReader("numbers.csv"), show("reader"))
    return graph


def get_services(**options):
    return {"fs": bonobo.open_fs(os.path.join(os.path.dirname(os.path.abspath(__file__)), "data"))}


if __name__ == "__main__":
    parser = bonobo.get_argument_parser()
    with bonobo.parse_args(parser) as options:
        bonobo.run(get_graph(**options), services=get_services(**options))
