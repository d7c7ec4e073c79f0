"""All that a verification found, in words and in figures: the kinds of damage, each with its remedy.

Objects are counted here and listed elsewhere: nothing in this module grows with their number.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Kind(NamedTuple):
    """What it means that an object is found, and what to do about it."""

    meaning: str
    remedy: str


_AGAIN = (
    "`warehouse retry --missing` and then `warehouse load` copy it anew, if its raw object stands; "
    "else restore an earlier version of the copy"
)
_CLEARED = "put aside by hand what stands there, `--keys` names the place; then "
_ASIDE = "put the copy aside by hand; then " + _AGAIN
_WRITTEN = "`warehouse retry --missing` and then `warehouse load` write it anew"
_REBUILT = "put the document aside by hand; then " + _WRITTEN

# In the order in which a person reads them.
VIOLATIONS: Mapping[str, Kind] = {
    "copy-missing": Kind("the catalog tells of a copy, and no object stands there", _AGAIN),
    "copy-obstructed": Kind(
        "a link, a folder or the like stands where the copy should, or on the way there",
        _CLEARED + _AGAIN,
    ),
    "copy-shortened": Kind("the copy has another size than its raw object had", _ASIDE),
    "copy-changed": Kind("the copy has other bytes than its raw object", _ASIDE),
    "copies-swapped": Kind(
        "the copy has the bytes of another copy",
        "give each of the copies its own name back by hand; `--keys` names them",
    ),
    "metadata-missing": Kind(
        "the image has no metadata document",
        _WRITTEN,
    ),
    "metadata-obstructed": Kind(
        "a link, a folder or the like stands where the metadata document should, or on the way there",
        _CLEARED + _WRITTEN,
    ),
    "metadata-of-another": Kind("the metadata document tells of another image", _REBUILT),
    "metadata-damaged": Kind("what stands beside the image is no metadata document", _REBUILT),
    "metadata-differs": Kind("the header of the image says something else than its document", _REBUILT),
    "patient-in-both-sets": Kind(
        "the patient stands under training and under validation",
        "decide by hand which is right, and put the objects of the other set aside",
    ),
    "study-of-two-patients": Kind(
        "one study stands under two patients",
        "ask the uploader whose it is, and put the objects of the other patient aside by hand",
    ),
    "instance-twice": Kind(
        "one SOP instance is more than one object of the sets",
        "find out which is right, and put the other one and its document aside by hand",
    ),
    "assignment-missing": Kind(
        "the catalog knows the patient's assignment, and no claim stands",
        "restore the document under assignments/patients/ from a backup or an earlier version",
    ),
    "assignment-contradicts": Kind(
        "the claim, the folders and the catalog do not agree on the patient's set",
        "`warehouse split audit --patients` tells who says what: correct the one that is wrong by hand",
    ),
    "assignment-damaged": Kind(
        "what stands where the patient's claim should is none",
        "restore the document under assignments/patients/ from a backup or an earlier version",
    ),
    "row-missing": Kind(
        "no row of the catalog tells of the object, though a finished run saw all",
        "if its raw object stands, `warehouse load` decides it again; "
        "else find out who put it there, or make all rows anew by `warehouse catalog rebuild --replace`",
    ),
    "row-invented": Kind(
        "a row of the catalog tells of a copy or of a raw object that is not there and may never have been",
        "find out who wrote to catalog/; `warehouse catalog rebuild --replace` makes it anew of the bucket",
    ),
}

# What breaks no promise. The first are mended by a load.
MENDED: Mapping[str, str] = {
    "unrecorded": "objects of the sets that no row of the catalog tells of yet",
    "undecided": "raw objects that no run has decided yet",
}
REMARKS: Mapping[str, str] = {
    "left-over": "objects of the sets that no load put there, and whose raw objects are gone or quarantined",
    "unclaimed": "patients of an older loader without an assignment: they get one with their next object",
    "raw-removed": "raw objects that were removed after they were loaded",
    "metadata-kept": "metadata documents of an older loader that say something else than the header",
    "unreadable": "images without a row of the catalog that cannot be read as images",
    "document-alone": "metadata documents without an image",
    "stranger": "objects under the two sets in no place of the layout",
}

# What was not read, and why a second run may not help.
_UNREAD = {
    "archived": "restore them, then run again",
    "forbidden": "allow s3:GetObject on the whole bucket, then run again",
    "vanished": "they changed while they were read: run again",
    "no-source": "written again since, and the raw object is gone or another: compare by hand",
    "store-fault": "run again",
    "internal-error": "report it",
}

PROVEN = {0: True, 4: None, 5: False}


@dataclass(slots=True)
class Verdict:
    """What was found. `unread` is by what and why, `looked` by what was looked at; a service of the run."""

    deep: bool = False
    violations: Counter[str] = field(default_factory=Counter)
    remarks: Counter[str] = field(default_factory=Counter)
    unread: Counter[tuple[str, str]] = field(default_factory=Counter)
    looked: Counter[str] = field(default_factory=Counter)
    complete: bool = False

    @property
    def exit_code(self) -> int:
        """5 where a promise is broken, 4 where not all could be read or nothing stands here, else 0."""
        if self.violations.total():
            return 5
        return 4 if self.unread or not self.looked.total() else 0

    def report(self) -> dict[str, Any]:
        """All of it, for a program; names no object."""
        return {
            "proven": PROVEN[self.exit_code],
            "deep": self.deep,
            "looked_at": dict(self.looked),
            "violations": {kind: self.violations[kind] for kind in VIOLATIONS},
            "mended_by_the_next_load": {kind: self.remarks[kind] for kind in MENDED},
            "remarks": {kind: self.remarks[kind] for kind in REMARKS},
            "unread": [
                {"what": what, "reason": reason, "count": count}
                for (what, reason), count in sorted(self.unread.items())
            ],
        }

    def text(self) -> Iterator[str]:
        """All of it in words, line by line, without the objects."""
        yield self._first_line()
        looked = ", ".join(f"{count} {what}" for what, count in sorted(self.looked.items()))
        yield f"looked at: {looked}; bytes were {'read again' if self.deep else 'not read again'}"
        for kind, (meaning, _) in VIOLATIONS.items():
            if count := self.violations[kind]:
                yield f"{count:>9}  {kind}: {meaning}"
        for kind, meaning in MENDED.items():
            if count := self.remarks[kind]:
                yield f"{count:>9}  {meaning}: the next load mends this"
        for kind, meaning in REMARKS.items():
            if count := self.remarks[kind]:
                yield f"{count:>9}  remark: {meaning}"
        for (what, reason), count in sorted(self.unread.items()):
            yield f"{count:>9}  not read: {what} ({reason}): {_UNREAD.get(reason, 'run again')}"

    def _first_line(self) -> str:
        if broken := self.violations.total():
            return f"DAMAGED: {broken} found of {len(+self.violations)} kinds"
        if self.unread:
            return "NOT PROVEN: nothing wrong was found, but not all of it could be read"
        if not self.looked.total():
            return "NOT PROVEN: there is nothing here, neither raw objects, nor copies, nor a catalog"
        return "nothing is wrong"
