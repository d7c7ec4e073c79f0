"""Lines at the foot of a terminal: whatever is written meanwhile is all there, in order, above them."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from terminal_screen import Screen

from bonobo.panel import Panel

HEIGHT = 12

LINES = st.lists(st.text("abc", max_size=5), min_size=1, max_size=HEIGHT - 4)
WRITINGS = st.text("xyz\n", max_size=40)


@given(st.lists(st.one_of(WRITINGS, LINES)))
@example(["partial", ["one"], " line\n", ["one", "two"], "more\n" * 20, ["one"]])
def test_nothing_is_lost_and_the_foot_stands(steps):
    screen, text = Screen(HEIGHT), ""
    panel = Panel(screen)
    for step in steps:
        if isinstance(step, str):
            screen.write(step)
            text += step
        else:
            panel.show(step, HEIGHT)
            assert screen.lines[-len(step) :] == step
            assert screen.margins == (0, HEIGHT - len(step) - 1)
        assert screen.written.rstrip("\n") == text.rstrip("\n")
    panel.close()
    assert screen.margins == (0, HEIGHT - 1)
    screen.write("end")
    assert screen.written.rstrip("\n") == text + "end"


@pytest.mark.parametrize("height", [6, 30])
def test_a_terminal_that_changes_its_height(height):
    screen = Screen(HEIGHT)
    panel = Panel(screen)
    screen.write("first\n")
    panel.show(["one", "two"], HEIGHT)
    screen.lines = (screen.lines + [""] * height)[:height]
    screen.height, screen.margins = height, (0, height - 1)
    panel.show(["one", "two"], height)
    assert screen.lines[-2:] == ["one", "two"]
    assert screen.margins == (0, height - 3)
    assert screen.lines[0] == "first"


def test_each_change_is_one_write():
    class Counting(Screen):
        writes = 0

        def write(self, text):
            self.writes += 1
            return super().write(text)

    screen = Counting(HEIGHT)
    panel = Panel(screen)
    panel.close()
    assert screen.writes == 0
    for lines in (["a"], ["a"], ["a", "b"]):
        panel.show(lines, HEIGHT)
    panel.close()
    panel.close()
    assert screen.writes == 4
