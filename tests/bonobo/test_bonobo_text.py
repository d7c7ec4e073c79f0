"""Whatever a text holds, what is shown of it stands in one line of bounded length."""

from hypothesis import given
from hypothesis import strategies as st

from bonobo.text import LONGEST, printable


@given(st.text(), st.integers(4, 100))
def test_one_line_of_bounded_length(text, longest):
    shown = printable(text, longest)
    assert shown.isprintable()
    assert len(shown) <= longest


@given(st.text(st.characters(exclude_categories=["C", "Z"]), max_size=LONGEST))
def test_what_can_be_shown_is(text):
    assert printable(text) == text


def test_what_is_longer_says_so():
    assert printable("a" * LONGEST) == "a" * LONGEST
    assert printable("a" * (LONGEST + 1)) == "a" * (LONGEST - 3) + "..."
