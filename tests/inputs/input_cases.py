"""One case for each alternative in each row of docs/inputs.md: files built in code, and their outcome.

Each case has patients, studies and names of its own, so that all of them can stand in one bucket.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from dicom_samples import image, padded

CONFIGURATIONS: Mapping[str, Mapping[str, object]] = {
    "usual": {},
    "strict": {"quarantine_non_images": True},
    "wide": {"patient_id_pattern": r"[^/\x00-\x1f]{1,300}"},
}
LOADED = ("loaded", None)
NO_FILE = "-"  # in the place of a patient: nobody uploads a clinical file


@dataclass(frozen=True)
class Who:
    """Whom the files of one case are about; `of(n)` is somebody else in the same case."""

    number: int

    @property
    def patient(self) -> str:
        return f"Case{self.number}"

    def uid(self, what: int) -> str:
        return f"1.2.{self.number}.{what}"

    @property
    def identity(self) -> dict[int, tuple[str, bytes] | None]:
        uids = {0x00080018: 1, 0x0020000D: 2, 0x0020000E: 3}
        made: dict[int, tuple[str, bytes] | None] = {
            tag: ("UI", padded(self.uid(what), b"\0")) for tag, what in uids.items()
        }
        return {**made, 0x00100020: ("LO", padded(self.patient))}

    def image(self, changes: Mapping[int, tuple[str, bytes] | None] = {}, **how: object) -> bytes:
        return image({**self.identity, **changes}, **how)  # type: ignore[arg-type]

    def clinical(self, **fields: object) -> bytes:
        record = {"Pseudonym": self.patient, "SubmittingCentre": "Train", **fields}
        return json.dumps({name: value for name, value in record.items() if value is not None}).encode()

    def image_key(self, name: str = "x") -> str:
        return f"raw-a/2020-01-02/images/{self.number}-{name}.dcm"

    def clinical_key(self, day: str = "2020-01-02", name: str = "") -> str:
        return f"raw-a/{day}/data/{name or self.patient}_data.json"


@dataclass(frozen=True)
class Case:
    """`decided` is the key whose outcome is meant; `files` are uploaded, `standing` stood in the sets."""

    row: str
    name: str
    outcome: tuple[str, str | None]
    decided: str
    files: Mapping[str, bytes] = field(repr=False)
    standing: Mapping[str, bytes] = field(repr=False, default_factory=dict)
    configuration: str = "usual"

    def __str__(self) -> str:
        return f"{self.row[:40]}: {self.name}"


class Cases:
    """Collects cases and gives each its own number."""

    def __init__(self, first: int) -> None:
        self.all: list[Case] = []
        self._next = first

    def who(self) -> Who:
        self._next += 1
        return Who(self._next)

    def image(
        self,
        row: str,
        name: str,
        outcome: tuple[str, str | None],
        make: Callable[[Who], bytes],
        *,
        patient: str = "",
        configuration: str = "usual",
        standing: Mapping[str, bytes] | None = None,
    ) -> None:
        """An image whose patient has a clinical file, under `patient` where it is not the case's own."""
        who = self.who()
        files = {who.image_key(): make(who)}
        if patient != NO_FILE:
            files[who.clinical_key("2020-01-01", patient)] = who.clinical(Pseudonym=patient or who.patient)
        key = who.image_key()
        self.all.append(Case(row, name, outcome, key, files, standing or {}, configuration))

    def images(self, row: str, outcome: tuple[str, str | None], **make: Callable[[Who], bytes]) -> None:
        """Several alternatives of one outcome."""
        for name, one in make.items():
            self.image(row, name.replace("_", " "), outcome, one)

    def clinical(
        self,
        row: str,
        name: str,
        outcome: tuple[str, str | None],
        make: Callable[[Who], bytes],
        *,
        before: Callable[[Who], bytes] | None = None,
    ) -> None:
        """A clinical file; `before` is one of the day before."""
        who = self.who()
        files = {who.clinical_key(): make(who)}
        if before is not None:
            files[who.clinical_key("2020-01-01")] = before(who)
        self.all.append(Case(row, name, outcome, who.clinical_key(), files))

    def files(
        self,
        row: str,
        name: str,
        outcome: tuple[str, str | None],
        make: Callable[[Who], tuple[str, dict[str, bytes]]],
        standing: Callable[[Who], dict[str, bytes]] = lambda who: {},
    ) -> None:
        """Several files; the first that `make` gives is the key that is decided."""
        who = self.who()
        decided, files = make(who)
        self.all.append(Case(row, name, outcome, decided, files, standing(who)))


def quarantined(reason: str) -> tuple[str, str | None]:
    return "quarantined", reason
