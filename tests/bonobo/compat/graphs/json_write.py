"""JsonWriter and LdjsonWriter write named rows as objects, the fields of others one by one."""

import bonobo


def rows():
    yield "é", [1, 2], None
    yield "b", {"k": 1.5}, True


def get_graph():
    graph = bonobo.Graph()
    named = graph.add_chain(rows, bonobo.SetFields(["text", "value", "other"]))
    graph.add_chain(bonobo.JsonWriter("named.json"), _input=named.output)
    graph.add_chain(bonobo.LdjsonWriter("named.jsonl"), _input=named.output)
    graph.add_chain(
        [{"a": 1}, {"b": 2}], bonobo.JsonWriter("unnamed.json"), bonobo.LdjsonWriter("unnamed.jsonl")
    )
    graph.add_chain(range(3), bonobo.Filter(lambda self, x: x > 5), bonobo.JsonWriter("none.json"))
    return graph


if __name__ == "__main__":
    bonobo.run(get_graph())
