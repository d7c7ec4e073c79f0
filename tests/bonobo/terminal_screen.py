"""A terminal for tests: the few sequences that are used, as the manual of DEC's VT100 has them."""

import io
import re

_TOKEN = re.compile(r"\x1b\[([\d;]*)([A-Za-z])|\x1b([78D])|(.)", re.DOTALL)
_BEGUN = re.compile(r"(?:\x1b(?:\[[\d;]*)?)?\Z")
"""The beginning of a sequence whose rest comes with the next writing."""


class Screen(io.StringIO):
    """A terminal of `height` lines, of any width. `written` is what stands and stood outside of the foot."""

    def __init__(self, height):
        super().__init__()
        self.height = height
        self.lines = [""] * height
        self.scrolled = []
        self.row = self.column = 0
        self.margins = (0, height - 1)
        self.saved = (0, 0)
        self.begun = ""

    def write(self, text):
        text = self.begun + text
        self.begun = _BEGUN.search(text)[0]
        for match in _TOKEN.finditer(text.removesuffix(self.begun)):
            arguments, control, escape, character = match.groups()
            if control:
                numbers = [int(number) for number in arguments.split(";") if number]
                getattr(self, f"control_{control}")(*numbers)
            elif escape:
                {"7": self.save, "8": self.restore, "D": self.index}[escape]()
            elif character == "\n":
                self.column = 0
                self.index()
            elif character == "\r":
                self.column = 0
            else:
                line = self.lines[self.row].ljust(self.column)
                self.lines[self.row] = line[: self.column] + character + line[self.column + 1 :]
                self.column += 1
        return len(text)

    def save(self):
        self.saved = (self.row, self.column)

    def restore(self):
        self.row, self.column = self.saved

    def index(self):
        top, bottom = self.margins
        if self.row == bottom:
            first = self.lines.pop(top)
            if top == 0:
                self.scrolled.append(first)
            self.lines.insert(bottom, "")
        else:
            self.row = min(self.row + 1, self.height - 1)

    def control_A(self, lines):
        self.row = max(0, self.row - lines)

    def control_H(self, row=1, column=1):
        self.row, self.column = min(row, self.height) - 1, column - 1

    def control_J(self):
        self.lines[self.row] = self.lines[self.row][: self.column]
        self.lines[self.row + 1 :] = [""] * (self.height - self.row - 1)

    def control_K(self, part=0):
        assert part == 2
        self.lines[self.row] = ""

    def control_m(self, *colours):
        pass

    def control_r(self, top=1, bottom=None):
        self.margins = (top - 1, (bottom or self.height) - 1)
        self.row = self.column = 0

    @property
    def written(self):
        return "\n".join([*self.scrolled, *self.lines[: self.margins[1] + 1]])
