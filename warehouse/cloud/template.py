"""The template that the package brings along, as CloudFormation takes it: JSON, without comments."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import yaml

from warehouse.errors import SettingsError

TEMPLATE = Path(__file__).with_name("warehouse.yaml")
# CloudFormation API reference, CreateChangeSet, TemplateBody.
LARGEST = 51_200


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms: `!Ref x` is {"Ref": "x"}, `!Sub x` {"Fn::Sub": "x"}."""


def _short_form(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        assert isinstance(node, yaml.MappingNode)
        value = loader.construct_mapping(node, deep=True)
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _short_form)


def read_template(path: Path = TEMPLATE) -> dict[str, Any]:
    """A template with its functions in their long forms. Raises SettingsError, which names the file."""
    try:
        text = path.read_text(encoding="utf-8")
        template = yaml.load(text, _Loader)
    except OSError as error:
        raise SettingsError(f"the template {path} cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        line = "" if mark is None else f", line {mark.line + 1}"
        raise SettingsError(f"the template {path} is no YAML{line}") from None
    if not isinstance(template, dict) or not isinstance(template.get("Resources"), dict):
        raise SettingsError(f"the template {path} has no resources")
    return template


def body_of(template: dict[str, Any]) -> str:
    """A template as it is sent. Raises SettingsError where it is larger than CloudFormation takes."""
    body = orjson.dumps(template).decode()
    if len(body.encode()) > LARGEST:
        raise SettingsError(f"the template is larger than the {LARGEST:,} bytes that CloudFormation takes")
    return body
