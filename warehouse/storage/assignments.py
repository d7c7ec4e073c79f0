"""Patient -> group, claimed once. The claim is a create-only object; whoever loses the race reads the winner.

Two sources are asked before a claim: what the catalog knows (assignments never change), and the folders
that an older loader left behind without claims.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import datetime
from typing import Any

import orjson

from warehouse.domain.keys import ASSIGNMENTS_PREFIX, assignment_key, canonical, claimed_patient, safe_segment
from warehouse.domain.records import GROUPS, Assignment
from warehouse.domain.split import SplitDecision
from warehouse.errors import AlreadyExists, DamagedAssignment, NotFound, Occupied, PatientInBothSets
from warehouse.storage.standing import StandingFolders, standing_folders
from warehouse.storage.store import Store

SCHEMA_VERSION = 1

REMEMBERED = 100_000
"""How many claims that were read are kept; the patients of a warehouse only grow."""


class Assignments:
    """The claims of one warehouse. Safe to use from many threads; rows of one patient come one at a time."""

    def __init__(
        self,
        store: Store,
        known: Callable[[], Iterable[Assignment]],
        *,
        run: str,
        clock: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._load_known = known
        self._run = run
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[str, Assignment] | None = None
        self._folders: StandingFolders | None = None

    def find(self, patient: str) -> Assignment | None:
        """The assignment of a canonical patient, without a request: what is known, nothing claimed."""
        with self._lock:
            if self._known is None:
                self._known = {assignment.patient: assignment for assignment in self._load_known()}
            return self._known.get(patient)

    def remember(self, assignment: Assignment) -> Assignment:
        """Note an assignment that stands; gives the one that was known before, where there was one."""
        with self._lock:
            assert self._known is not None, "find() is asked before claim()"
            return self._known.setdefault(assignment.patient, assignment)

    def in_both_sets(self) -> int:
        """How many patients stand under the data of both sets, by a listing of either. Raises StoreError."""
        return sum(len(sets) > 1 for sets in self._standing().values())

    def adopt(self, identifier: str, configuration: str) -> Assignment | None:
        """The assignment of a patient, claimed first where an older loader left its folder.

        Raises PatientInBothSets where the patient stands in a set that is not, or not alone, its own.
        """
        patient = canonical(identifier)
        standing = self._standing().get(patient, {})
        assignment = self.find(patient)
        if assignment is None and len(standing) == 1:
            ((group, spellings),) = standing.items()
            decision = SplitDecision(group, "existing")
            assignment = self.claim(patient, (*spellings, identifier)[0], decision, "", configuration)
        if len(standing) > 1 or (assignment is not None and standing.keys() - {assignment.group}):
            raise PatientInBothSets("a patient stands in both sets")
        return assignment

    def claim(
        self, patient: str, folder: str, decision: SplitDecision, site: str, configuration: str
    ) -> Assignment:
        """Claim a group for a canonical patient, or learn which one stands already."""
        wanted = Assignment(
            patient=patient,
            group=decision.group,
            rule=decision.rule,
            site=site,
            folder=folder,
            configuration=configuration,
            run=self._run,
            time=self._clock(),
        )
        key = assignment_key(patient)
        try:
            self._store.create(key, to_document(wanted))
            standing = wanted
        except AlreadyExists:
            standing = from_document(key, self._store.read(key).data)
        return self.remember(standing)

    def place(self, assignment: Assignment, identifier: str, key_in: Callable[[str], str]) -> str:
        """The key of an object of an assigned patient; `key_in` builds it for a folder.

        It is in the patient's folder, unless an older loader left several spellings of that and has put the
        object into the one that the object itself uses: what stands is found, and not copied again.
        """
        spellings = self._standing().get(assignment.patient, {}).get(assignment.group, ())
        if identifier != assignment.folder and identifier in spellings:
            with suppress(NotFound):
                return self._store.head(key_in(identifier)).key
        return key_in(assignment.folder)

    def has_folder(self, patient: str) -> bool:
        """Whether a canonical patient already has a folder in the warehouse."""
        return self.find(patient) is not None or patient in self._standing()

    def _standing(self) -> StandingFolders:
        with self._lock:
            if self._folders is None:
                self._folders = standing_folders(self._store)
            return self._folders


class SharedAssignments(Assignments):
    """The claims of one warehouse where other processes of the same run claim too: what is not known is read.

    What was read is kept, up to a number; that a patient has no claim is not, since it may have one by then.
    """

    def __init__(self, store: Store, *, run: str, clock: Callable[[], datetime]) -> None:
        super().__init__(store, tuple, run=run, clock=clock)

    def find(self, patient: str) -> Assignment | None:
        """The assignment of a canonical patient; one that is not known yet costs a request (GetObject)."""
        known = super().find(patient)
        if known is not None:
            return known
        try:
            key = assignment_key(patient)
        except ValueError:
            return None
        try:
            standing = from_document(key, self._store.read(key).data)
        except Occupied:
            # What is in a claim's place is no proof that the patient has none.
            raise
        except NotFound:
            return None
        return self.remember(standing)

    def remember(self, assignment: Assignment) -> Assignment:
        """Note an assignment that stands; gives the one that was known before, where there was one."""
        with self._lock:
            if self._known is not None and len(self._known) >= REMEMBERED:
                self._known.clear()
        return super().remember(assignment)


def restore_claims(store: Store, known: Iterable[Assignment]) -> int:
    """Put every assignment that is known, and whose claim is gone, where it is read; gives how many.

    Where processes look for claims alone, a lost one must not be taken for a patient who has none.
    """
    standing = {info.key for info in store.list(ASSIGNMENTS_PREFIX)}
    restored = 0
    for assignment in known:
        key = assignment_key(assignment.patient)
        if key not in standing:
            with suppress(AlreadyExists):
                store.create(key, to_document(assignment))
                restored += 1
    return restored


def to_document(assignment: Assignment) -> bytes:
    """The bytes of a claim: a JSON object, versioned."""
    return orjson.dumps(
        {
            "schema": SCHEMA_VERSION,
            "patient": assignment.patient,
            "group": assignment.group,
            "rule": assignment.rule,
            "site": assignment.site,
            "folder": assignment.folder,
            "configuration": assignment.configuration,
            "run": assignment.run,
            "time": assignment.time,
        },
        option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE,
    )


def from_document(key: str, data: bytes) -> Assignment:
    """Read a claim back. One that cannot be understood is never guessed at. Raises DamagedAssignment."""
    try:
        document: dict[str, Any] = orjson.loads(data)
        assignment = Assignment(
            patient=document["patient"],
            group=document["group"],
            rule=document["rule"],
            site=document["site"],
            folder=document["folder"],
            configuration=document["configuration"],
            run=document["run"],
            time=datetime.fromisoformat(document["time"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise DamagedAssignment("read assignment", key, error) from error
    expected = claimed_patient(key)
    texts = (assignment.patient, assignment.group, assignment.rule, assignment.site, assignment.folder)
    if (
        not all(isinstance(text, str) for text in texts)
        or assignment.group not in GROUPS
        or assignment.patient != expected
        or not safe_segment(assignment.folder)
        or canonical(assignment.folder) != expected
    ):
        raise DamagedAssignment("read assignment", key)
    return assignment
