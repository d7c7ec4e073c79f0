"""The account of an audit: its code, its warnings, and who is named in it."""

from warehouse.domain.audit import Audit, Overlap, Unread
from warehouse.domain.balance import Balance, People


def text(audit):
    return "\n".join(audit.text())


def test_sets_that_are_apart():
    audit = Audit()
    audit.counts["patient", "claims", "training"] = 12
    assert audit.exit_code == 0
    assert text(audit).startswith(
        "the sets are disjoint: no patient, no study and no SOP instance is in both"
    )
    assert audit.figures()["disjoint"] is True
    assert audit.figures()["counts"]["patient"]["claims"] == {"training": 12, "validation": 0}


def test_sets_that_are_not():
    audit = Audit()
    audit.overlaps["study"] = 2
    audit.unread[Unread("image", "forbidden")] = 1
    assert audit.exit_code == 5
    assert text(audit).startswith("the sets OVERLAP; in both are: patients 0, studies 2, SOP instances 0")
    assert audit.figures()["overlaps"] == {"patient": 0, "study": 2, "SOP instance": 0}


def test_what_is_named_is_fit_for_a_line():
    audit = Audit(named=[Overlap("patient", "P\n1", ("claims: training", "keys: validation"))])
    assert text(audit).endswith("patient\tP\\n1\tclaims: training, keys: validation")


def test_a_proof_that_lacks_a_claim_says_so_and_is_incomplete():
    audit = Audit(strangers=3)
    audit.counts["patient", "keys", "training"] = 1
    audit.unread[Unread("claim", "store-fault")] = 2
    assert audit.exit_code == 4
    assert audit.figures()["disjoint"] is None
    assert "disjoint" not in text(audit)
    assert len(audit.warnings()) == 2
    assert "2 claims under assignments/patients/ could not be read (store-fault)" in text(audit)
    assert "3 objects under the two sets" in text(audit)


def test_a_damaged_claim_is_no_fault_that_passes_and_is_named_where_asked_for():
    audit = Audit()
    audit.counts["patient", "claims", "training"] = 12
    audit.add_unread(Unread("claim", "damaged", "P\n1"), named=False)
    audit.add_unread(Unread("claim", "damaged", "P2"), named=True)
    audit.add_unread(Unread("image", "truncated", "training/ct/P3/1/2/a.dcm"), named=False)
    first, second = audit.warnings()
    assert first.startswith(
        "2 claims under assignments/patients/ could not be read (damaged): this proof lacks"
    )
    assert "mend it by hand" in first
    assert second == (
        "1 image that the catalog does not know could not be read (truncated): this proof lacks it"
    )
    assert text(audit).endswith("claim\tP2\tnot read: damaged")
    assert "P3" not in text(audit)
    assert audit.figures()["not_read"] == [{"kind": "claim", "identifier": "P2", "reason": "damaged"}]


def test_where_there_is_nothing_nothing_is_proven():
    audit = Audit(comparisons=list(Balance().comparisons()))
    assert audit.exit_code == 4
    assert audit.figures()["disjoint"] is None
    lines = text(audit).splitlines()
    assert lines[0] == "NOT PROVEN: there is nothing in either set"
    assert [line for line in lines if line.startswith("warning: there is nothing in either set")]
    assert "not tested" not in text(audit)


def test_sets_that_no_catalog_tells_of_are_not_compared():
    audit = Audit(comparisons=list(Balance().comparisons()))
    audit.counts["patient", "keys", "training"] = 2
    assert (audit.exit_code, audit.warnings()) == (
        0,
        ["the sets were not compared: there is no catalog that tells of their patients"],
    )
    assert "not tested" not in text(audit)
    assert "patients by" not in text(audit)


def test_the_tables_have_shares_and_their_test():
    balance = Balance()
    for group, sex, count in (("training", "M", 75), ("training", "F", 25), ("validation", "M", 50)):
        balance.add(People(group, "split", "S", sex, "050Y", ("CT",), count))
    balance.add(People("validation", "split", "S", "F", "050Y", ("CT",), 50))
    audit = Audit(comparisons=list(balance.comparisons()))
    lines = text(audit).splitlines()
    at = lines.index("patients by sex")
    assert lines[at + 1].split() == ["M", "75", "75.0", "%", "50", "50.0", "%"]
    assert lines[at + 3].strip() == "chi-squared 13.33, degrees of freedom 1, p < 0.001"
    assert any(line.startswith("warning: patients by sex") for line in lines)
    figures = audit.figures()["balance"]["sex"]
    assert figures["patients"]["M"] == {"training": 75, "validation": 50}
    assert figures["differs"] is True
    assert figures["test"]["degrees"] == 1
