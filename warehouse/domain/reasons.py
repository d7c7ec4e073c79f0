"""Why an object was not loaded, as one table: what it means, what to do, and when it is looked at again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from warehouse.domain.records import Decided


@dataclass(frozen=True, slots=True)
class Reason:
    """A reason code: the outcome that it explains, in plain words, with the remedy.

    `incomplete` marks what leaves the run unfinished (exit code 4); `broken` what breaks an invariant (5).
    """

    decided: Decided
    meaning: str
    remedy: str
    incomplete: bool = False
    broken: bool = False


NO_REMEDY = "nothing"


def _present(meaning: str) -> Reason:
    return Reason(Decided.PRESENT, meaning, NO_REMEDY)


def _quarantined(meaning: str, remedy: str) -> Reason:
    return Reason(Decided.QUARANTINED, meaning, remedy)


def _deferred(meaning: str, remedy: str, *, incomplete: bool = False) -> Reason:
    return Reason(Decided.DEFERRED, meaning, remedy, incomplete)


def _ignored(meaning: str) -> Reason:
    return Reason(
        Decided.IGNORED, meaning, "nothing, unless it was meant to be loaded: then upload it in place"
    )


_REPAIR = "send a corrected file under the same or another name"
_ANONYMISE = "correct the identifier and send the file again"

REASONS: Mapping[str, Reason] = {
    "same-bytes": _present("its copy stood there already"),
    "same-instance": _present("an object with the same SOP Instance UID and bytes is loaded"),
    "no-clinical-data": _deferred(
        "the patient has no clinical file yet", "upload the patient's clinical file; the next run goes on"
    ),
    "unlisted-site": _deferred(
        "the submitting centre is not in config.json", "add the centre to `sites` in config.json"
    ),
    "archived": _deferred("the object is in an archive tier", "restore it; the next run goes on"),
    "vanished": _deferred(
        "the object was gone or replaced when it was read", "nothing; a new version is seen"
    ),
    "store-fault": _deferred("the store failed after every retry", "load again", incomplete=True),
    "forbidden": _deferred(
        "the store refused for want of a permission", "grant it; load again", incomplete=True
    ),
    "damaged-assignment": _deferred(
        "the document of the patient's assignment is damaged",
        "mend the document by hand, or remove it; `warehouse split audit --patients` names the patient",
        incomplete=True,
    ),
    "occupied": _deferred(
        "a link, a folder or the like stands in the place of its copy, metadata or assignment, or on the way",
        "put that aside by hand, `warehouse why` names the place; load again",
        incomplete=True,
    ),
    "internal-error": _deferred(
        "the program failed on this object", "report it; load again", incomplete=True
    ),
    "contended": _deferred(
        "on Spark: an earlier image had its name, and its SOP instance may be loaded under another one",
        "load again",
        incomplete=True,
    ),
    "retry": _deferred("somebody asked for another look", "load again"),
    "invalid-key": _quarantined("its name or its date is not of the layout", "upload it under a valid name"),
    "invalid-json": _quarantined("the clinical file is not strict UTF-8 JSON", _REPAIR),
    "no-site": _quarantined("the clinical file names no SubmittingCentre", "add the field and send it again"),
    "identity-mismatch": _quarantined("Pseudonym and file name disagree", _ANONYMISE),
    "invalid-identity": _quarantined("an identifier cannot be part of a key", _ANONYMISE),
    "placeholder-identity": _quarantined("the patient identifier is a placeholder", _ANONYMISE),
    "not-dicom": _quarantined("it is no DICOM file", _REPAIR),
    "truncated": _quarantined("it is not whole", "send the whole file again"),
    "header-too-large": _quarantined("its header is over the limit", _REPAIR),
    "not-an-image": _quarantined("it is DICOM, but no image", "nothing, or send the image that was meant"),
    "inflates-too-far": _quarantined("it inflates beyond the limit", _REPAIR),
    "nested-too-deep": _quarantined("its sequences nest beyond the limit", _REPAIR),
    "unreadable": _quarantined("its encoding gives no usable identity", _REPAIR),
    "duplicate-tag": _quarantined("an identity element stands twice", _REPAIR),
    "executable-preamble": _quarantined(
        "it is also an executable file", "check the sender; send it with a plain preamble"
    ),
    "conflicting-copy": _quarantined(
        "other bytes stand at its place or under its SOP Instance UID",
        "if the name is taken, send it with another date or name; if the UID, find out which is right",
    ),
    "study-of-another-patient": _quarantined(
        "its study belongs to another patient; the first arrival may be the wrong one", _ANONYMISE
    ),
    "patient-in-both-sets": Reason(
        Decided.QUARANTINED,
        "the patient stands under training and under validation",
        "decide by hand which of the two is right",
        broken=True,
    ),
    "nested": _ignored("it lies neither directly in data/ nor in images/ of a date"),
    "other-suffix": _ignored("its suffix is neither .json in data/ nor .dcm in images/"),
    "folder-marker": _ignored("it is a folder's marker"),
    "link": _ignored("it is a symbolic link"),
    "unaddressable": _ignored("its name cannot be addressed"),
}

_OF_ANOTHER_VERSION = Reason(
    Decided.IGNORED, "another version of the program gave this reason", "ask with that version"
)


def reason_of(code: str) -> Reason:
    """The entry of a code; one that another version of the program gave is told as such."""
    return REASONS.get(code, _OF_ANOTHER_VERSION)
