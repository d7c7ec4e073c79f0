"""A forecast follows the rules of the split, and nobody who is assigned goes anywhere."""

import json
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from warehouse import config
from warehouse.domain.forecast import Forecast, Standing, fate, text, words
from warehouse.domain.split import SplitDecision, decide


def configuration(percentage=50, **sites):
    document = {
        "raw_prefixes": ["raw-a"],
        "training_percentage": percentage,
        "sites": sites or {"split": ["S"], "training": ["T"], "validation": ["V"]},
    }
    return config.parse(json.dumps(document).encode())


PRESENT = configuration()
SITES = st.sampled_from(["S", "T", "V", "elsewhere", None])


@given(st.text(), SITES)
def test_one_file_is_decided_as_the_split_decides_it(patient, site):
    assert fate(patient, [site], PRESENT) == decide(patient, site, PRESENT)


@given(st.text(), st.lists(SITES, max_size=5), st.lists(SITES, max_size=3))
def test_the_first_file_that_decides_claims_the_group(patient, files, later):
    first = fate(patient, files, PRESENT)
    if isinstance(first, SplitDecision):
        assert fate(patient, files + later, PRESENT) == first
        assert first in [decide(patient, site, PRESENT) for site in files]
    else:
        assert not {"S", "T", "V"} & set(files)


def test_the_site_that_is_not_listed_is_the_reason_to_see_to():
    assert fate("P", [None, "elsewhere"], PRESENT) == "unlisted-site"
    assert fate("P", [None, None], PRESENT) == "no-site"
    assert fate("P", [], PRESENT) is None


def test_an_assigned_patient_is_not_among_those_who_move():
    forecast = Forecast(PRESENT, configuration(100, split=["T", "V"]))
    forecast.assigned["A"] = Standing("validation", "V")
    forecast.sites["A"] = ["V"]
    forecast.stuck["A"] = "invalid-json"
    assert list(forecast.unassigned()) == []
    assert forecast.figures(patients=True)["assigned"] == {
        "training": 0,
        "validation": 1,
        "claimed": 0,
        "site_differs_now": 0,
        "site_differs_then": 1,
        "site_unlisted_now": 0,
        "site_unlisted_then": 0,
    }


def test_assigned_patients_whose_site_would_no_longer_be_listed_are_counted():
    forecast = Forecast(PRESENT, configuration(split=["S"], training=["elsewhere"]))
    sites = {"A": "S", "B": "T", "C": "V", "D": "elsewhere", "E": None}
    forecast.assigned.update({patient: Standing("training", site) for patient, site in sites.items()})
    figures = forecast.figures(patients=False)
    assigned = figures["assigned"]
    assert (assigned["site_unlisted_now"], assigned["site_unlisted_then"]) == (1, 2)
    told = "  sites: that of 2 of them would not be listed; under config.json as it stands 1"
    assert told in list(text(figures))


def test_only_a_rule_that_decides_differs():
    forecast = Forecast(PRESENT, configuration(50, training=["V"]))
    forecast.assigned = {
        "A": Standing("training", "V"),
        "B": Standing("validation", "V"),
        "C": Standing("validation", None),
        "D": Standing("validation", "elsewhere"),
        "E": Standing(None, "V"),
    }
    assert forecast.differing(forecast.present) == 1
    assert forecast.differing(forecast.other) == 1


def test_every_unassigned_patient_has_both_fates():
    forecast = Forecast(PRESENT, configuration(50, training=["elsewhere"]))
    forecast.sites = {"A": ["elsewhere"], "B": [None, "elsewhere"], "C": [None], "D": ["T"]}
    forecast.stuck = {"E": "no-clinical-data", "A": "no-clinical-data"}
    assert [(patient, words(now), words(then)) for patient, now, then in forecast.unassigned()] == [
        ("A", "nowhere (unlisted-site)", "training (site)"),
        ("B", "nowhere (unlisted-site)", "training (site)"),
        ("C", "nowhere (no-site)", "nowhere (no-site)"),
        ("D", "training (site)", "nowhere (unlisted-site)"),
        ("E", "nowhere (no-clinical-data)", "nowhere (no-clinical-data)"),
    ]
    figures = forecast.figures(patients=False)
    assert sum(row["patients"] for row in figures["unassigned"]) == 5
    assert "patients" not in figures
    assert len(forecast.figures(patients=True)["patients"]) == 5


def test_the_text_names_patients_only_where_they_are_asked_for():
    forecast = Forecast(PRESENT, PRESENT, stuck={"CANARY\x1b": "no-site"})
    assert "CANARY" not in "\n".join(text(forecast.figures(patients=False)))
    told = list(text(forecast.figures(patients=True)))
    assert told[-1] == "CANARY\\x1b\tnowhere (no-site)\tnowhere (no-site)"


@given(st.text(min_size=1))
def test_a_greater_percentage_only_moves_patients_into_training(patient):
    fates = [fate(patient, ["S"], configuration(percentage)) for percentage in range(0, 101, 10)]
    groups = [decision.group for decision in fates]
    assert all(one == "validation" or other == "training" for one, other in pairwise(groups))
