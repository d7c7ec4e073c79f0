"""A document that cannot be read leaves its row without values, and never ends the run.

the store says                    the reason
Archived                          archived
NotFound, Changed                 vanished
Forbidden                         forbidden
StoreUnavailable                  ends the run
DamagedAssignment, Occupied       damaged
any other StoreError              store-fault
not the document it should be     damaged
any other exception               internal-error
"""

from __future__ import annotations

from warehouse.errors import (
    Archived,
    Changed,
    DamagedAssignment,
    Forbidden,
    NotFound,
    Occupied,
    StoreError,
    StoreUnavailable,
)


class Damaged(Exception):
    """A document is not what should stand at its key."""


_REASONS: tuple[tuple[type[Exception], str], ...] = (
    (Archived, "archived"),
    (Occupied, "damaged"),
    (NotFound, "vanished"),
    (Changed, "vanished"),
    (Forbidden, "forbidden"),
    (DamagedAssignment, "damaged"),
    (StoreError, "store-fault"),
    (Damaged, "damaged"),
    (Exception, "internal-error"),
)


def reason_of(error: Exception) -> str:
    """The reason why a document was not read. Raises what ends the run."""
    if isinstance(error, StoreUnavailable):
        raise error
    return next(reason for kind, reason in _REASONS if isinstance(error, kind))
