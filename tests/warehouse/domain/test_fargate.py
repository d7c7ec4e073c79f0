"""One run in Fargate: what there is no task of is refused, what is registered keeps all but the image."""

from __future__ import annotations

import pytest

from warehouse.domain.fargate import SIZES, image_name, overrides, require_size, variables, with_image, words
from warehouse.errors import SettingsError


@pytest.mark.parametrize("cpu", SIZES)
def test_sizes_that_there_are(cpu):
    for memory in (min(SIZES[cpu]), max(SIZES[cpu])):
        require_size(cpu, memory)
    for memory in (min(SIZES[cpu]) - 1, max(SIZES[cpu]) + 1024, 0):
        with pytest.raises(SettingsError, match="--memory"):
            require_size(cpu, memory)


@pytest.mark.parametrize("cpu", [0, 1, 1000, 32768])
def test_sizes_that_there_are_not(cpu):
    with pytest.raises(SettingsError, match="--cpu"):
        require_size(cpu, 2048)


def test_variables():
    assert variables(["A=1", "B=", "A=2=3"]) == [{"name": "A", "value": "2=3"}, {"name": "B", "value": ""}]
    for wrong in ("A", "=secret", "1A=secret", "A-B=secret"):
        with pytest.raises(SettingsError) as raised:
            variables([wrong])
        assert "secret" not in str(raised.value)


def test_command_lines():
    assert words("a 'b c' d\\ e") == ["a", "b c", "d e"]
    for wrong in ("", "  ", "'"):
        with pytest.raises(SettingsError, match="--command"):
            words(wrong)


def test_nothing_is_overridden_that_was_not_named():
    assert overrides("pipeline") == {}
    assert overrides("pipeline", memory=4096) == {"memory": "4096"}
    assert overrides("pipeline", command="x") == {
        "containerOverrides": [{"name": "pipeline", "command": ["x"]}]
    }


@pytest.mark.parametrize("image", ["", "a b", "sha256:12", ":x", "-x", "a/b", "x" * 129])
def test_what_is_no_tag_and_no_digest(image):
    with pytest.raises(SettingsError, match="--image"):
        image_name("repository", image)


def test_only_the_image_of_the_container_differs():
    containers = [{"name": "pipeline", "image": "a:1", "cpu": 0}, {"name": "other", "image": "b"}]
    definition = {
        "taskDefinitionArn": "arn",
        "revision": 4,
        "status": "ACTIVE",
        "family": "f",
        "cpu": "1024",
        "ephemeralStorage": {"sizeInGiB": 50},
        "containerDefinitions": containers,
    }
    assert with_image(definition, "pipeline", "a:2") == {
        "family": "f",
        "cpu": "1024",
        "ephemeralStorage": {"sizeInGiB": 50},
        "containerDefinitions": [{"name": "pipeline", "image": "a:2", "cpu": 0}, containers[1]],
    }
    assert containers[0]["image"] == "a:1"


def test_overrides_that_are_longer_than_ecs_takes():
    with pytest.raises(SettingsError, match="8,192") as raised:
        overrides("pipeline", environment=["A=" + "secret" * 2000])
    assert "secret" not in str(raised.value)


def test_a_size_that_lies_between_those_that_there_are():
    with pytest.raises(SettingsError, match="in steps of 4096"):
        require_size(8192, 16385)
    with pytest.raises(SettingsError, match="512, 1024 or 2048"):
        require_size(256, 1500)
