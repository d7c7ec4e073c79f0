"""Which group a patient belongs to, and why. The first rule that matches wins, and wins for ever.

    1  the patient has an assignment      that one, whatever the site says now
    2  the site is fixed                  its group                              rule `site`
    3  the site is split                  training if bucket < percentage        rule `split`
    4  the site is not listed             nothing is decided                     `unlisted-site`
       no site                            nothing is decided                     `no-site`

Rule 1 is the claim's (`storage/assignments.py`); the rest is here.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal

from warehouse.config import Config
from warehouse.domain.records import Assignment, Group

FOLDS = 10


@dataclass(frozen=True, slots=True)
class SplitDecision:
    """A group, and the rule that gave it."""

    group: Group
    rule: Literal["existing", "site", "split"]


def bucket(patient: str) -> int:
    """The bucket, 0 to 99, of a canonical identifier.

    >>> bucket("COVID1"), bucket("COVID14"), bucket("COVID20"), bucket("COVID149")
    (48, 85, 26, 63)
    """
    return int(hashlib.sha512(patient.encode()).hexdigest(), 16) % 100


def fold(patient: str) -> int:
    """The fold, 0 to 9, of a canonical identifier: fixed for ever, for cross-validation within a set.

    >>> fold("COVID1"), fold("COVID14"), fold("COVID20"), fold("COVID149")
    (3, 8, 5, 5)
    """
    return int(hashlib.sha512(f"fold:{patient}".encode()).hexdigest(), 16) % FOLDS


def decide(patient: str, site: str | None, config: Config) -> SplitDecision | str:
    """The group of a canonical patient who has none yet, or the reason why nothing can be decided."""
    if site is None:
        return "no-site"
    treatment = config.sites.get(site)
    if treatment is None:
        return "unlisted-site"
    if treatment == "split":
        percentage = config.training_percentage
        assert percentage is not None, "a configuration with split sites has a percentage"
        return SplitDecision("training" if bucket(patient) < percentage else "validation", "split")
    return SplitDecision(treatment, "site")


def disagrees(assignment: Assignment, site: str | None, config: Config) -> bool:
    """Whether the site's rule would put an assigned patient elsewhere today."""
    decision = decide(assignment.patient, site, config)
    return isinstance(decision, SplitDecision) and decision.group != assignment.group
