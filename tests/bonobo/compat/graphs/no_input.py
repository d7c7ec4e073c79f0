"""use_no_input calls a node once for each row, without its fields."""

import bonobo
from bonobo.config import Configurable, ContextProcessor, use_no_input


@use_no_input
def tick():
    return "tick"


@use_no_input
class Numbers(Configurable):
    @ContextProcessor
    def numbers(self, context):
        yield iter(range(100))

    def __call__(self, numbers):
        return "number", next(numbers)


def get_graph():
    return bonobo.Graph(["a", "b"], tick, Numbers(), print)


if __name__ == "__main__":
    bonobo.run(get_graph())
