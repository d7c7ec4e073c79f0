"""Which part of a plan can leave this process is decided by its graph alone, before anything starts.

What is parallel leaves, together with what is pure and stands between or behind it; what is sequential or
keeps state stays here, and therefore cannot stand between two parallel nodes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from bonobo.config.declarations import Declaration
from bonobo.errors import GraphError
from bonobo.graph import Parallel
from bonobo.plan import Plan, PlannedNode


@dataclass(frozen=True, slots=True)
class Segment:
    """Nodes that follow one another and leave this process together; the first of them is parallel."""

    nodes: tuple[PlannedNode, ...]

    @property
    def name(self) -> str:
        """What stands for the segment where one node would."""
        return " > ".join(node.name for node in self.nodes)

    @property
    def stages(self) -> tuple[tuple[PlannedNode, ...], ...]:
        """The nodes in runs, each of which begins with one whose rows of equal key must meet."""
        stages: list[list[PlannedNode]] = []
        for node in self.nodes:
            if not stages or node.settings.key is not None:
                stages.append([])
            stages[-1].append(node)
        return tuple(map(tuple, stages))


@dataclass(frozen=True, slots=True)
class Division:
    """A plan whose segments stand in it as one node each, by the index of their first node."""

    plan: Plan
    segments: Mapping[int, Segment]


def divide(plan: Plan) -> Division:
    """Find the segments of a plan. Raises GraphError, with the nodes named that stand in the way.

    A node is parallel where `bonobo.parallel` says so and it keeps no state in context processors. It is pure
    where it is callable, keeps none either, uses no service, and feeds another: one that feeds none is there
    for its effect.
    """
    nodes = {node.index: node for node in plan.nodes}
    segments: dict[int, Segment] = {}
    for node in plan.nodes:
        if node.parallel and not any(node in segment.nodes for segment in segments.values()):
            segments[node.index] = _from(node, nodes)
    if not segments:
        stateful = [node for node in plan.nodes if node.declared.processors]
        but = f"; with state, and therefore not parallel: {_named(stateful)}" if stateful else ""
        raise GraphError(
            f"no node is parallel, so that none can leave this process{but}; see bonobo.parallel"
        )
    for segment in segments.values():
        _check_behind(segment, nodes)
    return Division(_contracted(plan, segments), segments)


def _from(first: PlannedNode, nodes: Mapping[int, PlannedNode]) -> Segment:
    """The segment that begins with a node."""
    chain = [first]
    while len(chain[-1].outputs) == 1:
        follower = nodes[chain[-1].outputs[0]]
        if len(follower.inputs) > 1 or not (follower.parallel or _is_pure(follower)):
            break
        chain.append(follower)
    return Segment(tuple(chain))


def _is_pure(node: PlannedNode) -> bool:
    declared = node.declared
    return callable(node.target) and not declared.services and not declared.processors and bool(node.outputs)


def _check_behind(segment: Segment, nodes: Mapping[int, PlannedNode]) -> None:
    """No parallel node may follow behind what ended a segment."""
    last = segment.nodes[-1]
    later = [nodes[index] for index in sorted(last.downstream) if nodes[index].parallel]
    if not later:
        return
    target = later[0]
    between = [node for node in nodes.values() if target.index in node.downstream]
    between = [node for node in between if node.index in last.downstream and not _may_leave(node)]
    if between:
        raise GraphError(
            f"sequential, or with state, between parallel nodes: {_named(between)} "
            f"(between {last.name} and {target.name}); such a node stays in this process: make it parallel "
            "and stateless, or move it in front of the first parallel node or behind the last"
        )
    raise GraphError(
        f"rows fork or meet between the parallel nodes {last.name} and {target.name}; "
        "only a chain of them can leave this process"
    )


def _may_leave(node: PlannedNode) -> bool:
    return node.parallel or _is_pure(node)


def _contracted(plan: Plan, segments: Mapping[int, Segment]) -> Plan:
    """The plan with one node for each segment: it takes what the first takes, feeds what the last feeds."""
    stands_for = {
        node.index: segment.nodes[0].index for segment in segments.values() for node in segment.nodes
    }

    def renamed(indexes: Iterable[int]) -> list[int]:
        return sorted({stands_for.get(index, index) for index in indexes})

    contracted = []
    for node in plan.nodes:
        segment = segments.get(node.index)
        if segment is not None:
            last = segment.nodes[-1]
            node = replace(
                node,
                name=segment.name,
                target=segment,
                workers=1,
                settings=Parallel(segment, on_error=_on_error(segment)),
                declared=Declaration(),
                outputs=last.outputs,
                downstream=last.downstream,
            )
        elif node.index in stands_for:
            continue
        contracted.append(
            replace(
                node,
                inputs=frozenset(renamed(node.inputs)),
                outputs=tuple(renamed(node.outputs)),
                downstream=frozenset(renamed(node.downstream)),
            )
        )
    return Plan(tuple(contracted))


def _on_error(segment: Segment) -> str:
    """Whoever stands for nodes of which one sends dead letters needs somebody to send them to."""
    asked = any(node.settings.on_error == "dead_letter" for node in segment.nodes)
    return "dead_letter" if asked else "skip"


def _named(nodes: Iterable[PlannedNode]) -> str:
    return ", ".join(node.name for node in nodes)
