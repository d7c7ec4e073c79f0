"""deploy/warehouse.yaml as CloudFormation would make it: conditions decided, references written out.

A bucket is known by its name, every other resource by its logical id: tests can tell who refers to whom.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cfnlint.decode import cfn_yaml

FILE = Path(__file__).parents[1] / "deploy/warehouse.yaml"
STACK, ACCOUNT, REGION = "warehouse-dev", "123456789012", "eu-west-2"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/k"
PSEUDO = {
    "AWS::StackName": STACK,
    "AWS::AccountId": ACCOUNT,
    "AWS::Region": REGION,
    "AWS::Partition": "aws",
}
_NOTHING = object()


def plain(node: Any) -> Any:
    """cfn-lint's nodes, which remember their lines, as plain values."""
    if isinstance(node, Mapping):
        return {str(key): plain(value) for key, value in node.items()}
    if isinstance(node, list):
        return [plain(value) for value in node]
    return str(node) if isinstance(node, str) else node


def source() -> dict[str, Any]:
    """The template as it is written, with its short tags written out."""
    return plain(cfn_yaml.load(str(FILE)))


class Made:
    """The resources of the template for some parameters, by logical id, and its outputs."""

    def __init__(self, **parameters: str) -> None:
        self.source = source()
        defaults = {name: one.get("Default", "") for name, one in self.source["Parameters"].items()}
        assert parameters.keys() <= defaults.keys()
        self.parameters = {name: str(value) for name, value in {**defaults, **parameters}.items()}
        self._kept = {
            name: one
            for name, one in self.source["Resources"].items()
            if "Condition" not in one or self._holds(one["Condition"])
        }
        self.resources = {name: self._value(one) for name, one in self._kept.items()}
        self.outputs = {name: self._value(one["Value"]) for name, one in self.source["Outputs"].items()}

    def of_type(self, kind: str) -> dict[str, Any]:
        """The properties of all resources of a type, such as `S3::Bucket`."""
        found = self.resources.items()
        return {name: one.get("Properties", {}) for name, one in found if one["Type"] == f"AWS::{kind}"}

    def properties(self, name: str) -> dict[str, Any]:
        return self.resources[name]["Properties"]

    def _holds(self, condition: str) -> bool:
        return self._decide(self.source["Conditions"][condition])

    def _decide(self, node: Any) -> bool:
        match node:
            case {"Fn::Not": [inner]}:
                return not self._decide(inner)
            case {"Fn::And": parts}:
                return all(map(self._decide, parts))
            case {"Fn::Or": parts}:
                return any(map(self._decide, parts))
            case {"Fn::Equals": [one, other]}:
                return str(self._value(one)) == str(self._value(other))
            case {"Condition": name}:
                return self._holds(name)
        raise AssertionError(f"no condition: {node}")

    def _value(self, node: Any) -> Any:
        match node:
            case {"Ref": name}:
                return self._ref(name)
            case {"Fn::GetAtt": [name, attribute]}:
                return self._attribute(name, attribute)
            case {"Fn::Sub": str(text)}:
                return self._text(text)
            case {"Fn::If": [condition, one, other]}:
                return self._value(one if self._holds(condition) else other)
            case {"Fn::Join": [between, parts]}:
                return between.join(map(str, self._value(parts)))
            case {"Fn::Select": [index, parts]}:
                return self._value(parts)[int(index)]
            case {"Fn::GetAZs": _}:
                return [f"{REGION}a", f"{REGION}b"]
            case dict():
                assert not any(key.startswith("Fn::") for key in node), node
                values = {key: self._value(value) for key, value in node.items()}
                return {key: value for key, value in values.items() if value is not _NOTHING}
            case list():
                return [value for value in map(self._value, node) if value is not _NOTHING]
        return node

    def _ref(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return _NOTHING
        if name in PSEUDO:
            return PSEUDO[name]
        if name in self.parameters:
            return self.parameters[name]
        resource = self._kept[name]
        if resource["Type"] == "AWS::S3::Bucket":
            return self._value(resource["Properties"]["BucketName"])
        return name

    def _attribute(self, name: str, attribute: str) -> str:
        resource = self._kept[name]
        if attribute != "Arn":
            return f"{name}.{attribute}"
        if resource["Type"] == "AWS::S3::Bucket":
            return f"arn:aws:s3:::{self._ref(name)}"
        service = resource["Type"].split("::")[1].lower()
        return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{name}"

    def _text(self, text: str) -> str:
        def filled(found: re.Match[str]) -> str:
            name, _, attribute = found[1].partition(".")
            if name.startswith("!"):
                return f"${{{found[1][1:]}}}"
            return str(self._attribute(name, attribute) if attribute else self._ref(name))

        return re.sub(r"\$\{([^}]+)\}", filled, text)
