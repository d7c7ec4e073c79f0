"""When a schedule of EventBridge acts next: in UTC, strictly later, and None where that is not known."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warehouse.domain.schedule import next_time

NOW = datetime(2026, 11, 28, 6, 30, 20, tzinfo=UTC)  # a Saturday


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("cron(0 1 * * ? *)", "2026-11-29 01:00"),
        ("cron(45 6 * * ? *)", "2026-11-28 06:45"),
        ("cron(30 6 * * ? *)", "2026-11-29 06:30"),
        ("cron(0/15 * * * ? *)", "2026-11-28 06:45"),
        ("cron(0 8-10 * * ? *)", "2026-11-28 08:00"),
        ("cron(0 1 ? * MON-FRI *)", "2026-11-30 01:00"),
        ("cron(0 1 ? * 1 *)", "2026-11-29 01:00"),
        ("cron(0 1 ? * sat *)", "2026-12-05 01:00"),
        ("cron(0 1 1 JAN,JUL ? *)", "2027-01-01 01:00"),
        ("cron(0 0 29 2 ? *)", "2028-02-29 00:00"),
        ("cron(0 1 * * ? 2030)", "2030-01-01 01:00"),
        ("cron( 5  1,13 * * ? * )", "2026-11-28 13:05"),
    ],
)
def test_the_next_time(expression, expected):
    assert next_time(expression, NOW) == datetime.fromisoformat(expected).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "rate(1 hour)",
        "cron(0 1 * * ?)",
        "cron(60 1 * * ? *)",
        "cron(0 24 * * ? *)",
        "cron(0 1 L * ? *)",
        "cron(0 1 ? * 6#3 *)",
        "cron(0 1 32 * ? *)",
        "cron(0 9-8 * * ? *)",
        "cron(0/0 1 * * ? *)",
        "cron(0 1 * * ? 2020)",
        "cron(0 0 30 2 ? *)",
        "cron(a b c d e f)",
        "cron(٣ 1 * * ? *)",
    ],
)
def test_what_never_comes_or_is_not_understood(expression):
    assert next_time(expression, NOW) is None


def test_the_time_of_the_asker_is_read_in_utc():
    asked = datetime(2026, 11, 29, 1, 30, tzinfo=timezone(timedelta(hours=1)))
    assert next_time("cron(0 1 * * ? *)", asked) == datetime(2026, 11, 29, 1, 0, tzinfo=UTC)


@given(st.integers(0, 59), st.integers(0, 23), st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)))
def test_each_day_once(minute, hour, naive):
    now = naive.replace(tzinfo=UTC)
    found = next_time(f"cron({minute} {hour} * * ? *)", now)
    assert found is not None
    assert (found.minute, found.hour) == (minute, hour)
    assert timedelta() < found - now <= timedelta(days=1)
