"""Three functions in a chain: a generator, one that returns, one that prints."""

import bonobo


def extract():
    yield "hello"
    yield "world"


def transform(word):
    return word.title()


def load(word):
    print(word)


def get_graph(**options):
    return bonobo.Graph(extract, transform, load)


def get_services(**options):
    return {}


if __name__ == "__main__":
    parser = bonobo.get_argument_parser()
    with bonobo.parse_args(parser) as options:
        bonobo.run(get_graph(**options), services=get_services(**options))
