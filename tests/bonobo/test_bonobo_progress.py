"""What is told of a run that goes on: rates, the bottleneck, the time left, the plain line."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bonobo.progress import (
    WINDOW_SECONDS,
    Snapshot,
    about,
    bottleneck,
    extended,
    percent,
    plain,
    rate,
    rates,
    remark,
    seconds_left,
    snapshot,
)
from bonobo.report import NodeReport


def node(name="node", rows_in=0, rows_out=0, *, state="running", **figures):
    return NodeReport(name, rows_in, rows_out, state=state, **figures)


def window(*moments, seconds=10):
    """Snapshots at even distances, from lists of nodes."""
    step = seconds / max(1, len(moments) - 1)
    return [Snapshot(place * step, tuple(nodes)) for place, nodes in enumerate(moments)]


class TestWindow:
    def test_a_snapshot_stays_as_it_was(self):
        counting = node(rows_in=1)
        taken = snapshot([counting], at=2)
        counting.rows_in = 5
        assert (taken.at, taken.nodes[0].rows_in) == (2, 1)

    @given(st.lists(st.floats(0, 40), min_size=1))
    def test_it_reaches_back_as_far_as_needed_and_no_further(self, pauses):
        reached, at, begun = (), 0.0, pauses[0]
        for pause in pauses:
            at += pause
            reached = extended(reached, Snapshot(at, ()))
        times = [one.at for one in reached]
        assert times == sorted(times)
        assert times[-1] == at
        assert len(times) <= 2 or at - times[1] < WINDOW_SECONDS
        assert times[0] == begun or at - times[0] >= WINDOW_SECONDS


class TestRates:
    def test_whichever_are_more_of_rows_in_and_rows_out(self):
        before = [node(rows_in=1, rows_out=10), node(rows_in=10, rows_out=0), node()]
        after = [node(rows_in=1, rows_out=60), node(rows_in=40, rows_out=5), node()]
        assert rates(window(before, after, seconds=10)) == (5, 3, 0)

    def test_at_first_there_is_none(self):
        assert rates(window([node(rows_in=1)])) == (0,)
        assert rates(window([node()], [node(rows_in=5)], seconds=0)) == (0,)


def source(**figures):
    return node("source", in_flight=1, **figures)


class TestBottleneck:
    @pytest.mark.parametrize(
        ("nodes", "name"),
        [
            # Full queues: the most downstream one, for those before it fill because of it.
            ([source(), node("a", queued=128, capacity=128), node("b", queued=64, capacity=128)], "b"),
            ([source(), node("a", queued=128, capacity=128), node("b", queued=63, capacity=128)], "a"),
            ([source(), node("a", queued=64, capacity=128), node("b", in_flight=1)], "a"),
            # No full queue, but workers that are all busy.
            ([source(), node("a", in_flight=8, workers=8), node("b", queued=3, capacity=128)], "a"),
            ([source(), node("a", in_flight=8, workers=8), node("b", in_flight=1)], "b"),
            ([source(), node("a", in_flight=7, workers=8), node("b")], "source"),
            # Neither: rows do not come fast enough.
            ([source(), node("a"), node("b")], "source"),
            ([node("source"), node("a"), node("b")], "source"),
            # What has ended holds nobody up.
            ([source(state="done"), node("a"), node("b")], "a"),
            ([source(), node("a"), node("b", queued=9, capacity=9, state="failed")], "source"),
            ([source(state="waiting"), node("a", state="waiting")], "source"),
        ],
    )
    def test_the_node_that_others_wait_for(self, nodes, name):
        assert bottleneck(window(nodes)).name == name

    def test_once_all_have_ended_there_is_none(self):
        assert bottleneck(window([source(state="done"), node(state="stopped")])) is None

    def test_it_is_told_from_the_window_and_not_from_a_moment(self):
        empty, full = node("slow", capacity=10), node("slow", queued=10, capacity=10)
        full_mostly = window(*([source(), one] for one in (empty, full, full, full, empty)))
        empty_mostly = window(*([source(), one] for one in (full, empty, empty, empty, full)))
        assert bottleneck(full_mostly).name == "slow"
        assert bottleneck(empty_mostly).name == "source"

    def test_how_things_stood_at_first_does_not_count(self):
        begun, now = node("slow", capacity=10), node("slow", queued=9, capacity=10)
        assert bottleneck(window([source(), begun], [source(), now])).name == "slow"


class TestTimeLeft:
    def left(self, *pairs, seconds=10):
        return seconds_left(window(*map(list, zip(*pairs, strict=True)), seconds=seconds))

    def test_what_is_left_at_the_recent_rate(self):
        pair = (node(rows_out=100, expected=500), node(rows_out=200, expected=500))
        assert self.left(pair) == 30

    def test_of_several_sources_the_last(self):
        quick = (node(rows_out=0, expected=20), node(rows_out=10, expected=20))
        slow = (node(rows_out=0, expected=20), node(rows_out=5, expected=20))
        other = (node(rows_in=0), node(rows_in=1000))
        assert self.left(quick, slow, other) == 30

    @pytest.mark.parametrize(
        "pair",
        [
            (node(rows_out=0), node(rows_out=10)),
            (node(rows_out=5, expected=10), node(rows_out=5, expected=10)),
            (node(rows_out=5, expected=10), node(rows_out=10, expected=10)),
            (node(rows_out=5, expected=10), node(rows_out=12, expected=10)),
            (node(rows_out=5, expected=10), node(rows_out=6, expected=10, state="stopped")),
        ],
        ids=["undeclared", "still", "emitted", "more than declared", "ended"],
    )
    def test_what_cannot_be_said(self, pair):
        assert self.left(pair) is None

    def test_one_source_that_stands_still_leaves_it_open(self):
        going = (node(rows_out=0, expected=20), node(rows_out=10, expected=20))
        still = (node(rows_out=5, expected=10), node(rows_out=5, expected=10))
        assert self.left(going) == 10
        assert self.left(going, still) is None

    def test_a_source_is_watched_for_a_while_before_it_is_believed(self):
        pair = (node(rows_out=0, expected=500), node(rows_out=100, expected=500))
        assert self.left(pair, seconds=WINDOW_SECONDS - 0.1) is None
        assert self.left(pair, seconds=WINDOW_SECONDS) == 20


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "about 5 s"),
        (5.1, "about 10 s"),
        (55, "about 55 s"),
        (56, "about 1 min"),
        (90, "about 2 min"),
        (3569, "about 59 min"),
        (3571, "about 1 h"),
        (3720, "about 1 h"),
        (7500, "about 2 h 5 min"),
        (47 * 3600 + 3540, "about 2 days"),
        (71 * 3600, "about 3 days"),
    ],
)
def test_a_time_is_said_no_more_exactly_than_it_is_known(seconds, text):
    assert about(seconds) == text


@given(st.floats(0, 1e9))
def test_any_time_can_be_said(seconds):
    assert re.fullmatch(r"about (\d\d? (s|min)|\d\d? h( [1-5]?[05] min)?|\d+ days)", about(seconds))
    assert " 60 min" not in about(seconds)


@pytest.mark.parametrize(
    ("rows", "text"), [(0, "0"), (0.04, "<0.1"), (0.05, "0.1"), (9.94, "9.9"), (9.96, "10"), (1234.5, "1234")]
)
def test_a_rate(rows, text):
    assert rate(rows) == text


def test_how_full_a_queue_is():
    assert percent(node(queued=96, capacity=128)) == "75%"
    assert percent(node()) == ""


COPY = node("copy")


def test_the_plain_line():
    moments = (
        [node("load", rows_in=1, expected=900), node("copy", capacity=128), node("end", state="waiting")],
        [
            node("load", rows_in=1, rows_out=350, expected=900),
            node("copy", rows_in=300, rows_out=290, errors=2, queued=128, capacity=128),
            node("end", state="waiting"),
        ],
    )
    assert plain(window(*moments), 120.4) == (
        "120 s: load in=1 out=350 (35/s), copy in=300 out=290 err=2 (30/s), end in=0 out=0; "
        "bottleneck: copy; about 20 s left"
    )


def test_a_graph_of_one_node_has_no_bottleneck_to_speak_of():
    assert remark(window([node()])) == ""
    assert remark(window([node()] * 2)) == "bottleneck: node"
