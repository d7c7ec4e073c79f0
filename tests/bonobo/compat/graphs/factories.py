"""transformation_factory names what it makes after its arguments."""

import bonobo
from bonobo.config import transformation_factory


@transformation_factory
def Add(value, *, times=1):
    def add(number):
        return number + value * times

    return add


def get_graph():
    plus, more = Add(2), Add(3, times=10)
    print(plus.__name__, more.__name__, bonobo.SetFields(["a"]).__name__, bonobo.Rename(a="b").__name__)
    return bonobo.Graph(range(3), plus, more, print)


if __name__ == "__main__":
    bonobo.run(get_graph())
