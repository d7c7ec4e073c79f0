"""What was found, in words, in figures and as an exit code."""

from collections import Counter

from warehouse.domain.verdict import MENDED, REMARKS, VIOLATIONS, Verdict


def test_a_violation_comes_before_what_was_not_read():
    verdict = Verdict(looked=Counter({"copies": 1}))
    assert (verdict.exit_code, next(verdict.text())) == (0, "nothing is wrong")
    verdict.unread["copy", "archived"] += 2
    assert (verdict.exit_code, verdict.report()["proven"]) == (4, None)
    assert next(verdict.text()).startswith("NOT PROVEN: ")
    verdict.violations.update({"copy-missing": 2, "row-missing": 1})
    assert (verdict.exit_code, next(verdict.text())) == (5, "DAMAGED: 3 found of 2 kinds")
    assert "        2  not read: copy (archived): restore them, then run again" in list(verdict.text())


def test_where_nothing_stands_nothing_is_proven():
    verdict = Verdict(looked=Counter({"copies": 0, "rows of the catalog": 0}))
    assert (verdict.exit_code, verdict.report()["proven"]) == (4, None)
    assert next(verdict.text()).startswith("NOT PROVEN: there is nothing here")


def test_what_a_load_mends_and_remarks_are_no_violations():
    verdict = Verdict(remarks=Counter({"unrecorded": 3, "raw-removed": 4}), looked=Counter({"copies": 3}))
    assert verdict.exit_code == 0
    lines = list(verdict.text())
    assert lines[2].endswith(": the next load mends this")
    assert lines[3].startswith("        4  remark: ")
    assert verdict.report()["mended_by_the_next_load"] == {"unrecorded": 3, "undecided": 0}


def test_each_kind_says_what_it_means_and_what_to_do():
    assert not VIOLATIONS.keys() & {*MENDED, *REMARKS}
    for kind in VIOLATIONS.values():
        assert kind.meaning
        assert kind.remedy
