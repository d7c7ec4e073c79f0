"""What travels through the summary pipelines beside patients and studies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

Branch = Literal["patients", "studies", "storage"]
BRANCHES: tuple[Branch, ...] = get_args(Branch)


@dataclass(frozen=True, slots=True)
class Ended:
    """The last row of a branch: everything of it came before."""

    branch: Branch


@dataclass(frozen=True, slots=True)
class StorageUsed:
    """Bytes by prefix, and the number of studies that have images, but no metadata document."""

    sizes: Mapping[str, int]
    undocumented: int = 0


@dataclass(frozen=True, slots=True)
class Finished:
    """Every table came before."""
