"""What the catalog tells of single objects: every decision on a key, and other objects that it met.

Each question is answered by few rows, whatever the catalog's size.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from warehouse.domain.decisions import MOST, Decision, Run
from warehouse.domain.keys import SUFFIXES, SafeName
from warehouse.storage.catalog_sql import STUDY_IS_SETTLED
from warehouse.storage.catalog_work import EARLIEST, NEWEST
from warehouse.storage.snapshot import Snapshot

_COLUMNS = """
    key, etag, size, kind, uploader, upload_date, sequence, outcome, reason, flags, target_key, target_etag,
    target_size, "group", rule, site, patient, folder, StudyInstanceUID AS study, SeriesInstanceUID AS series,
    SOPInstanceUID AS sop, type, configuration, run, time"""

_KEPT = "outcome IN ('loaded', 'present')"

# Of each raw object one decision, whichever of its versions that is on: the latest; at a place, that by which
# its bytes stand there, whatever became of a later upload.
_LATEST = f"QUALIFY row_number() OVER (PARTITION BY key ORDER BY {NEWEST}) = 1"
_AT_ITS_PLACE = f"QUALIFY row_number() OVER (PARTITION BY key ORDER BY {_KEPT} DESC, {NEWEST}) = 1"

_IMAGE_SUFFIX = SUFFIXES["images"]


class Histories:
    """Questions to one state of the catalog. Every method may raise StoreError."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def of_key(self, key: str) -> Sequence[Decision]:
        """Every decision on a raw key, the first first."""
        return self._decisions(f"WHERE key = ? ORDER BY {EARLIEST}", key)

    def named(self, name: SafeName) -> str | None:
        """The raw key of the object that logs name so; None where no decision has that name."""
        found = self._decisions("WHERE run = ? AND sequence = ? LIMIT 2", name.run, name.sequence)
        told = f"{name.uploader}/{name.date}/{name.place}#{name.run}-{name.sequence}"
        return next((one.key for one in found if one.name == told), None)

    def at_place(self, target: str) -> Sequence[Decision]:
        """A decision on each raw object that was decided for a place in the sets.

        Those by which an object's bytes stand there come first.
        """
        return self._decisions(
            f"WHERE target_key = ? {_AT_ITS_PLACE} ORDER BY {_KEPT} DESC, {EARLIEST} LIMIT {MOST + 1}",
            target,
        )

    def image_of(self, stem: str) -> str | None:
        """The place of the image whose key without suffix is `stem`; None where no decision names it."""
        found = self._decisions(
            "WHERE starts_with(target_key, ?) AND lower(substr(target_key, ?)) = ? LIMIT 1",
            *(stem, len(stem) + 1, _IMAGE_SUFFIX),
        )
        return found[0].target_key if found else None

    def holder_of_place(self, target: str) -> Decision | None:
        """The first decision that put an object at a place, or found it there.

        Names that differ in their capitals only are one: their metadata would be.
        """
        return self._first(f"WHERE lower(target_key) = lower(?) AND {_KEPT} ORDER BY {EARLIEST}", target)

    def holder_of_study(self, study: str) -> Decision | None:
        """The decision that gave a study to its patient; None where no row of the catalog did."""
        return self._first(
            f"""WHERE StudyInstanceUID = ? AND patient IS NOT NULL AND {STUDY_IS_SETTLED}
            ORDER BY {EARLIEST}""",
            study,
        )

    def clinical_of(self, patient: str) -> Sequence[Decision]:
        """The latest decisions on a canonical patient's clinical files, by key."""
        return self._decisions(
            f"WHERE kind = 'clinical' AND patient = ? {_LATEST} ORDER BY key LIMIT {MOST + 1}", patient
        )

    def runs(self, names: Sequence[str]) -> Mapping[str, Run]:
        """What is written of runs, by name."""
        question = "SELECT run, version, exit_code FROM runs WHERE list_contains(?, run)"
        return {row["run"]: Run(**row) for row in self._rows(question, list(names))}

    def _first(self, what: str, *parameters: Any) -> Decision | None:
        return next(iter(self._decisions(f"{what} LIMIT 1", *parameters)), None)

    def _decisions(self, what: str, *parameters: Any) -> Sequence[Decision]:
        return [Decision(**row) for row in self._rows(f"SELECT {_COLUMNS} FROM objects {what}", *parameters)]

    def _rows(self, question: str, *parameters: Any) -> list[dict[str, Any]]:
        with self._snapshot.ask(question, parameters) as answer:
            return list(answer.table().to_pylist())
