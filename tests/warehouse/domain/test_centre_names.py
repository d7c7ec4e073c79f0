"""One file speaks for each patient; each centre is named once, on its own line, compared letter by letter."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warehouse.domain.centres import Answer, Centres, ClinicalFile, in_turn, printable, settled
from warehouse.domain.records import ObjectInfo

MOMENT = datetime(2020, 1, 1, tzinfo=UTC)


def file(place, status, date, name="a"):
    info = ObjectInfo(f"{name}/{date}/{status}", 1, "e", MOMENT)
    return ClinicalFile("P", place == "raw", status, date, info)


STANDING = [file("set", "data", "2021-01-01"), file("set", "status", "2022-01-01")]
STATUS = [file("raw", "status", "2020-01-01"), file("raw", "status", "2020-09-01")]
DATA = [
    file("raw", "data", "2020-02-01", name="z"),
    file("raw", "data", "2020-03-01", name="a"),
    file("raw", "data", "2020-03-01", name="b"),
]


@pytest.mark.parametrize(
    ("files", "asked"),
    [
        (STANDING[1:], STANDING[1]),
        (STANDING, STANDING[0]),
        (STANDING + STATUS, STATUS[1]),
        (STANDING + STATUS + DATA, DATA[2]),
        (STATUS + DATA[:2], DATA[1]),
    ],
)
@settings(deadline=None)
@given(data=st.data())
def test_which_file_is_asked_first(files, asked, data):
    turn = in_turn(iter(data.draw(st.permutations(files))))
    assert turn[0] is asked
    assert len(turn) == len(files)


DAMAGED, ARCHIVED, FORBIDDEN, NAMELESS = (
    *(Answer(unread=reason) for reason in ("damaged", "archived", "forbidden")),
    Answer(),
)


@pytest.mark.parametrize(
    ("answers", "place"),
    [
        ([Answer("A"), Answer("B")], 0),
        ([NAMELESS, Answer("B")], 1),
        ([DAMAGED, ARCHIVED, Answer("B"), Answer("C")], 2),
        ([DAMAGED, ARCHIVED], 0),
        ([DAMAGED, NAMELESS], 1),
        ([DAMAGED, FORBIDDEN, Answer("B")], 1),
    ],
)
def test_what_the_files_of_a_patient_say_together(answers, place):
    left = iter(answers)
    assert settled(left) is answers[place]
    # What is not needed is not asked.
    if answers[place].centre is not None:
        assert list(left) == answers[place + 1 :]


def test_names_are_distinct_and_sorted():
    centres = Centres(["a", "B"])
    for name in ("b", "a", None, "B", "a", " a"):
        centres.add(name)
    assert centres.names() == [" a", "B", "a", "b"]
    assert centres.unlisted() == [" a", "b"]
    assert centres.nameless == 1


@given(st.text())
def test_a_name_is_one_line_that_commands_no_terminal(text):
    told = printable(text)
    assert told.isprintable()
    assert told.splitlines() in ([], [told])
    told.encode()


@given(st.text().filter(str.isprintable))
def test_what_can_be_seen_stays_as_it_is(text):
    assert printable(text) == text
