"""What was not read is counted, told with its remedy, and decides the exit code."""

import pytest

from warehouse.domain.shortfall import LACKS, Shortfall


def test_nothing_is_lacking():
    shortfall = Shortfall()
    assert (shortfall.exit_code, shortfall.incomplete, shortfall.summary(), shortfall.report()) == (
        0,
        False,
        "",
        {},
    )


@pytest.mark.parametrize("reason", LACKS)
def test_each_reason_has_its_code_and_its_remedy(reason):
    shortfall = Shortfall()
    shortfall.add("clinical file", reason)
    assert shortfall.exit_code == (4 if LACKS[reason].incomplete else 1)
    assert shortfall.incomplete == (shortfall.exit_code == 4)
    assert "1 clinical file," in shortfall.summary()
    assert LACKS[reason].remedy in shortfall.summary()


def test_what_may_pass_outweighs_what_will_not():
    shortfall = Shortfall()
    for reason in ("damaged", "damaged", "store-fault"):
        shortfall.add("metadata document", reason)
    assert shortfall.exit_code == 4
    assert "2 metadata documents" in shortfall.summary()
    assert shortfall.report() == {"metadata document: damaged": 2, "metadata document: store-fault": 1}
