"""PrettyPrinter with a filter of its own passes every row on, with all its fields."""

import bonobo


def keep(self, index, key, value):
    return index != 1


def get_graph():
    return bonobo.Graph(
        [("a", "secret", None), ("b", "hidden", 2)],
        bonobo.PrettyPrinter(filter=keep),
        bonobo.SetFields(["name", "_private", "number"]),
        bonobo.PrettyPrinter(),
        bonobo.LdjsonWriter("rows.jsonl"),
    )


if __name__ == "__main__":
    bonobo.run(get_graph())
