"""Only identities that can safely name a folder pass, and none that would merge strangers."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

from warehouse.domain.keys import can_be_claimed, canonical, safe_segment

_UID = re.compile(r"[0-9]+(?:\.[0-9]+)*")
MAX_UID = 64  # PS3.5 9.1


def _no_folder(patient_id: str) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class IdentityRules:
    """What the configuration says about identities.

    `placeholder_ids` are in canonical form (stripped, upper case); zeros of any length always are
    placeholders. `existing_folder` tells whether a patient of that spelling already has a folder: then
    the identifier passes although the pattern has become stricter, as long as it is one safe segment.
    """

    patient_id_pattern: re.Pattern[str] = re.compile(r"[A-Za-z0-9._ -]{1,64}")
    placeholder_ids: frozenset[str] = frozenset(["ANON", "ANONYMOUS", "UNKNOWN", "TEST"])
    quarantine_non_images: bool = False
    existing_folder: Callable[[str], bool] = _no_folder


def is_uid(text: str) -> bool:
    """Tell whether `text` is a UID: up to 64 characters, digits in parts that are not empty (PS3.5 9.1)."""
    return len(text) <= MAX_UID and _UID.fullmatch(text) is not None


def refusal(patient_id: str, rules: IdentityRules) -> str | None:
    """Give the reason for which a stripped PatientID is refused, None where it is not."""
    if not safe_segment(patient_id) or _looks_like_another(patient_id):
        return "invalid-identity"
    if rules.patient_id_pattern.fullmatch(patient_id) is None and not rules.existing_folder(patient_id):
        return "invalid-identity"
    patient = canonical(patient_id)
    if not can_be_claimed(patient):
        return "invalid-identity"
    if patient in rules.placeholder_ids or not patient.strip("0"):
        return "placeholder-identity"
    return None


def _looks_like_another(patient_id: str) -> bool:
    """Two spellings that look alike must not be two patients, and so perhaps in two sets."""
    invisible = any(unicodedata.category(character) == "Cf" for character in patient_id)
    return invisible or unicodedata.normalize("NFKC", patient_id) != patient_id
