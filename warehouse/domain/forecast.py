"""Where patients without an assignment would go under another configuration, by the rules of the split.

An assigned patient goes nowhere: whatever a configuration says, an assignment is never changed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from warehouse.config import Config
from warehouse.domain.centres import printable
from warehouse.domain.records import GROUPS, Group
from warehouse.domain.split import SplitDecision, decide

# A group with the rule that gives it, or the reason why the patient waits or is refused.
Fate = SplitDecision | str

# Of two files that decide nothing, the one with a site says what to do about it.
_REASONS = ("unlisted-site", "no-site")


def fate(patient: str, sites: Sequence[str | None], config: Config) -> Fate | None:
    """What a configuration makes of a canonical patient whose files name these sites, in input order.

    The first file that decides claims the group. Without any file there is nothing to say: None.
    """
    decisions = [decide(patient, site, config) for site in sites]
    groups = (decision for decision in decisions if isinstance(decision, SplitDecision))
    reasons = (reason for reason in _REASONS if reason in decisions)
    return next(groups, None) or next(reasons, None)


def words(fate: Fate) -> str:
    """A fate as a person reads it.

    >>> words(SplitDecision("training", "site")), words("unlisted-site")
    ('training (site)', 'nowhere (unlisted-site)')
    """
    return f"{fate.group} ({fate.rule})" if isinstance(fate, SplitDecision) else f"nowhere ({fate})"


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an assigned patient is; `group` is None where only the claim is known, `site` where none is."""

    group: Group | None
    site: str | None


@dataclass(slots=True)
class Forecast:
    """What two configurations, the present one and another, make of every canonical patient.

    `sites` are those that a patient's files name which are not loaded, in input order; `stuck` is the reason
    of a patient whom no configuration helps, unless such a file does. Kept by one thread at a time.
    """

    present: Config
    other: Config
    assigned: dict[str, Standing] = field(default_factory=dict, repr=False)
    sites: dict[str, list[str | None]] = field(default_factory=dict, repr=False)
    stuck: dict[str, str] = field(default_factory=dict, repr=False)

    def differing(self, config: Config) -> int:
        """How many assigned patients the rule of their site would put elsewhere."""
        return sum(
            isinstance(decision := decide(patient, standing.site, config), SplitDecision)
            and standing.group not in (None, decision.group)
            for patient, standing in self.assigned.items()
        )

    def unlisted(self, config: Config) -> int:
        """How many assigned patients have a site that a configuration does not list."""
        return sum(
            standing.site is not None and standing.site not in config.sites
            for standing in self.assigned.values()
        )

    def unassigned(self) -> Iterator[tuple[str, Fate, Fate]]:
        """Each patient without an assignment, with the fate under the present and the other configuration."""
        for patient in sorted((self.sites.keys() | self.stuck.keys()) - self.assigned.keys()):
            sites, reason = self.sites.get(patient, ()), self.stuck.get(patient, "")
            yield (
                patient,
                fate(patient, sites, self.present) or reason,
                fate(patient, sites, self.other) or reason,
            )

    def figures(self, *, patients: bool) -> dict[str, Any]:
        """All counts, for a program; with the identifiers of the unassigned where asked for."""
        fates = [(patient, words(now), words(then)) for patient, now, then in self.unassigned()]
        counts = Counter((now, then) for _, now, then in fates)
        told: dict[str, Any] = {
            "configuration": self.other.hash,
            "assigned": {
                **{group: self._assigned_to(group) for group in GROUPS},
                "claimed": self._assigned_to(None),
                "site_differs_now": self.differing(self.present),
                "site_differs_then": self.differing(self.other),
                "site_unlisted_now": self.unlisted(self.present),
                "site_unlisted_then": self.unlisted(self.other),
            },
            "unassigned": [
                {"now": now, "then": then, "patients": count} for (now, then), count in sorted(counts.items())
            ],
        }
        if patients:
            told["patients"] = [
                {"patient": patient, "now": now, "then": then} for patient, now, then in fates
            ]
        return told

    def _assigned_to(self, group: Group | None) -> int:
        return sum(standing.group == group for standing in self.assigned.values())


def text(figures: dict[str, Any]) -> Iterator[str]:
    """The figures in words, line by line."""
    assigned, unassigned = figures["assigned"], figures["unassigned"]
    total = sum(assigned[name] for name in (*GROUPS, "claimed"))
    places = ", ".join(f"{assigned[name]} in {name}" for name in GROUPS)
    lost = f", {assigned['claimed']} by claims that the catalog does not have" if assigned["claimed"] else ""
    yield f"assigned patients {total}: {places}{lost}"
    yield "  every one stays where it is: an assignment is never changed"
    yield (
        f"  site-differs: the rule of its site would put {assigned['site_differs_then']} of them elsewhere;"
        f" under config.json as it stands {assigned['site_differs_now']}"
    )
    yield (
        f"  sites: that of {assigned['site_unlisted_then']} of them would not be listed;"
        f" under config.json as it stands {assigned['site_unlisted_now']}"
    )
    yield f"unassigned patients {sum(row['patients'] for row in unassigned)}"
    if unassigned:
        yield f"  {'as config.json stands':32} {'with the changes':32} patients"
    for row in unassigned:
        yield f"  {row['now']:32} {row['then']:32} {row['patients']:>8}"
    if "patients" in figures:
        yield "patient\tas config.json stands\twith the changes"
        for row in figures["patients"]:
            yield f"{printable(row['patient'])}\t{row['now']}\t{row['then']}"
