"""A function that uses its context finds services there by name, and sends rows by it."""

import bonobo
from bonobo.config import use_context


@use_context
def priced(context, fruit):
    prices = context.get_service("prices")
    context.send(fruit, prices[fruit])
    context.send(fruit + " (two)", 2 * prices[fruit])


def get_graph(**options):
    return bonobo.Graph(["apple", "pear"], priced, print)


def get_services(**options):
    return {"prices": {"apple": 3, "pear": 4}}


if __name__ == "__main__":
    parser = bonobo.get_argument_parser()
    with bonobo.parse_args(parser) as options:
        bonobo.run(get_graph(**options), services=get_services(**options))
