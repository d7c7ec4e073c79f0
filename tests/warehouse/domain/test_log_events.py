"""A line of a log for a person and for a program."""

from __future__ import annotations

import json

import pytest

from warehouse.domain.log_events import LogEvent, as_json, as_text

TIME = 1_700_000_000_123
LINE = {"time": "2026-01-01T00:00:00.000Z", "level": "error", "message": "it broke\nhere"}


def test_a_json_line_is_its_time_its_level_and_its_message():
    assert as_text(LogEvent(TIME, json.dumps(LINE))) == r"2026-01-01T00:00:00.000Z error: it broke\nhere"
    quiet = json.dumps({**LINE, "level": "info"})
    assert as_text(LogEvent(TIME, quiet)) == r"2026-01-01T00:00:00.000Z it broke\nhere"


@pytest.mark.parametrize("text", ["plain", "{", "[1]", '{"a": 1}', '{"message": 5}', "", '"x"'])
def test_any_other_line_is_as_it_is_behind_the_events_time(text):
    assert as_text(LogEvent(TIME, text)) == f"2023-11-14T22:13:20.123Z {text}"


@pytest.mark.parametrize("text", ["plain", "{", "[1]", "", '"x"', "tab\there", "{}", '{"a":\n1}'])
def test_every_line_is_one_json_object(text):
    written = as_json(LogEvent(TIME, text))
    assert "\n" not in written
    assert json.loads(written) == {"time": "2023-11-14T22:13:20.123Z", "message": text}


def test_a_json_line_stays_as_it_is():
    text = json.dumps({"_aws": {"Timestamp": 1}, "Loaded": 5})
    assert as_json(LogEvent(TIME, text)) == text


def test_a_time_that_is_no_text_is_that_of_the_event():
    assert as_text(LogEvent(TIME, '{"time": null, "message": "x"}')) == "2023-11-14T22:13:20.123Z x"


def test_a_line_that_is_nested_too_deep_to_be_read_is_a_line_like_any_other():
    text = '{"a":' * 50_000
    assert as_text(LogEvent(TIME, text)) == f"2023-11-14T22:13:20.123Z {text}"
    assert json.loads(as_json(LogEvent(TIME, text)))["message"] == text
