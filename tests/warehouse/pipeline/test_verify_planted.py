"""Six hundred damages, planted by chance: each is found under its kind and object, and nothing else."""

import random
from collections import Counter

import planted
import pytest

AT_ONCE = 10


@pytest.fixture(scope="module")
def bucket():
    return planted.loaded_drop()


@pytest.mark.parametrize("deep", [False, True])
def test_a_whole_bucket_has_nothing_to_report(bucket, deep):
    verdict, code, findings = planted.found_in(bucket.store, bucket.catalog(), deep=deep)
    assert findings == []
    assert (code, +verdict.remarks, +verdict.unread) == (0, Counter(), Counter())


@pytest.mark.parametrize("kind", planted.KINDS, ids=lambda kind: kind.__name__)
def test_each_kind_of_damage_is_found(bucket, kind):
    damaged = bucket.copy()
    kind(damaged, "Case07", random.Random(kind.__name__))
    _require_found(damaged)


@pytest.mark.parametrize("seed", range(4))
def test_damages_are_found_beside_each_other(bucket, seed):
    chance = random.Random(seed)
    damaged = bucket.copy()
    planted.plant(damaged, chance, AT_ONCE)
    _require_found(damaged)


@pytest.mark.nightly
def test_six_hundred_damages_are_found(bucket):
    chance = random.Random(600)
    kinds = Counter()
    for _ in range(600 // AT_ONCE):
        damaged = bucket.copy()
        kinds.update(planted.plant(damaged, chance, AT_ONCE))
        _require_found(damaged)
    assert kinds.total() == 600
    assert set(kinds) == set(planted.KINDS)


def _require_found(damaged):
    _, code, findings = planted.found_in(damaged.store, damaged.catalog(), deep=True)
    assert {(finding.kind, finding.key) for finding in findings} == damaged.expected
    assert len(findings) == len(damaged.expected)
    assert code == 5


def test_it_makes_no_difference_how_much_is_joined_at_a_time(bucket, monkeypatch):
    monkeypatch.setattr("warehouse.storage.evidence.RANGE_ROWS", 40)
    damaged = bucket.copy()
    for number, kind in enumerate(planted.KINDS):
        kind(damaged, f"Case{number:02}", random.Random(number))
    _require_found(damaged)
