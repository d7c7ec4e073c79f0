"""What is written as a line of CSV is read back as it was, by the standard library too."""

import csv
import io

from hypothesis import given
from hypothesis import strategies as st

from warehouse.domain.csv_lines import line

CELLS = st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\0")), min_size=1)


@given(st.lists(CELLS, min_size=1))
def test_lines_come_back_as_they_were(rows):
    page = io.StringIO("".join(map(line, rows)), newline="")
    assert list(csv.reader(page)) == rows


def test_what_needs_no_quotes_has_none():
    assert line(["a b", "1.5", "'=1", "é"]) == "a b,1.5,'=1,é\n"
    assert line([""]) == '""\n'
