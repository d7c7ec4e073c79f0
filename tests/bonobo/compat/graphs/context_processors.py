"""Context processors come first among the arguments, in order; the last opened is closed first."""

import bonobo
from bonobo.config import Configurable, ContextProcessor, Option


class Joined(Configurable):
    separator = Option(str, default=", ")

    @ContextProcessor
    def seen(self, context):
        print("open seen")
        seen = yield []
        print("close seen", seen)

    @ContextProcessor
    def announced(self, context, seen):
        print("open announced", seen)
        yield
        print("close announced")
        context.send(self.separator.join(seen))

    @ContextProcessor
    def pair(self, context, seen):
        yield "left", "right"

    def __call__(self, seen, left, right, word):
        seen.append(left + word + right)


def get_graph():
    return bonobo.Graph(["a", "b", "c"], Joined(separator="|"), open_file)


def open_file(line):
    with open("joined.txt", "w") as file:
        file.write(line)


if __name__ == "__main__":
    bonobo.run(get_graph())
