"""Each centre is named once, on a line of its own, and compared letter by letter."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warehouse.domain.centres import Centres, printable


def test_names_are_distinct_and_sorted():
    centres = Centres()
    for name in ("b", "a", "B", "a", " a"):
        centres.add({"SubmittingCentre": name})
    assert centres.names() == [" a", "B", "a", "b"]
    assert centres.missing_from(["a", "B"]) == [" a", "b"]


@pytest.mark.parametrize("value", [None, "", 3, True, ["a"], {"a": 1}])
def test_a_record_that_names_no_centre_is_counted(value):
    centres = Centres()
    centres.add({"SubmittingCentre": value})
    centres.add({})
    assert (centres.names(), centres.nameless) == ([], 2)


@given(st.text())
def test_a_name_is_one_line_that_commands_no_terminal(text):
    told = printable(text)
    assert told.isprintable()
    assert told.splitlines() in ([], [told])
    told.encode()


@given(st.text().filter(str.isprintable))
def test_what_can_be_seen_stays_as_it_is(text):
    assert printable(text) == text
