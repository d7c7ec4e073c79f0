"""Policies of IAM as the template has them, and what they allow: enough of the evaluation to test ours.

An operator that is not known here is an error, never a condition that is let be.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from stack_template import Made


@dataclass(frozen=True)
class Statement:
    """One statement; `place` names its resource and where it has one, its Sid."""

    place: str
    effect: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    principal: Any = None

    def is_about(self, action: str, resource: str, context: Mapping[str, str]) -> bool:
        return (
            any(_like(one.lower(), action.lower()) for one in self.actions)
            and any(_like(_filled(one, context), resource) for one in self.resources)
            and _meets(self.conditions, context)
        )


def allows(
    statements: Iterable[Statement], action: str, resource: str, context: Mapping[str, str] | None = None
) -> bool:
    """Whether statements together allow an action: one must, and none may deny it."""
    about = [one.effect for one in statements if one.is_about(action, resource, context or {})]
    return "Allow" in about and "Deny" not in about


def statements(document: Mapping[str, Any], place: str) -> Iterator[Statement]:
    """The statements of a policy document."""
    for number, one in enumerate(_list(document["Statement"])):
        assert not {"NotAction", "NotResource", "NotPrincipal"} & one.keys()
        yield Statement(
            place=f"{place}/{one.get('Sid', number)}",
            effect=one["Effect"],
            actions=tuple(_list(one["Action"])),
            resources=tuple(_list(one.get("Resource", []))),
            conditions=one.get("Condition", {}),
            principal=one.get("Principal"),
        )


def every_statement(made: Made) -> list[Statement]:
    """All statements of a template: managed, inline, of trust, of buckets, queues and topics."""
    found: list[Statement] = []
    for name, resource in made.resources.items():
        properties = resource.get("Properties", {})
        for key in ("PolicyDocument", "AssumeRolePolicyDocument", "RepositoryPolicyText", "KeyPolicy"):
            if isinstance(properties.get(key), Mapping):
                place = f"{name}/trust" if key.startswith("Assume") else name
                found.extend(statements(properties[key], place))
        for inline in properties.get("Policies", []):
            found.extend(statements(inline["PolicyDocument"], f"{name}/{inline['PolicyName']}"))
    return found


def statements_of(made: Made, who: str) -> list[Statement]:
    """What a role or a group has: of its own, and of managed policies, on whichever side they are joined."""
    properties = made.properties(who)
    found = [
        statement
        for inline in properties.get("Policies", [])
        for statement in statements(inline["PolicyDocument"], f"{who}/{inline['PolicyName']}")
    ]
    managed = made.of_type("IAM::ManagedPolicy")
    joined = set(properties.get("ManagedPolicyArns", []))
    joined |= {
        name
        for name, policy in {**managed, **made.of_type("IAM::Policy")}.items()
        if who in (*policy.get("Groups", []), *policy.get("Roles", []))
    }
    for name in sorted(joined):
        found.extend(statements(made.properties(name)["PolicyDocument"], name))
    return found


def _list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else [value]


def _like(pattern: str, text: str) -> bool:
    parts = (".*" if sign == "*" else "." if sign == "?" else re.escape(sign) for sign in pattern)
    return re.fullmatch("".join(parts), text, re.DOTALL) is not None


def _filled(pattern: str, context: Mapping[str, str]) -> str:
    """Policy variables filled in; one that has no value matches nothing."""
    return re.sub(r"\$\{([^}]+)\}", lambda found: context.get(found[1], "\0"), pattern)


def _meets(conditions: Mapping[str, Mapping[str, Any]], context: Mapping[str, str]) -> bool:
    def holds(operator: str, key: str, wanted: Any) -> bool:
        operator, if_exists, _ = operator.partition("IfExists")
        if key not in context:
            return bool(if_exists)
        texts = [_filled(str(one), context) for one in _list(wanted)]
        match operator:
            case "StringEquals" | "ArnEquals" | "Bool":
                return context[key] in texts
            case "StringLike" | "ArnLike":
                return any(_like(one, context[key]) for one in texts)
        raise AssertionError(f"no test knows the operator {operator}")

    return all(
        holds(operator, key, wanted)
        for operator, pairs in conditions.items()
        for key, wanted in pairs.items()
    )
