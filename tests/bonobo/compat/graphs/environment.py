"""parse_args sets the environment for the run; what the command line says wins over defaults."""

import os

import bonobo


def greet(name):
    print(os.environ["GREETING"] + ",", name, os.environ.get("MARK", "."))


def get_graph(**options):
    print(sorted(options))
    return bonobo.Graph(["Ada", "Grace"], greet)


def get_services(**options):
    return {"options": options}


if __name__ == "__main__":
    parser = bonobo.get_argument_parser()
    with bonobo.parse_args(parser) as options:
        bonobo.run(get_graph(**options), services=get_services(**options))
