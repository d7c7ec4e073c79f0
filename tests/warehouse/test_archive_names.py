"""Archives sort by their age, whatever the clock's zone."""

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from warehouse.services import archive_name

MOMENTS = st.datetimes(min_value=datetime(1970, 1, 2), max_value=datetime(9999, 12, 30)).map(
    lambda moment: moment.replace(tzinfo=UTC)
)


def test_a_name_is_the_time_in_utc():
    there = timezone(timedelta(hours=2))
    assert archive_name(datetime(2026, 2, 3, 6, 5, 6, 7, tzinfo=there)) == "2026-02-03T04:05:06.000007Z"
    assert archive_name(datetime(2026, 2, 3, tzinfo=UTC)) == "2026-02-03T00:00:00.000000Z"


@given(st.lists(MOMENTS, min_size=2, max_size=5))
def test_names_sort_by_time(moments):
    assert sorted(map(archive_name, moments)) == [archive_name(moment) for moment in sorted(moments)]
