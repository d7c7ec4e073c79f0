"""A line of a log is one JSON object on one line, whatever is said."""

import json
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from warehouse.domain.log_line import log_line

NOW = datetime(2026, 11, 20, 20, 49, 1, 123456, tzinfo=UTC)


@given(st.text(st.characters(codec=None)), st.sampled_from(["info", "error"]))
def test_any_message_is_one_line(message, level):
    line = log_line(NOW, level, "warehouseloader", "r", message)
    assert "\n" not in line
    assert "\r" not in line
    read = json.loads(line)
    assert list(read) == ["time", "level", "pipeline", "run", "message"]
    assert read["level"] == level
    readable = message.encode("utf-8", "backslashreplace").decode()
    assert read["message"] == readable


def test_the_time_is_in_utc_and_more_stands_behind():
    read = json.loads(log_line(NOW, "info", None, None, "x", Stack="dev"))
    assert read == {
        "time": "2026-11-20T20:49:01.123Z",
        "level": "info",
        "pipeline": None,
        "run": None,
        "message": "x",
        "Stack": "dev",
    }
