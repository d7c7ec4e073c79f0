"""Graph -> Plan: everything that can be known to be wrong is found here, before row one."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from inspect import getattr_static, isasyncgenfunction, iscoroutinefunction
from typing import Any

from bonobo.config.configurables import obstacle
from bonobo.config.declarations import Declaration, declaration_of
from bonobo.constants import BEGIN
from bonobo.errors import GraphError, MissingService
from bonobo.graph import AUTO, Graph, Parallel, name_of, unwrap

AUTO_WORKERS = 64
"""How far the concurrency of `n="auto"` may grow."""

DEAD_LETTERS = "dead_letters"
"""The service that is given the rows that a node with `on_error="dead_letter"` failed on."""

START = -1
"""The index that stands for BEGIN among the inputs of a node."""


@dataclass(frozen=True, slots=True)
class PlannedNode:
    """One node as it will run. `inputs` and `outputs` are indexes of the graph, START for BEGIN.

    `workers` rows at most may be in work at once; `downstream` are all the nodes that its rows can reach.
    `parallel` where `bonobo.parallel` says that several may be, however many, and no state forbids it.
    """

    index: int
    name: str
    target: Any
    workers: int
    settings: Parallel
    declared: Declaration
    inputs: frozenset[int]
    outputs: tuple[int, ...]
    downstream: frozenset[int]
    parallel: bool = False

    @property
    def required(self) -> frozenset[str]:
        """The names of the services without which the node cannot run."""
        rejected = {DEAD_LETTERS} if self.settings.on_error == "dead_letter" else set()
        return frozenset(self.declared.services.values()) | rejected


@dataclass(frozen=True, slots=True)
class Plan:
    """The nodes in an order in which each stands behind all that feed it; ties by index."""

    nodes: tuple[PlannedNode, ...]

    @property
    def required(self) -> frozenset[str]:
        """The names of all services that nodes use."""
        return frozenset[str]().union(*(node.required for node in self.nodes))

    def require(self, given: Collection[str]) -> None:
        """Raise MissingService, naming every service that a node uses and `given` does not hold."""
        missing = sorted(self.required.difference(given))
        users = dict.fromkeys(node.name for node in self.nodes if not node.required.isdisjoint(missing))
        if missing:
            raise MissingService(missing, list(users))


def make_plan(graph: Graph) -> Plan:
    """Check a graph and order it. Raises GraphError with every node named that stands in the way."""
    if not isinstance(graph, Graph):
        raise GraphError(f"expected a bonobo.Graph, got {type(graph).__name__}")
    if not graph.nodes:
        raise GraphError("the graph has no node; add some with add_chain")
    unusable = [node for node in map(unwrap, graph) if not callable(node) and not isinstance(node, Iterable)]
    if unusable:
        raise GraphError(f"neither callable nor iterable: {_named(unusable)}")
    asynchronous = [node for node in map(unwrap, graph) if _is_asynchronous(node)]
    if asynchronous:
        raise GraphError(
            f"asynchronous: {_named(asynchronous)}; a node is called in a thread, and nothing awaits what it "
            "gives: let a plain function call asyncio.run"
        )
    unready = [why for why in map(obstacle, map(unwrap, graph)) if why is not None]
    if unready:
        raise GraphError("; ".join(unready))
    outputs = [graph.outputs_of(index) for index in range(len(graph))]
    order = _ordered(graph, outputs)
    inputs = _inputs(graph, outputs)
    unfed = [graph[index] for index in order if not inputs[index]]
    if unfed:
        raise GraphError(f"nothing feeds {_named(unfed)}; feed them from another chain with _output")
    downstream: dict[int, frozenset[int]] = {}
    for index in reversed(order):
        downstream[index] = outputs[index].union(*(downstream[output] for output in outputs[index]))
    nodes = tuple(
        _planned(index, graph[index], inputs[index], outputs[index], downstream[index]) for index in order
    )
    _check_processes(nodes)
    return Plan(nodes)


def _is_asynchronous(node: Any) -> bool:
    calls = (node, getattr_static(type(node), "__call__", None))
    return any(iscoroutinefunction(call) or isasyncgenfunction(call) for call in calls)


def _planned(
    index: int, node: Any, inputs: set[int], outputs: frozenset[int], downstream: frozenset[int]
) -> PlannedNode:
    target = unwrap(node)
    settings = node if isinstance(node, Parallel) else Parallel(node)
    declared = declaration_of(target) if callable(target) else Declaration()
    if not declared.concurrent:
        settings = replace(settings, n=1, key=None)
    return PlannedNode(
        index=index,
        name=name_of(node),
        target=target,
        workers=AUTO_WORKERS if settings.n == AUTO else int(settings.n),
        settings=settings,
        declared=declared,
        inputs=frozenset(inputs),
        outputs=tuple(sorted(outputs)),
        downstream=downstream,
        parallel=isinstance(node, Parallel) and not declared.processors,
    )


def _check_processes(nodes: Iterable[PlannedNode]) -> None:
    for node in nodes:
        if node.settings.executor != "process":
            continue
        # Whoever has no such node does without the import.
        from bonobo.processes import check_processable

        kept = {
            "services": list(node.declared.services.values()),
            "context processors": [processor.__name__ for processor in node.declared.processors],
        }
        for kind, names in kept.items():
            if names:
                raise GraphError(
                    f"{node.name} uses {kind} ({', '.join(names)}), which stay in this process; "
                    'use executor="thread"'
                )
        check_processable(node.target)


def _inputs(graph: Graph, outputs: list[frozenset[int]]) -> list[set[int]]:
    inputs: list[set[int]] = [set() for _ in outputs]
    for index in graph.outputs_of(BEGIN):
        inputs[index].add(START)
    for source, targets in enumerate(outputs):
        for target in targets:
            inputs[target].add(source)
    return inputs


def _ordered(graph: Graph, outputs: list[frozenset[int]]) -> list[int]:
    waiting_for = [0] * len(outputs)
    for targets in outputs:
        for target in targets:
            waiting_for[target] += 1
    ready = [index for index, count in enumerate(waiting_for) if not count]
    order = []
    while ready:
        index = heapq.heappop(ready)
        order.append(index)
        for target in outputs[index]:
            waiting_for[target] -= 1
            if not waiting_for[target]:
                heapq.heappush(ready, target)
    if len(order) < len(outputs):
        stuck = [graph[index] for index, count in enumerate(waiting_for) if count]
        raise GraphError(f"the graph has a cycle among {_named(stuck)}")
    return order


def _named(nodes: Iterable[Any]) -> str:
    return ", ".join(name_of(node) for node in nodes)
