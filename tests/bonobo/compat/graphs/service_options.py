"""A Configurable names its service as an option; each instance may ask for another."""

import bonobo
from bonobo.config import Configurable, Option, Service


def show(name):
    def shown(*row):
        # One write a line: the other branches print at the same time.
        print(" ".join(map(str, (name + ":", *row))) + "\n", end="")

    return shown


class Query(Configurable):
    table = Option(str, positional=True)
    limit = Option(int, default=2)
    database = Service("database.default")

    def __call__(self, *, database):
        for row in database[self.table][: self.limit]:
            yield self.table, row


def get_graph(**options):
    graph = bonobo.Graph()
    graph.add_chain(Query("users"), show("default"))
    graph.add_chain(Query("users", database="database.other", limit=1), show("other"))
    graph.add_chain(Query(table="cities", limit="3"), show("cities"))
    return graph


def get_services(**options):
    return {
        "database.default": {"users": ["ada", "grace", "joan"], "cities": ["Rome", "Oslo", "Kyiv", "Bern"]},
        "database.other": {"users": ["linus", "guido"]},
    }


if __name__ == "__main__":
    parser = bonobo.get_argument_parser()
    with bonobo.parse_args(parser) as options:
        bonobo.run(get_graph(**options), services=get_services(**options))
