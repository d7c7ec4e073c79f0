"""Other people's text -> what can stand in a line of a terminal: bounded, and without control characters."""

from __future__ import annotations

LONGEST = 60


def printable(text: str, longest: int = LONGEST) -> str:
    r"""Escape what cannot be printed, and cut what is longer.

    >>> printable("a\nb\x1b[31m"), printable("abcdefghij", 8)
    ('a\\nb\\x1b[31m', 'abcde...')
    """
    # One character more than fit tells that there are more.
    shown = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text[: longest + 1])
    return shown if len(shown) <= longest else f"{shown[: longest - 3]}..."
