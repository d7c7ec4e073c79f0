"""The story of an object in words: told from facts alone, with a remedy for every reason."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from catalog_rows import START, at, info
from warehouse.domain import story
from warehouse.domain.decisions import MOST, Decision, Expected, Facts, Look, Run
from warehouse.domain.reasons import REASONS
from warehouse.domain.records import Decided

KEY = "raw-a/2020-01-01/images/x.dcm"
PLACE = "training/ct/P1/1.2/1.3/x.dcm"
NOW = START + timedelta(days=2)
LISTED = Expected("image", listed=True, configuration="c1")

DECISION = Decision(
    key=KEY,
    etag="e1",
    size=7,
    kind="image",
    uploader="a",
    upload_date="2020-01-01",
    sequence=3,
    outcome="quarantined",
    reason="truncated",
    flags=[],
    target_key=None,
    target_etag=None,
    target_size=None,
    group=None,
    rule=None,
    site=None,
    patient=None,
    folder=None,
    study=None,
    series=None,
    sop=None,
    type=None,
    configuration="c1",
    run="run-1",
    time=START,
)
PLACED = {
    "group": "training",
    "rule": "split",
    "patient": "P1",
    "folder": "P1",
    "study": "1.2",
    "series": "1.3",
    "sop": "1.4",
    "type": "ct",
}
LOADED = replace(DECISION, outcome="loaded", reason=None, target_key=PLACE, **PLACED)


def stands(key=KEY, etag="e1", what="raw"):
    return Look(what, key, "stands", info(key, etag))


def facts(*decisions, raw=None, expected=LISTED, **more):
    runs = {"run-1": Run("run-1", "0.1.0", 0)}
    return Facts(KEY, more.pop("asked", KEY), raw or stands(), expected, decisions, runs, **more)


def told(*decisions, **more):
    return list(story.lines(facts(*decisions, **more), NOW))


def section(lines, title):
    start = lines.index(title) + 1
    end = next((place for place in range(start, len(lines)) if not lines[place]), len(lines))
    return [line.strip() for line in lines[start:end]]


CHANGE = "what would change it"


@pytest.mark.parametrize("code", sorted(code for code, one in REASONS.items() if one.remedy != "nothing"))
def test_every_reason_is_told_with_its_meaning_and_its_remedy(code):
    lines = told(replace(DECISION, outcome=REASONS[code].decided.value, reason=code))
    assert any(f"{code}: {REASONS[code].meaning}" in line for line in lines)
    assert REASONS[code].remedy in section(lines, CHANGE)


@pytest.mark.parametrize(
    ("kind", "outcome", "asks_again"),
    [
        ("image", Decided.QUARANTINED, True),
        ("other", Decided.QUARANTINED, False),
        ("image", Decided.DEFERRED, False),
    ],
)
def test_another_look_helps_where_bytes_decided(kind, outcome, asks_again):
    lines = told(replace(DECISION, kind=kind, outcome=outcome.value))
    assert any("warehouse retry" in line for line in lines) == asks_again


def test_a_configuration_that_cannot_be_read_is_told_where_it_would_be_compared():
    lines = told(replace(LOADED, configuration="c0"), expected=Expected(problem="permission denied"))
    assert "configuration c0; it cannot be compared with config.json now, since permission denied" in section(
        lines, "decisions"
    )


def test_a_decision_is_told_with_its_run_its_rule_and_its_configuration():
    lines = told(replace(LOADED, configuration="c0", site="Clinic", flags=["site-differs"]))
    assert section(lines, "decisions") == [
        "1. 2024-02-29T23:59:59Z  loaded",
        "run run-1 (0.1.0, ended with 0), as a/2020-01-01/images#run-1-3",
        "configuration c0; config.json says something else now",
        "patient P1, of Clinic",
        "group training, by rule split",
        f"copy {PLACE}",
        "flags site-differs",
    ]


def test_a_run_without_a_row_is_told():
    assert any("run-9 (without a row of its own" in line for line in told(replace(DECISION, run="run-9")))


def test_versions_are_told_apart():
    lines = told(LOADED, replace(DECISION, etag="e2", time=at(60)), raw=stands(etag="e2"))
    assert "version 1 of 2, 7 bytes, ETag e1" in section(lines, "decisions")
    assert "version 2 of 2, 7 bytes, ETag e2, which stands in raw now" in section(lines, "decisions")
    assert REASONS["truncated"].remedy in section(lines, CHANGE)


def test_a_version_that_was_not_decided_is_pending():
    lines = told(LOADED, raw=stands(etag="e2"))
    assert any("this version of it was never decided" in line for line in lines)
    assert any("by its key alone it is an image" in line for line in lines)
    assert section(lines, CHANGE) == ["a load: it decides what is pending"]


@pytest.mark.parametrize(
    ("key", "expected", "words"),
    [
        (KEY, LISTED, "pending: by its key alone it is an image"),
        (KEY, replace(LISTED, kind="clinical file"), "it is a clinical file, which the next load decides"),
        (KEY, Expected(None, "invalid-key", listed=True), "makes it quarantined as invalid-key: its name"),
        (KEY, Expected(None, "other-suffix", listed=True), "makes it ignored as other-suffix"),
        (KEY, Expected("image"), "under no raw prefix"),
        (KEY, Expected(problem="there is no config.json"), "since there is no config.json"),
        (PLACE, Expected(), "the catalog names no raw object"),
    ],
)
def test_what_was_never_decided_says_what_it_would_be(key, expected, words):
    lines = list(story.lines(Facts(key, key, stands(key), expected), NOW))
    assert any(words in line for line in lines)
    assert section(lines, CHANGE)


@pytest.mark.parametrize("key", ["config.json", "assignments/patients/P1.json", "catalog/objects/a.parquet"])
def test_nobody_is_told_to_upload_what_the_warehouse_keeps_for_itself(key):
    lines = list(story.lines(Facts(key, key, stands(key), Expected()), NOW))
    assert any("the warehouse's own" in line for line in lines)
    assert not any("upload it" in line for line in lines)
    assert section(lines, CHANGE)[0].startswith("nothing: `warehouse verify`")


def test_each_place_is_told_as_it_was_found():
    copy = Look("copy", PLACE, "other size", info(PLACE))
    claim = Look("assignment", "assignments/patients/P1.json", "stands", said="training, by rule split")
    lines = told(LOADED, places=(copy, Look("metadata", "m", "gone"), claim))
    assert section(lines, "where it is now") == [
        f"copy        {PLACE}: stands, but with another size than was recorded, 7 bytes",
        "metadata    m: gone: nothing stands there",
        "assignment  assignments/patients/P1.json: stands (training, by rule split)",
    ]
    assert any("warehouse verify" in line for line in section(lines, CHANGE))
    assert not any(line.startswith("nothing:") for line in section(lines, CHANGE))


@pytest.mark.parametrize("what", ["copy", "metadata", "assignment"])
def test_what_stands_in_the_way_is_put_aside_by_hand(what):
    lines = told(LOADED, places=(Look(what, PLACE, "taken"),))
    (place,) = section(lines, "where it is now")
    assert place.endswith("gone: a link, a folder or the like stands there, or on the way there")
    assert section(lines, "what would change it")[0].startswith("put aside by hand what stands there")


@pytest.mark.parametrize("state", ["gone", "other group"])
def test_an_assignment_that_disagrees_calls_for_a_rebuild(state):
    lines = told(LOADED, places=(Look("assignment", "a", state),))
    assert any("warehouse catalog rebuild" in line for line in section(lines, CHANGE))
    waits = replace(DECISION, outcome="deferred", reason="no-clinical-data", patient="P1")
    lines = told(waits, places=(Look("assignment", "a", "gone"),))
    assert section(lines, "where it is now") == ["assignment  none yet: the patient belongs to no set"]
    assert not any("rebuild" in line for line in lines)


def test_what_is_in_order_needs_nothing():
    lines = told(LOADED, places=(stands(PLACE, what="copy"),))
    assert section(lines, CHANGE)[0].startswith("nothing: it is in the data set")


def test_what_waits_tells_for_whom_and_since_when():
    waits = replace(DECISION, outcome="deferred", reason="no-clinical-data", patient="P1")
    again = replace(waits, reason="unlisted-site", time=at(3600), run="run-2")
    refused = replace(
        DECISION, key="raw-a/2020-01-01/data/P1_data.json", kind="clinical", reason="invalid-json"
    )
    lines = section(told(waits, again, clinical=(refused,)), "what waits")
    assert lines[0] == (f"it waits since 2024-02-29T23:59:59Z (2 days): {REASONS['unlisted-site'].meaning}")
    assert "its patient is P1" in lines
    assert any(line.startswith(f"clinical file {refused.key}: quarantined, invalid-json") for line in lines)
    lines = section(told(waits, places=(Look("assignment", "a", "stands"),)), "what waits")
    assert lines[-1] == "the patient is assigned by now: the next load goes on"
    assert "no load has seen a clinical file of that patient" in lines
    kept_out = replace(waits, reason="occupied", group="training")
    lines = section(told(kept_out, places=(Look("assignment", "a", "stands"),)), "what waits")
    assert not any("assigned by now" in line for line in lines)
    assert "what waits" not in told(DECISION)


def test_the_first_arrival_of_a_study_may_be_the_wrong_one():
    stranger = replace(DECISION, reason="study-of-another-patient", **PLACED)
    holder = replace(LOADED, key="raw-b/2020-01-01/images/y.dcm", patient="P2")
    lines = section(told(stranger, holder=holder), CHANGE)
    assert lines[0].startswith(f"its study 1.2 is held by patient P2: {holder.key}: loaded")
    assert "arrived first, and may be the wrong one" in lines[1]
    assert "older loader" in section(told(stranger), CHANGE)[0]


def test_a_conflict_says_which_of_the_two_is_taken():
    conflict = replace(DECISION, reason="conflicting-copy", **PLACED)
    same_name = replace(LOADED, key="raw-a/2020-02-02/images/x.dcm")
    lines = section(told(conflict, holder=same_name), CHANGE)
    assert lines[0].startswith(f"held by {same_name.key}: loaded")
    assert lines[1] == "it is the name that is taken: send it with another date or name"
    same_uid = replace(same_name, target_key="training/ct/P1/1.2/1.3/y.dcm")
    assert "SOP Instance UID" in section(told(conflict, holder=same_uid), CHANGE)[1]
    assert section(told(conflict, holder=LOADED), CHANGE)[0].startswith("held by an earlier version of this")
    assert "older loader" in section(told(conflict), CHANGE)[0]


def test_what_was_removed_has_to_be_sent_again():
    lines = told(DECISION, raw=Look("raw", KEY, "gone"))
    assert any("it was removed" in line for line in lines)
    assert "it was removed from raw, so that no load looks at it: upload it again" in section(lines, CHANGE)


def test_of_many_other_objects_a_few_are_named():
    others = tuple(replace(DECISION, key=f"raw-a/{number}") for number in range(MOST + 1))
    lines = section(told(LOADED, others=others), "other raw objects for its place")
    assert len(lines) == MOST + 1
    assert lines[-1].startswith(f"more than {MOST}")
    assert len(section(told(LOADED, others=others[:MOST]), "other raw objects for its place")) == MOST


def test_a_gap_is_told():
    lines = told(LOADED, places=(Look("copy", PLACE, "unread", said="head: permission denied"),))
    assert any("could not be looked at (head: permission denied)" in line for line in lines)
    assert section(lines, CHANGE)[-1].startswith("something could not be looked at")
    assert any(
        "raw could not be looked at: head: failed" in line
        for line in told(LOADED, raw=Look("raw", KEY, "unread", said="head: failed"))
    )


def test_nothing_in_a_story_can_steer_a_terminal():
    odd = replace(DECISION, key="raw-a/\x1b[2J", site="a\nb", patient="\x07")
    assert all(line.isprintable() for line in told(odd, asked="x\ry"))


def test_where_nothing_is_known_the_line_says_of_what():
    assert "that key" in story.nothing_known(KEY)
    assert "from its first folder on" in story.nothing_known(KEY)
    assert "dry run" in story.nothing_known("a/2020-01-01/images#run-1-3")
