"""What a change set does is told, and what would put data at risk is not let through."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warehouse.domain.deployment import (
    ABSENT,
    BUSY,
    HALTED,
    HOLDS_DATA,
    STANDS,
    STUCK,
    Change,
    changes_of,
    in_lines,
    parameters,
    require_sizes,
    says_nothing_to_do,
    state_of,
)
from warehouse.errors import SettingsError

BUCKET = "AWS::S3::Bucket"


@pytest.mark.parametrize("kind", sorted(HOLDS_DATA))
@pytest.mark.parametrize(
    ("action", "replacement", "endangers"),
    [
        ("Add", "", False),
        ("Modify", "False", False),
        ("Modify", "", False),
        ("Modify", "True", True),
        ("Modify", "Conditional", True),
        ("Remove", "", True),
    ],
)
def test_what_holds_data_is_neither_replaced_nor_removed(kind, action, replacement, endangers):
    assert Change(action, "X", kind, replacement).endangers is endangers
    assert not Change(action, "X", "AWS::ECS::TaskDefinition", replacement).endangers


def test_changes_are_read_as_cloudformation_tells_them():
    one = {
        "Action": "Modify",
        "LogicalResourceId": "WarehouseBucket",
        "ResourceType": BUCKET,
        "Replacement": "True",
        "Scope": ["Properties"],
    }
    added = {"Action": "Add", "LogicalResourceId": "VPC", "ResourceType": "AWS::EC2::VPC"}
    described = {"Changes": [{"ResourceChange": one}, {"ResourceChange": added}, {"HookInvocationCount": 1}]}
    assert changes_of(described) == [
        Change("Modify", "WarehouseBucket", BUCKET, "True"),
        Change("Add", "VPC", "AWS::EC2::VPC"),
    ]
    assert changes_of({}) == []


def test_the_gravest_changes_are_shown_first():
    lines = list(
        in_lines(
            [
                Change("Add", "B", "T"),
                Change("Modify", "Long", "Type", "True"),
                Change("Remove", "C", "T"),
                Change("Modify", "A", "T", "Conditional"),
            ]
        )
    )
    assert lines == [
        "Remove  C     T",
        "Modify  A     T     may be replaced",
        "Modify  Long  Type  is replaced",
        "Add     B     T",
    ]


@pytest.mark.parametrize(
    ("status", "state"),
    [
        (None, ABSENT),
        ("REVIEW_IN_PROGRESS", ABSENT),
        ("DELETE_COMPLETE", ABSENT),
        ("CREATE_COMPLETE", STANDS),
        ("UPDATE_COMPLETE", STANDS),
        ("UPDATE_ROLLBACK_COMPLETE", STANDS),
        ("UPDATE_IN_PROGRESS", BUSY),
        ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", BUSY),
        ("ROLLBACK_COMPLETE", STUCK),
        ("UPDATE_ROLLBACK_FAILED", HALTED),
        ("DELETE_FAILED", STUCK),
    ],
)
def test_what_can_be_done_with_a_stack(status, state):
    assert state_of(status) == state


@pytest.mark.parametrize(
    "reason",
    [
        "The submitted information didn't contain changes.",
        "No updates are to be performed.",
    ],
)
def test_nothing_to_do_is_told_from_failures(reason):
    assert says_nothing_to_do(reason)
    assert not says_nothing_to_do("Parameters: [x] must have values")


def test_a_new_stack_takes_what_is_given_and_our_defaults():
    known = {"A": {}, "B": {}, "C": {}}
    assert parameters(known, ["A=1=2"], (), {"B": "b"}) == [
        {"ParameterKey": "A", "ParameterValue": "1=2"},
        {"ParameterKey": "B", "ParameterValue": "b"},
    ]


def test_a_stack_that_stands_keeps_what_is_not_given():
    """Our defaults are for new stacks: a bucket that has another name keeps it."""
    known = {"A": {}, "B": {}, "New": {}}
    assert parameters(known, ["A=1"], ("A", "B", "Gone"), {"B": "b"}) == [
        {"ParameterKey": "A", "ParameterValue": "1"},
        {"ParameterKey": "B", "UsePreviousValue": True},
    ]


@given(st.text())
def test_any_other_word_is_refused(word):
    if word.partition("=")[0] == "A" and "=" in word:
        return
    with pytest.raises(SettingsError, match="NAME=VALUE, with a name of: A"):
        parameters({"A": {}}, [word], (), {})


@pytest.mark.parametrize(("cpu", "memory"), [("1024", "16384"), ("1024", "8000"), ("1000", "8192")])
def test_a_size_that_there_is_not_is_refused_by_the_names_of_its_parameters(cpu, memory):
    values = {"CentresCpu": "512", "CentresMemory": "1024", "LoaderCpu": cpu, "LoaderMemory": memory}
    with pytest.raises(SettingsError, match="LoaderCpu"):
        require_sizes(values)


def test_what_is_no_size_or_half_of_one_is_left_to_cloudformation():
    require_sizes({"LoaderCpu": "1024", "LoaderMemory": "8192", "OtherCpu": "7", "XCpu": "x", "XMemory": "1"})
