"""A function with a context processor of its own gathers rows, and sends what it made of them at the end."""

import bonobo
from bonobo.config import use_context_processor, use_raw_input
from bonobo.util.objects import ValueHolder


def show(name):
    def shown(*row):
        # One write a line: the other branches print at the same time.
        print(" ".join(map(str, (name + ":", *row))) + "\n", end="")

    return shown


def sums(self, context):
    totals = yield {}
    for name in sorted(totals):
        context.send(name, totals[name])


@use_context_processor(sums)
def grouped(totals, name, number):
    totals[name] = totals.get(name, 0) + number


def last_seen(self, context):
    holder = yield ValueHolder(None)
    context.send("last", holder.get())


@use_context_processor(last_seen)
@use_raw_input
def last(holder, row):
    holder.set(row)


def get_graph():
    graph = bonobo.Graph([("a", 1), ("b", 10), ("a", 2), ("c", 5)], grouped, lambda *row: row)
    graph.add_chain(show("sum"), _input=1)
    graph.add_chain(last, show("last"), _input=grouped)
    return graph


if __name__ == "__main__":
    bonobo.run(get_graph())
