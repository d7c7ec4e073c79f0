"""A template becomes a picture: what holds data, who may use it, and what runs, in the DOT language.

Drawn are the resources that a person would name; policies and roles are not, but lead from whom they are
given to what they are about. The same template gives the same text.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

# What is drawn, in the rooms that it is drawn in.
ROOMS: Mapping[str, tuple[str, ...]] = {
    "People": ("AWS::IAM::Group",),
    "Buckets": ("AWS::S3::Bucket",),
    "Tasks": ("AWS::ECS::TaskDefinition", "AWS::ECR::Repository", "AWS::Logs::LogGroup"),
    "Starting by itself": ("AWS::Events::Rule", "AWS::SQS::Queue", "AWS::Lambda::Function"),
    "Watching": ("AWS::SNS::Topic", "AWS::CloudWatch::Alarm", "AWS::CloudTrail::Trail"),
}
SHAPES: Mapping[str, str] = {
    "AWS::S3::Bucket": "cylinder",
    "AWS::IAM::Group": "oval",
    "AWS::SQS::Queue": "cds",
    "AWS::SNS::Topic": "cds",
    "AWS::ECR::Repository": "cylinder",
    "AWS::Logs::LogGroup": "note",
    "AWS::CloudWatch::Alarm": "octagon",
}
# What leads from one resource to another without being drawn.
ROLE = "AWS::IAM::Role"
LEADS = frozenset({"AWS::IAM::ManagedPolicy", ROLE})
# What is told of by the source of its events, or hands them on: the arrow goes against the reference.
_FED_BY = {"AWS::Events::Rule": "EventPattern"}
_JOINS = {"AWS::Lambda::EventSourceMapping": ("EventSourceArn", "FunctionName")}
_VARIABLE = re.compile(r"\$\{([A-Za-z0-9]+)(?:\.[A-Za-z0-9.]+)?\}")

Template = Mapping[str, Any]


def diagram(template: Template) -> str:
    """Draw a template with its functions in their long forms, from left to right."""
    resources: Mapping[str, Template] = template["Resources"]
    room_of = {
        name: room for name, one in resources.items() for room, types in ROOMS.items() if one["Type"] in types
    }
    lines = ["rankdir=LR", 'node [shape=box, fontname="sans-serif"]', 'graph [fontname="sans-serif"]']
    for number, room in enumerate(ROOMS):
        inside = [name for name in resources if room_of.get(name) == room]
        if not inside:
            continue
        lines += [f"subgraph cluster_{number} {{", f"    label={json.dumps(room)}"]
        lines += [f"    {name} [{_look(resources[name])}]" for name in inside]
        lines += ["}"]
    lines += [f"{source} -> {target}" for source, target in sorted(set(_arrows(resources, room_of)))]
    return "\n".join(["digraph {", *(f"    {line}" for line in lines), "}"]) + "\n"


def _look(resource: Template) -> str:
    shape = SHAPES.get(resource["Type"])
    return f"shape={shape}" if shape else "shape=box"


def _arrows(resources: Mapping[str, Template], drawn: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    fed = set(_fed(resources))
    yield from (arrow for arrow in fed if drawn.keys() >= set(arrow))
    for name in drawn:
        for target in _reached(name, resources, drawn):
            # What is handed on is not also drawn as what is asked for it.
            if target != name and (target, name) not in fed:
                yield name, target


def _fed(resources: Mapping[str, Template]) -> Iterator[tuple[str, str]]:
    """From what tells of events to what hears of them."""
    for name, resource in resources.items():
        properties = resource.get("Properties", {})
        if resource["Type"] in _JOINS:
            ends = (references(properties.get(end)) for end in _JOINS[resource["Type"]])
            for source, target in itertools.product(*ends):
                yield source, target
        if resource["Type"] in _FED_BY:
            for source in references(properties.get(_FED_BY[resource["Type"]])):
                yield source, name


def _reached(name: str, resources: Mapping[str, Template], drawn: Mapping[str, str]) -> set[str]:
    """What a resource refers to, through its roles and policies; a role that is only handed over ends it."""
    found: set[str] = set()
    seen, ahead = {name}, [name]
    while ahead:
        current = resources[ahead.pop()]
        for other in references(current.get("Properties")) - seen:
            seen.add(other)
            kind = resources[other]["Type"] if other in resources else ""
            if other in drawn:
                found.add(other)
            elif kind in LEADS and not kind == current["Type"] == ROLE:
                ahead.append(other)
    return found


def references(value: Any) -> set[str]:
    """The names that a part of a template refers to: Ref, Fn::GetAtt, and variables of Fn::Sub."""
    if isinstance(value, list):
        return set().union(*map(references, value))
    if not isinstance(value, Mapping):
        return set()
    found: set[str] = set()
    for key, inner in value.items():
        if key == "Ref":
            found.add(inner)
        elif key == "Fn::GetAtt":
            found.add(inner[0])
        elif key == "Fn::Sub":
            text = inner if isinstance(inner, str) else inner[0]
            found.update(_VARIABLE.findall(text))
        else:
            found |= references(inner)
    return found
