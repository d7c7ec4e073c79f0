"""A parser of one's own, with options beside those for the environment."""

import bonobo


def get_graph(*, limit=2, name="you"):
    return bonobo.Graph(range(10), bonobo.Limit(limit), lambda number: print(name, number))


if __name__ == "__main__":
    parser = bonobo.get_argument_parser()
    parser.add_argument("--limit", type=int, default=3)
    parser.add_argument("--name", default="me")
    with bonobo.parse_args(parser) as options:
        bonobo.run(get_graph(**options))
