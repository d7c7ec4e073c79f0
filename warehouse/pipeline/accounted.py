"""Whatever goes wrong with one object becomes that object's outcome, and never ends the run.

the store says                    the outcome
NotFound, Changed                 deferred     vanished       (Changed: see `accounted`)
Occupied                          deferred     vanished       (the raw key)
                                  deferred     occupied       (what was to be written, or its claim)
Archived                          deferred     archived
Forbidden                         deferred     forbidden
Unaddressable                     ignored      unaddressable  (the raw key)
                                  quarantined  invalid-key    (the key to be built)
StoreUnavailable                  ends the run
DamagedAssignment                 deferred     damaged-assignment
any other StoreError              deferred     store-fault
PatientInBothSets                 quarantined  patient-in-both-sets
any other exception               deferred     internal-error
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from bonobo.errors import where
from warehouse.domain.keys import canonical
from warehouse.domain.records import Copy, Decided, ImageFacts, Outcome, Raw, RawClinical, ReadImage
from warehouse.errors import (
    Archived,
    Changed,
    DamagedAssignment,
    Forbidden,
    NotFound,
    Occupied,
    PatientInBothSets,
    StoreError,
    Unaddressable,
)

Row = Raw | ReadImage | Copy | Outcome
NodeFunction = Callable[..., Any]

_VERDICTS: tuple[tuple[type[Exception], Decided, str], ...] = (
    (Occupied, Decided.DEFERRED, "occupied"),
    (NotFound, Decided.DEFERRED, "vanished"),
    (Changed, Decided.DEFERRED, "vanished"),
    (Archived, Decided.DEFERRED, "archived"),
    (Forbidden, Decided.DEFERRED, "forbidden"),
    (DamagedAssignment, Decided.DEFERRED, "damaged-assignment"),
    (StoreError, Decided.DEFERRED, "store-fault"),
    (PatientInBothSets, Decided.QUARANTINED, "patient-in-both-sets"),
    (Exception, Decided.DEFERRED, "internal-error"),
)


def accounted(kind: type[Raw] | type[ReadImage] | type[Copy]) -> Callable[[NodeFunction], NodeFunction]:
    """Make a node of a function that decides rows of one kind: it passes on the others, and gives an
    outcome where the function would raise.

    An object that was only suggested, and is another version now, is decided as it stands. A function that
    decides a Raw declares the service `store`.
    """

    def decorate(function: NodeFunction) -> NodeFunction:
        @functools.wraps(function)
        def node(row: Any, **services: Any) -> Any:
            if not isinstance(row, kind):
                return row
            try:
                try:
                    return _confirmed(row, function(row, **services), services)
                except Changed:
                    if not isinstance(row, Raw) or not row.suggested:
                        raise
                    live = services["store"].head(row.info.key)
                    row = replace(row, info=live, earlier=None, suggested=False)
                    return function(row, **services)
            except Exception as error:
                return outcome_of_failure(row, error)

        return node

    return decorate


def _confirmed(row: Row, result: Any, services: Mapping[str, Any]) -> Any:
    """What was decided; but what its name or size alone condemned, and was only suggested, is looked at.

    Raises Changed, NotFound.
    """
    if isinstance(row, Raw) and row.suggested and isinstance(result, Outcome):
        condemned = result.decided is Decided.QUARANTINED
        if condemned and services["store"].head(row.info.key).etag != row.info.etag:
            raise Changed("head", row.info.key)
    return result


def essential(function: NodeFunction) -> NodeFunction:
    """Make a generator node whose failure ends the run: nothing could be accounted for without it."""

    @functools.wraps(function)
    def node(*row: Any, **services: Any) -> Iterator[Any]:
        try:
            yield from function(*row, **services)
        except Exception as error:
            error.fatal = True  # type: ignore[attr-defined]
            raise

    return node


def outcome_of_failure(row: Raw | ReadImage | Copy, error: Exception) -> Outcome:
    """The outcome of an object on which a node failed; its flags name what failed, and where, or what was
    not allowed."""
    decided, reason = _verdict(row, error)
    flags = (_cause(error),) if reason in ("store-fault", "internal-error") else ()
    if isinstance(error, Forbidden) and isinstance(error.cause, str):
        flags = (error.cause,)
    return outcome(row, decided, reason, flags=flags)


def outcome(
    row: Raw | ReadImage | Copy, decided: Decided, reason: str | None = None, **facts: Any
) -> Outcome:
    """An outcome that keeps all that is known of the object by now; `facts` are further fields."""
    match row:
        case Copy():
            known: dict[str, Any] = {
                "assignment": row.assignment,
                "patient": row.assignment.patient,
                "site": row.site,
                "image": row.image,
            }
            facts["flags"] = row.flags + facts.get("flags", ())
        case ReadImage():
            known = {
                "assignment": row.assignment,
                "patient": canonical(row.header.patient_id),
                "image": ImageFacts.of(row.header),
            }
        case RawClinical():
            site = row.earlier.site if row.earlier else None
            known = {"patient": canonical(row.pseudonym), "site": site}
        case _:
            earlier = row.earlier
            known = {"patient": earlier.patient, "site": earlier.site} if earlier else {}
    raw = row if isinstance(row, Raw) else row.raw
    return Outcome(raw, decided, reason, **{**known, **facts})


def _verdict(row: Raw | ReadImage | Copy, error: Exception) -> tuple[Decided, str]:
    if isinstance(error, Unaddressable):
        if isinstance(row, Raw):
            return Decided.IGNORED, "unaddressable"
        return Decided.QUARANTINED, "invalid-key"
    raw = row if isinstance(row, Raw) else row.raw
    if isinstance(error, Occupied) and error.key == raw.info.key:
        # It was listed as a file: something else has taken its place since.
        return Decided.DEFERRED, "vanished"
    return next((decided, reason) for kind, decided, reason in _VERDICTS if isinstance(error, kind))


def _cause(error: Exception) -> str:
    """The exception's class and the line that raised it: never its message, which may hold a value."""
    origin = error.cause if isinstance(error, StoreError) and isinstance(error.cause, Exception) else error
    return f"{type(origin).__name__} at {where(origin if origin.__traceback__ else error)}"
