"""Tables as they stood at one moment, and the version of the catalog that they tell of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeAlias

from warehouse.domain.records import Group
from warehouse.storage.catalog_views import Ready, nothing_is_ready
from warehouse.storage.catalog_work import Source
from warehouse.storage.sandbox import UNLIMITED, Answer, Limits, ask

AsOf: TypeAlias = int | datetime | None
"""A version of the catalog, a moment (aware), or now."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The parts of each table; what is committed later is not in them.

    `version` is that of the catalog (None: nothing was committed), `catalog` tells it from any other catalog.
    `tables` is `catalog`, or the set whose tables these are. `ready` gives what both sets' tables already
    tell of this very version, so that it need not be worked out again.
    """

    sources: Mapping[str, Sequence[Source]]
    version: int | None
    catalog: str = ""
    tables: Literal["catalog"] | Group = "catalog"
    ready: Ready = nothing_is_ready

    def ask(
        self,
        sql: str,
        parameters: Sequence[Any] = (),
        limits: Limits = UNLIMITED,
        *,
        repeatable: bool = False,
    ) -> AbstractContextManager[Answer]:
        """The answer to one SELECT over the tables, and where they are the catalog's, over the views too.

        If `repeatable`, only to one that has the same answer every time. Raises QueryError and StoreError,
        also as the answer is read.
        """
        return ask(self.sources, sql, parameters, limits, self.ready, repeatable=repeatable)
