"""max_errors: what may be written, and when a run has had enough."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bonobo.errors import TooManyErrors, UsageError, exit_code_of
from bonobo.limits import RATIO_ROWS, MaxErrors
from bonobo.report import NodeReport, Report


def judged(limit, *nodes, ended=False):
    """Whether a limit is exceeded by nodes of (rows in, errors), the last of which has just failed."""
    report = Report(nodes=[NodeReport("n", rows_in=rows, errors=errors) for rows, errors in nodes])
    report.rejected_count = sum(errors for _, errors in nodes)
    limit = MaxErrors.of(limit)
    return limit.exceeded_at_end(report) if ended else limit.exceeded(report, report.nodes[-1])


@pytest.mark.parametrize(
    ("given", "count", "ratio", "words"),
    [
        (100, 100, None, "100 rows"),
        ("100", 100, None, "100 rows"),
        (" 1 ", 1, None, "1 row"),
        (0, 0, None, "0 rows"),
        (0.01, None, 0.01, "1% of a node's rows"),
        ("0.01", None, 0.01, "1% of a node's rows"),
        ("1%", None, 0.01, "1% of a node's rows"),
        ("2.5 %", None, 0.025, "2.5% of a node's rows"),
        ("0%", None, 0.0, "0% of a node's rows"),
        (1.0, None, 1.0, "100% of a node's rows"),
    ],
)
def test_what_may_be_written(given, count, ratio, words):
    limit = MaxErrors.of(given)
    assert (limit.count, limit.ratio, str(limit)) == (count, ratio, words)


@pytest.mark.parametrize(
    "given",
    [
        "",
        "%",
        "many",
        "-1",
        "101%",
        "-1%",
        "nan",
        "inf%",
        "1e3",
        "٣",
        "1,5",
        "1_0%",
        "0_1",
        pytest.param("9" * 5000, id="digits"),
        pytest.param("9" * 5000 + "%", id="digits%"),
        pytest.param(10**5000, id="large"),
        pytest.param(-(10**5000), id="far below"),
        -1,
        1.5,
        -0.1,
        True,
        float("nan"),
    ],
)
def test_what_may_not(given):
    with pytest.raises(UsageError, match="max_errors must be"):
        MaxErrors.of(given)


@given(st.text(max_size=8))
def test_any_text_is_read_or_refused(text):
    try:
        limit = MaxErrors.of(text)
    except UsageError:
        return
    assert (limit.count is None) != (limit.ratio is None)


@given(st.floats(0, 100))
def test_a_percentage_is_a_hundredth(percent):
    assert MaxErrors.of(f"{percent!r}%").ratio == percent / 100


def test_a_count_is_that_of_the_whole_run():
    assert not judged(3, (10, 2), (10, 1))
    assert judged(3, (10, 2), (10, 2))
    assert not judged(3, (10, 3), ended=True)
    assert judged(0, (10, 1))


def test_a_ratio_is_judged_for_each_node_once_it_took_enough_rows():
    assert not judged("1%", (RATIO_ROWS - 1, RATIO_ROWS - 1))
    assert judged("1%", (RATIO_ROWS, 2))
    assert not judged("1%", (RATIO_ROWS, 1))
    assert not judged("1%", (RATIO_ROWS, 2), (10_000, 1))


def test_in_the_end_a_ratio_holds_for_every_node_however_few_its_rows():
    assert judged("10%", (10, 2), (10_000, 0), ended=True)
    assert not judged("10%", (10, 1), (0, 0), ended=True)
    assert not judged("100%", (1, 1), ended=True)


@pytest.mark.parametrize(
    ("given", "message"), [(3, "more than 3 rows failed"), ("1%", "more than 1% of a node's rows failed")]
)
def test_the_error_says_how_many(given, message):
    error = TooManyErrors(MaxErrors.of(given))
    assert (str(error), exit_code_of(error)) == (message, 70)
