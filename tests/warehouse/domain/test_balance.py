"""The sets are compared patient by patient, and a difference is told where chance does not explain it."""

import pytest

from warehouse.domain.balance import Balance, People, age_band


def people(group, count, *, rule="split", site="S", sex="M", age="050Y", modalities=("CT",)):
    return People(group, rule, site, sex, age, modalities, count)


def compared(*rows):
    balance = Balance()
    for row in rows:
        balance.add(row)
    return {comparison.name: comparison for comparison in balance.comparisons()}


@pytest.mark.parametrize(
    ("age", "band"),
    [
        ("000D", "0-17"),
        ("017Y", "0-17"),
        ("215M", "0-17"),
        ("216M", "18-39"),
        ("039Y", "18-39"),
        ("040Y", "40-59"),
        ("059Y", "40-59"),
        ("060Y", "60-79"),
        ("079Y", "60-79"),
        ("080Y", "80+"),
        ("999Y", "80+"),
        ("50", "unknown"),
        ("", "unknown"),
        (None, "unknown"),
    ],
)
def test_age_bands(age, band):
    assert age_band(age) == band


def test_every_patient_counts_once_in_each_table():
    found = compared(
        people("training", 5, sex="F", age=None, site=None),
        people("training", 2, sex="X", modalities=("CR", "CT")),
        people("validation", 3, sex=None, modalities=()),
    )
    assert list(found) == ["site", "sex", "age", "modality"]
    assert [comparison.totals for comparison in found.values()] == [(7, 3)] * 4
    assert found["site"].counts == {"S": (2, 3), "unknown": (5, 0)}
    assert found["sex"].counts == {"F": (5, 0), "unknown": (2, 3)}
    assert found["age"].counts == {"40-59": (2, 3), "unknown": (5, 0)}
    assert found["modality"].counts == {"CT": (5, 0), "no image": (0, 3), "CR + CT": (2, 0)}


def test_bands_and_sexes_have_their_order_and_sites_that_of_their_size():
    ages = [people("training", 1, age=age) for age in ("090Y", "001Y", None, "070Y", "030Y", "050Y")]
    assert list(compared(*ages)["age"].counts) == ["0-17", "18-39", "40-59", "60-79", "80+", "unknown"]
    sexes = [people("training", count, sex=sex) for count, sex in ((9, None), (8, "O"), (3, "F"), (2, "M"))]
    assert list(compared(*sexes)["sex"].counts) == ["M", "F", "O", "unknown"]
    sites = [people("training", count, site=site) for count, site in ((1, "B"), (1, "A"), (7, "C"))]
    assert list(compared(*sites)["site"].counts) == ["C", "A", "B"]


def test_sets_of_one_make_are_not_warned_of():
    found = compared(*(people(group, 100, sex=sex) for group in ("training", "validation") for sex in "MF"))
    assert found["sex"].result.p == pytest.approx(1)
    assert not found["sex"].differs
    assert [comparison.warning() for comparison in found.values()] == [None] * 4


def test_a_difference_beyond_chance_is_warned_of():
    found = compared(
        people("training", 100, sex="M"),
        people("training", 100, sex="F"),
        people("validation", 60, sex="M"),
        people("validation", 140, sex="F"),
    )
    assert found["sex"].differs
    assert found["sex"].split_differs
    assert found["sex"].warning() == (
        "patients by sex: the sets differ beyond chance, also where the split decided"
    )
    assert found["age"].warning() is None


def test_fixed_sites_make_a_difference_that_is_not_the_splits():
    found = compared(
        *(people(group, 100, site=site) for group in ("training", "validation") for site in "AB"),
        people("training", 100, rule="site", site="T"),
        people("validation", 100, rule="site", site="V"),
    )
    assert found["site"].differs
    assert not found["site"].split_differs
    assert found["site"].warning() == (
        "patients by site: the sets differ beyond chance; where the split decided they do not"
    )


def test_few_are_not_tested():
    found = compared(people("training", 2), people("validation", 1, sex="F"))
    assert found["sex"].result is None
    assert found["sex"].warning() is None
    alone = compared(people("training", 500, sex="M"), people("training", 500, sex="F"))
    assert alone["sex"].result is None


def test_small_categories_are_set_aside_where_they_are_few_of_all_and_never_hide_a_difference():
    large = [people(group, 100, site=site) for group in ("training", "validation") for site in "AB"]
    small = [people("training", 3, site="T"), people("validation", 3, site="V")]
    found = compared(*large, *small)["site"]
    assert (found.small, found.result.degrees) == (2, 1)
    middling = [people("training", 9, site="T"), people("validation", 9, site="V")]
    found = compared(*large, *middling)["site"]
    assert (found.small, found.result.degrees) == (2, 2)
    hidden = compared(people("training", 20), people("validation", 20), *middling)["site"]
    assert (hidden.small, hidden.result) == (2, None)


def test_nobody_at_all():
    found = compared()
    assert [comparison.totals for comparison in found.values()] == [(0, 0)] * 4
    assert [comparison.result for comparison in found.values()] == [None] * 4


def test_what_centres_write_cannot_break_a_line():
    assert list(compared(people("training", 1, site="A\nB\x1b[2J"))["site"].counts) == ["A\\nB\\x1b[2J"]
