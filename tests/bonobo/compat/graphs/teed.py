"""Tee calls a function for each row and passes the row on, whatever it returns."""

import bonobo


def show(name):
    def shown(*row):
        # One write a line: the other branches print at the same time.
        print(" ".join(map(str, (name + ":", *row))) + "\n", end="")

    return shown


@bonobo.Tee
def shown(number):
    show("tee")(number)
    return "lost"


def get_graph():
    return bonobo.Graph(range(1, 4), shown, lambda number: number * 10, show("end"))


if __name__ == "__main__":
    bonobo.run(get_graph())
