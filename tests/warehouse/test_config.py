"""config.json is checked whole before anything is decided: every problem, in one go."""

import json
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from warehouse import config
from warehouse.errors import ConfigurationError

GOOD = {
    "raw_prefixes": ["raw-b/", "raw-a"],
    "training_percentage": 40,
    "sites": {"split": ["Leeds"], "training": ["York"], "validation": ["Hull"]},
}


def parse(**changes):
    return config.parse(json.dumps({**GOOD, **changes}).encode())


def test_a_whole_configuration():
    found = parse()
    assert found.raw_prefixes == ("raw-a/", "raw-b/")
    assert found.training_percentage == Decimal(40)
    assert found.sites == {"Leeds": "split", "York": "training", "Hull": "validation"}
    assert "TEST" in found.placeholder_ids
    assert found.warnings == ()


@pytest.mark.parametrize(("given_", "used"), [(-5, 0), (150, 100), (12.5, Decimal("12.5")), (0, 0)])
def test_a_percentage_is_clamped(given_, used):
    assert parse(training_percentage=given_).training_percentage == used


def test_unknown_keys_are_warned_about():
    assert parse(training_percent=3).warnings == (
        "config.json: the key 'training_percent' means nothing here",
    )


def test_the_hash_names_the_meaning_and_not_the_layout():
    assert parse().hash == parse(raw_prefixes=["raw-a/", "raw-b"], training_percentage=40.0).hash
    assert parse().hash != parse(training_percentage=41).hash
    assert config.parse(json.dumps(GOOD, indent=8).encode()).hash == parse().hash


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"raw_prefixes": []}, "raw_prefixes"),
        ({"raw_prefixes": "raw-a"}, "raw_prefixes"),
        ({"raw_prefixes": ["training"]}, "raw-<uploader>"),
        ({"raw_prefixes": ["raw-a/b"]}, "raw-<uploader>"),
        ({"raw_prefixes": ["raw-"]}, "raw-<uploader>"),
        ({"raw_prefixes": ["raw-a", "raw-a/"]}, "twice"),
        ({"training_percentage": "40"}, "training_percentage"),
        ({"training_percentage": True}, "training_percentage"),
        ({"training_percentage": None}, "no training_percentage"),
        ({"sites": {"test": ["A"]}}, "no group"),
        ({"sites": {"training": ["A"], "split": ["A"]}}, "twice"),
        ({"sites": {"training": ["A", "A"]}}, "twice"),
        ({"sites": {"training": "A"}}, "sites"),
        ({"sites": []}, "sites"),
        ({"patient_id_pattern": "["}, "patient_id_pattern"),
    ],
)
def test_what_is_refused(changes, words):
    with pytest.raises(ConfigurationError, match=words) as caught:
        parse(**changes)
    assert caught.value.exit_code == 2


def test_every_problem_is_told():
    with pytest.raises(ConfigurationError) as caught:
        parse(raw_prefixes=["x"], sites={"split": ["A"], "training": ["A"]}, training_percentage=None)
    assert len(caught.value.problems) == 3


@pytest.mark.parametrize(
    "data", [b"", b"{", b"[]", b"null", b"\xff", b'{"raw_prefixes": ["raw-a"], "sites": {}, "sites": {}}']
)
def test_what_is_no_json_object(data):
    with pytest.raises(ConfigurationError):
        config.parse(data)


def test_folders_that_are_not_listed():
    unlisted, empty = config.prefix_warnings(parse(), ["raw-a", "raw-c", "training"])
    assert "raw-c/" in unlisted
    assert "raw-b/ holds nothing" in empty


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"training_percentage": 150}, "clamped"),
        ({"training_percentage": 0.7}, "share"),
        ({"sites": {}}, "lists nobody"),
    ],
)
def test_what_looks_like_a_slip_is_warned_about(changes, words):
    (warning,) = parse(**changes).warnings
    assert words in warning


@pytest.mark.parametrize(
    "changes",
    [
        {"patient_id_pattern": "x{99999999999999999999}"},
        {"patient_id_pattern": "(" * 5000 + ")" * 5000},
        {"sites": {"training": ["\ud800"]}},
    ],
)
def test_what_would_break_later_is_refused_now(changes):
    with pytest.raises(ConfigurationError):
        parse(**changes)


@given(st.binary())
@example(b'{"raw_prefixes":["raw-a"]}')  # which hypothesis finds by itself
def test_any_bytes_are_a_configuration_or_refused_as_one(data):
    try:
        found = config.parse(data)
    except ConfigurationError:
        return
    assert isinstance(json.loads(data), dict)
    assert found.raw_prefixes


def test_what_is_not_changed_stays_as_it_is():
    facts = {"training_percentage": 12.5, "placeholder_ids": ["NOBODY"], "quarantine_non_images": True}
    before = parse(**facts)
    assert config.changed(before) == before
    assert config.changed(before, training_percentage=70) == parse(**{**facts, "training_percentage": 70})
    sites = {"validation": ["Leeds"]}
    assert config.changed(before, sites=sites) == parse(**facts, sites=sites)


def test_changes_that_make_no_configuration_say_what_is_wrong():
    with pytest.raises(ConfigurationError) as caught:
        config.changed(parse(), sites={"split": ["Hull", "Hull"], "nowhere": []})
    assert len(caught.value.problems) == 2
    assert all(problem.startswith("with these changes, config.json: ") for problem in caught.value.problems)
