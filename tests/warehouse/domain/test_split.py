"""The split is a pure function of the canonical identifier, the site and the configuration."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warehouse import config
from warehouse.domain import split
from warehouse.domain.records import Assignment


def configuration(percentage=50):
    return config.parse(
        json.dumps(
            {
                "raw_prefixes": ["raw-a"],
                "training_percentage": percentage,
                "sites": {"split": ["S"], "training": ["T"], "validation": ["V"]},
            }
        ).encode()
    )


@pytest.mark.parametrize(
    ("patient", "bucket"), [("COVID1", 48), ("COVID14", 85), ("COVID20", 26), ("COVID149", 63)]
)
def test_known_buckets(patient, bucket):
    assert split.bucket(patient) == bucket


@pytest.mark.parametrize(
    ("percentage", "group"),
    [(48, "validation"), (48.5, "training"), (49, "training"), (0, "validation"), (100, "training")],
)
def test_a_percentage_is_compared_as_a_decimal(percentage, group):
    assert split.decide("COVID1", "S", configuration(percentage)) == split.SplitDecision(group, "split")


def test_fixed_unlisted_and_missing_sites():
    assert split.decide("P", "T", configuration()) == split.SplitDecision("training", "site")
    assert split.decide("P", "V", configuration()) == split.SplitDecision("validation", "site")
    assert split.decide("P", "t", configuration()) == "unlisted-site"
    assert split.decide("P", None, configuration()) == "no-site"


def test_an_assignment_disagrees_only_with_a_rule_that_decides():
    assigned = Assignment("P", "training", "site", "T", "P", "c", "r", datetime(2020, 1, 1, tzinfo=UTC))
    assert split.disagrees(assigned, "V", configuration())
    assert not split.disagrees(assigned, "T", configuration())
    assert not split.disagrees(assigned, "elsewhere", configuration())
    assert not split.disagrees(assigned, None, configuration())


@given(st.text(), st.integers(0, 100), st.integers(0, 100))
def test_a_greater_percentage_never_takes_a_patient_out_of_training(patient, one, other):
    low, high = sorted((one, other))
    if split.decide(patient, "S", configuration(low)).group == "training":
        assert split.decide(patient, "S", configuration(high)).group == "training"


@given(st.text())
def test_buckets_are_in_range(patient):
    assert 0 <= split.bucket(patient) < 100


@pytest.mark.parametrize(
    ("patient", "fold"), [("COVID1", 3), ("COVID14", 8), ("COVID20", 5), ("COVID149", 5), ("É", 4)]
)
def test_known_folds(patient, fold):
    assert split.fold(patient) == fold


@given(st.text())
def test_folds_are_in_range(patient):
    assert 0 <= split.fold(patient) < split.FOLDS
