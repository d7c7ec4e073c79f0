"""A function that returns somebody else's generator emits its items; a lambda may do so too."""

import bonobo


def letters(word):
    yield from word


def spell(word):
    return letters(word)


def get_graph():
    return bonobo.Graph(
        ["ab", "c"], spell, lambda letter: ((letter, n) for n in range(2)), lambda letter, n: print(letter, n)
    )


if __name__ == "__main__":
    bonobo.run(get_graph())
