"""What branches list, each to its end: the last row of a source says that all it tells came before."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from bonobo import use
from warehouse.config import Config
from warehouse.domain import keys
from warehouse.domain.records import ObjectInfo
from warehouse.pipeline.accounted import essential
from warehouse.pipeline.configuration import before_anything_is_decided

if TYPE_CHECKING:
    from warehouse.storage.store import Store

Source = Literal["raw", "sets", "keys", "headers", "claims", "catalog"]


@dataclass(frozen=True, slots=True)
class Told:
    """The last row of a source. `config` is what raw was listed by, `strangers` counts keys of no place."""

    source: Source
    config: Config | None = None
    strangers: int = 0


@use("store")
@essential
def list_claims(store: Store) -> Iterator[ObjectInfo | Told]:
    """List the claims of patients."""
    with before_anything_is_decided("list the assignments"):
        yield from store.list(keys.ASSIGNMENTS_PREFIX)
    yield Told("claims")
