"""A ValueHolder carries a sum from row to row; its operators work as those of its value."""

import bonobo
from bonobo.config import Configurable, ContextProcessor, Option
from bonobo.util.objects import ValueHolder


class RunningSum(Configurable):
    start = Option(int, default=0, positional=True)

    @ContextProcessor
    def total(self, context):
        total = yield ValueHolder(self.start)
        context.send("end", total.get())

    def __call__(self, total, number):
        total += number
        return "so far", total.get()


class Longest(Configurable):
    @ContextProcessor
    def length(self, context):
        yield ValueHolder(0)

    def __call__(self, length, word, number):
        if number > length:
            length.set(number)
            yield word, length + 0, length == number, length * 2, -length, str(length.get())


def get_graph():
    return bonobo.Graph([3, 4, 5], RunningSum(10), Longest(), print)


if __name__ == "__main__":
    bonobo.run(get_graph())
