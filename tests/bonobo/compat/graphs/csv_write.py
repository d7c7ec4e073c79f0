"""CsvWriter writes the names and the rows, quoted where they must be, and passes the rows on."""

import bonobo


def rows():
    yield "plain", 1, None
    yield 'with "quotes", and a comma', 2.5, True
    yield "two\nlines, é", -3, ""


def get_graph():
    graph = bonobo.Graph()
    named = graph.add_chain(rows, bonobo.SetFields(["text", "number", "other"]))
    graph.add_chain(bonobo.CsvWriter("named.csv"), lambda *row: print(len(row)), _input=named.output)
    graph.add_chain(
        bonobo.CsvWriter("semicolons.csv", delimiter=";", lineterminator="\n"), _input=named.output
    )
    graph.add_chain(["a", "b"], bonobo.CsvWriter("unnamed.csv"))
    return graph


if __name__ == "__main__":
    bonobo.run(get_graph())
