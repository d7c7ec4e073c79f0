"""A run's counts, in figures for a program and in words for a person. Names no object and no patient."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

from warehouse.domain.accounting import Tally, days_between
from warehouse.domain.reasons import NO_REMEDY, REASONS
from warehouse.domain.records import GROUPS, Decided

_PLACES = ("data", "ct", "mri", "xray", "unknown")
_NOT_LOADED = (Decided.PRESENT, Decided.QUARANTINED, Decided.DEFERRED, Decided.IGNORED)


def figures(tally: Tally, *, today: date) -> dict[str, Any]:
    """The counts of a run, fit for JSON; ages in days."""
    return {
        "listed": tally.listed,
        "known": tally.known,
        "decided": tally.decided,
        "accounted": tally.accounted,
        "outcomes": {decided.value: tally.outcomes[decided] for decided in Decided},
        "reasons": dict(sorted(tally.reasons.items())),
        "in_both_sets": tally.in_both_sets,
        "loaded": {
            group: {place: tally.places[group, place] for place in _PLACES if tally.places[group, place]}
            for group in GROUPS
        },
        "waiting": {
            uploader: {
                "patients": len(waiting.since),
                "oldest_days": days_between(waiting.oldest(), today),
            }
            for uploader, waiting in sorted(tally.waiting.items())
        },
    }


def text(tally: Tally, *, dry_run: bool = False, whole: bool = True) -> str:
    """The same in words: what was found, where it went, what did not go and why, who waits.

    A run that did not come to its end is not `whole`.
    """
    return "\n".join(_lines(tally, dry_run, whole))


def _lines(tally: Tally, dry_run: bool, whole: bool) -> Iterator[str]:
    known = f"{tally.known} decided by an earlier run" if tally.known else "none known yet"
    yield f"{tally.listed} raw objects: {known}, {tally.decided} looked at now."
    if tally.inventory is not None:
        taken = f"{tally.inventory:%Y-%m-%d %H:%M}"
        yield f"They are those of the inventory of {taken} UTC; what came later waits for the next one."
    if dry_run:
        yield "This is a dry run: nothing was written; the counts are those that a real run would give."
    if tally.decided == tally.unchanged and tally.accounted and whole:
        waits = f"; {tally.unchanged} wait for what is told below" if tally.unchanged else ""
        yield f"There is nothing to do{waits}."
    if not tally.accounted:
        yield f"{tally.listed - tally.known - tally.decided} objects were not reached; the next run goes on."
    yield from _loaded(tally)
    for decided in _NOT_LOADED:
        yield from _explained(tally, decided)
        if decided is Decided.DEFERRED:
            yield from _waiting(tally)
    if tally.in_both_sets:
        yield f"patients who stand in both sets {tally.in_both_sets}"
        yield f"           -> {REASONS['patient-in-both-sets'].remedy};"
        yield "              `warehouse split audit --patients` names them"


def _loaded(tally: Tally) -> Iterator[str]:
    total = tally.outcomes[Decided.LOADED]
    if total:
        yield f"loaded {total}"
    for group in GROUPS:
        for place in _PLACES:
            if count := tally.places[group, place]:
                yield f"  {count:>7}  {group}/{place}/"


def _waiting(tally: Tally) -> Iterator[str]:
    if patients := sum(len(waiting.since) for waiting in tally.waiting.values()):
        yield f"patients who wait {patients}"
    for uploader, waiting in sorted(tally.waiting.items()):
        yield f"  {len(waiting.since):>7}  from {uploader}, the oldest upload of {waiting.oldest()}"


def _explained(tally: Tally, decided: Decided) -> Iterator[str]:
    if total := tally.outcomes[decided]:
        yield f"{decided} {total}"
    for code, count in sorted(tally.reasons.items()):
        if REASONS[code].decided is decided:
            yield f"  {count:>7}  {code}: {REASONS[code].meaning}"
            if REASONS[code].remedy != NO_REMEDY:
                yield f"           -> {REASONS[code].remedy}"
