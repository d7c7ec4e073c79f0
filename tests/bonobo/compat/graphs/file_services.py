"""A file system as a service of one's own nodes: files are written, listed, found and read."""

import bonobo
from bonobo.config import use


@use("fs")
def write(name, *, fs):
    with fs.open(name + ".txt", "w", encoding="utf-8") as file:
        file.write("content of " + name)
    return name + ".txt"


@use("fs")
def read(path, *, fs):
    with fs.open(path) as file:
        return path, file.read(), fs.exists(path), fs.exists("no" + path), path in fs.listdir(".")


def get_graph(**options):
    return bonobo.Graph(["a", "b"], write, read, print)


def get_services(**options):
    return {}


if __name__ == "__main__":
    parser = bonobo.get_argument_parser()
    with bonobo.parse_args(parser) as options:
        bonobo.run(get_graph(**options), services=get_services(**options))
