"""A planned node joined to its services: what the runner sets up, calls for each row, and tears down."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from bonobo.constants import Flag, Row
from bonobo.emission import producer, row_of
from bonobo.plan import PlannedNode


class Binding:
    """One node of one run. `send` takes rows that its context emits outside of any input row."""

    def __init__(
        self, node: PlannedNode, services: Mapping[str, Any], send: Callable[[Row | Flag], None]
    ) -> None:
        self.produce = producer(node.target, {name: services[name] for name in node.services})
        self.row_of = row_of

    def setup(self) -> None:
        """Open the node's context processors, before its first row, in the thread of the first worker."""

    def teardown(self) -> None:
        """Close them after its last row, in reverse order; they may still send rows."""
