"""A timeline shows the periods that can be true, and accounts for every file."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from warehouse.report.timeline import CENTRES, month_of, timeline, week_of

DAYS = st.dates()
ROWS = st.lists(
    st.fixed_dictionaries(
        {"centre": st.text(max_size=3), "upload_date": DAYS.map(date.isoformat), "files": st.integers(1, 9)}
    ),
    max_size=40,
)


def row(centre, day, files=1):
    return {"centre": centre, "upload_date": day, "files": files}


def test_months():
    line = timeline(
        "month", [row("A", "2020-04-30", 3), row("B", "2020-06-01"), row("A", "2020-06-30", 2)], None
    )
    assert [line.name(start) for start in line.starts] == ["April 2020", "May 2020", "June 2020"]
    assert line.centres == {"A": [3, 0, 2], "B": [0, 0, 1]}
    assert (line.earlier, line.later) == (0, 0)


def test_weeks_begin_on_monday():
    line = timeline("week", [row("A", "2020-12-27"), row("A", "2020-12-28"), row("A", "2021-01-03")], None)
    assert [line.name(start) for start in line.starts] == [
        "week of 21 December 2020",
        "week of 28 December 2020",
    ]
    assert line.centres == {"A": [1, 2]}


def test_what_is_dated_after_the_last_run_does_not_stretch_it():
    rows = [row("A", "2020-04-01"), row("A", "9999-12-31", 5), row("A", "0001-01-01", 7)]
    line = timeline("month", rows, date(2020, 5, 20))
    assert (len(line.starts), line.starts[-1]) == (24, date(2020, 5, 1))
    assert (line.earlier, line.later) == (7, 5)
    assert sum(line.centres["A"]) == 1


def test_nothing_at_all():
    line = timeline("week", [], date(2020, 1, 1))
    assert (line.starts, line.centres, line.earlier, line.later) == ([], {}, 0, 0)


def test_many_centres_are_told_together():
    rows = [row(f"centre {number:03}", "2020-01-01", 1 + number) for number in range(CENTRES + 20)]
    line = timeline("month", rows, None)
    assert len(line.centres) == CENTRES + 1
    assert line.centres["20 other centres"] == [sum(range(1, 21))]
    assert next(iter(line.centres)) == "centre 020"


@given(ROWS, st.none() | DAYS, st.sampled_from(["month", "week"]))
def test_every_file_is_accounted_for(rows, until, unit):
    line = timeline(unit, rows, until)
    shown = sum(map(sum, line.centres.values()))
    assert shown + line.earlier + line.later == sum(one["files"] for one in rows)
    assert len(line.starts) <= {"month": 24, "week": 52}[unit]
    assert list(line.starts) == sorted(set(line.starts))


@given(DAYS, DAYS)
def test_a_day_is_in_the_period_that_begins_last_before_it(one, other):
    for start_of in (month_of, week_of):
        assert start_of(one) <= one
        assert start_of(start_of(one)) == start_of(one)
        if start_of(one) == start_of(other):
            assert abs(one - other) < timedelta(days=31)
