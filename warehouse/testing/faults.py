"""Faults are data: which call, when in it, and what its caller gets. One plan serves a store and its catalog.

What is raised is what our stores raise once their retries are used up: the tables of
`warehouse.storage.translate` decide which error a code becomes, and a test compares the two.
"""

from __future__ import annotations

import glob
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from fnmatch import fnmatchcase
from typing import TypeVar

from warehouse.errors import (
    AlreadyExists,
    Archived,
    Changed,
    Forbidden,
    NotFound,
    Occupied,
    StoreError,
    StoreFault,
    StoreUnavailable,
)
from warehouse.storage.catalog_errors import OPERATION as CATALOG
from warehouse.storage.counting import VERBS as STORE_VERBS
from warehouse.storage.translate import PERMISSIONS

T = TypeVar("T")

CATALOG_VERBS = (
    *("append", "append_run", "pending", "assignments", "waiting_patients", "study_owners"),
    *("instance_holders", "sites", "last_run", "query", "ask", "version", "snapshot", "publish"),
    *("published", "compact", "require_not_lost"),
)

# Of what removes a catalog.
REMOVE = "remove"

ANY = "*"

# Of which something half done can be left behind: a part of the listing, a part of a file.
_TEARABLE = frozenset({"list", "list_folders", "create", "copy"})


class Kind(Enum):
    """What goes wrong."""

    SLOW_DOWN = "503 SlowDown"
    INTERNAL_ERROR = "500 InternalError"
    ERROR_BODY = "200 with an error as its body"
    RESET = "connection reset"
    TIME_OUT = "time-out"
    SHORT_BODY = "fewer bytes than promised"
    CONFLICT = "409 on a conditional write"
    DISK_FULL = "no space left"
    FORBIDDEN = "403 AccessDenied"
    EXPIRED = "credentials expired, and new ones refused"
    GONE = "no such object"
    CHANGED = "another version"
    EXISTS = "an object stands there"
    OCCUPIED = "something that is no object stands there"
    ARCHIVED = "must be restored first"
    UNAVAILABLE = "no such bucket"
    BUG = "an error that no store translates"
    CRASH = "the process is killed"


class When(Enum):
    """Where in the call: before its effect; after it, with the answer lost; with its effect half done.

    A listing that is torn gives its first half. A file that is torn leaves half of its bytes in the work area
    of a folder; a server and memory know no halves, and there it is BEFORE.
    """

    BEFORE = "before"
    AFTER = "after"
    TORN = "torn"


_ERRORS: Mapping[Kind, tuple[type[StoreError], str]] = {
    Kind.SLOW_DOWN: (StoreFault, "SlowDown"),
    Kind.INTERNAL_ERROR: (StoreFault, "InternalError"),
    Kind.ERROR_BODY: (StoreFault, "InternalError"),
    Kind.RESET: (StoreFault, "ConnectionClosedError"),
    Kind.TIME_OUT: (StoreFault, "ReadTimeoutError"),
    Kind.SHORT_BODY: (StoreFault, "IncompleteReadError"),
    Kind.CONFLICT: (StoreFault, "ConditionalRequestConflict"),
    Kind.DISK_FULL: (StoreFault, "ENOSPC"),
    Kind.FORBIDDEN: (Forbidden, "AccessDenied"),
    Kind.EXPIRED: (Forbidden, "ExpiredToken"),
    Kind.GONE: (NotFound, "NoSuchKey"),
    Kind.CHANGED: (Changed, "412 PreconditionFailed"),
    Kind.EXISTS: (AlreadyExists, "412 PreconditionFailed"),
    Kind.OCCUPIED: (Occupied, "ELOOP"),
    Kind.ARCHIVED: (Archived, "InvalidObjectState"),
    Kind.UNAVAILABLE: (StoreUnavailable, "NoSuchBucket"),
}


class Crash(BaseException):
    """What a kill is to the code that it meets: no handler of errors sees it, and nothing runs after it."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a verb. `keys`: of a copy its target and its source, of a listing its prefix."""

    operation: str
    keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fault:
    """Spoil calls of `operation` (or `*`) of which a key matches the pattern `key` (as fnmatch has it).

    The `nth` such call is the first that is spoilt, and `times` the number of calls from there on; None: all.
    Raises ValueError for what could never strike.
    """

    operation: str
    kind: Kind
    key: str = ANY
    nth: int = 1
    times: int | None = 1
    when: When = When.BEFORE

    def __post_init__(self) -> None:
        if self.operation not in (ANY, REMOVE, *STORE_VERBS, *CATALOG_VERBS):
            raise ValueError(f"{self.operation} is no verb of a store or catalog")
        if self.nth < 1 or (self.times is not None and self.times < 1):
            raise ValueError("calls are counted from 1")
        if self.when is When.TORN and self.operation not in _TEARABLE:
            raise ValueError(f"{self.operation} leaves nothing half done")

    @classmethod
    def at(cls, call: Call, nth: int, kind: Kind, when: When = When.BEFORE) -> Fault:
        """The fault of the `nth` call that is this one: same verb, same first key."""
        key = glob.escape(call.keys[0]) if call.keys else ANY
        return cls(call.operation, kind, key, nth, when=when)

    def is_for(self, call: Call) -> bool:
        """Whether a call is one of those that are counted."""
        if self.operation not in (ANY, call.operation):
            return False
        return self.key == ANY or self._meant(call) is not None

    def _meant(self, call: Call) -> str | None:
        """The key of a call that the pattern is of."""
        return next((key for key in call.keys if fnmatchcase(key, self.key)), None)

    def error(self, call: Call) -> BaseException:
        """What the caller gets instead of an answer. A BUG's message holds the keys, as a real one might."""
        if self.kind is Kind.CRASH:
            return Crash(call.operation)
        if self.kind is Kind.BUG:
            return ArithmeticError(f"{call.operation} {call.keys}")
        kind, cause = _ERRORS[self.kind]
        if kind is Forbidden and call.operation in PERMISSIONS:
            cause = f"{cause}; needs {PERMISSIONS[call.operation]}"
        if call.operation in CATALOG_VERBS:
            return kind(CATALOG, "", cause)
        meant = None if self.key == ANY else self._meant(call)
        return kind(call.operation, meant or call.keys[-1], cause)


class Faults:
    """A plan, and what became of it: every call, and every fault that struck. Safe to use from many threads.

    After a CRASH nothing has an effect any more, and every call raises Crash: the process is dead. What
    stands in the wrapped store is what the next process finds.

    >>> from warehouse.storage.memory import MemoryStore
    >>> from warehouse.testing import Fault, Faults, FaultyStore, Kind
    >>> faults = Faults(Fault("read", Kind.SLOW_DOWN, "raw-*"))
    >>> store = FaultyStore(MemoryStore(), faults)
    >>> made = store.create("raw-a/x", b"data")
    >>> store.read("raw-a/x")
    Traceback (most recent call last):
    warehouse.errors.StoreFault: read: failed (SlowDown)
    >>> store.read("raw-a/x").data
    b'data'
    """

    def __init__(self, *faults: Fault) -> None:
        self._lock = threading.Lock()
        self._met: dict[int, int] = {}
        self._planned: list[Fault] = list(faults)
        self._calls: list[Call] = []
        self._struck: list[tuple[Fault, Call]] = []
        self._crashed = False

    def plan(self, *faults: Fault) -> None:
        """Plan more faults; their calls are counted from now on."""
        with self._lock:
            self._planned.extend(faults)

    def clear(self) -> None:
        """Plan none any more. What crashed stays dead."""
        with self._lock:
            self._planned.clear()
            self._met.clear()

    @property
    def calls(self) -> tuple[Call, ...]:
        """Every call, in the order in which they began."""
        with self._lock:
            return tuple(self._calls)

    @property
    def struck(self) -> tuple[tuple[Fault, Call], ...]:
        """Every fault that struck, with its call."""
        with self._lock:
            return tuple(self._struck)

    @property
    def crashed(self) -> bool:
        """Whether a CRASH struck."""
        return self._crashed

    def call(
        self,
        operation: str,
        keys: tuple[str, ...],
        work: Callable[[], T],
        tear: Callable[[], None] | None = None,
    ) -> T:
        """Do `work` as one call, unless a fault is planned for it. `tear` leaves half of it behind."""
        call = Call(operation, keys)
        fault = self.meet(call)
        if fault is None:
            result = work()
            self._require_life()
            return result
        if fault.when is When.AFTER:
            with suppress(Exception):  # A refusal is an answer that is lost like any other.
                work()
        elif fault.when is When.TORN and tear is not None:
            tear()
        raise self.strike(fault, call)

    def meet(self, call: Call) -> Fault | None:
        """Count a call that begins, and give the fault that is to strike it; `strike` is to follow."""
        with self._lock:
            if self._crashed:
                raise Crash(call.operation)
            self._calls.append(call)
            found = None
            for number, fault in enumerate(self._planned):
                if fault.is_for(call):
                    met = self._met[number] = self._met.get(number, 0) + 1
                    due = met >= fault.nth and (fault.times is None or met < fault.nth + fault.times)
                    found = found or (fault if due else None)
            # What comes before its effect comes before any effect of other threads.
            self._crashed = bool(found and found.kind is Kind.CRASH and found.when is When.BEFORE)
            return found

    def strike(self, fault: Fault, call: Call) -> BaseException:
        """The fault strikes: give what the caller is to get."""
        with self._lock:
            self._struck.append((fault, call))
            self._crashed = self._crashed or fault.kind is Kind.CRASH
        return fault.error(call)

    def _require_life(self) -> None:
        if self._crashed:
            raise Crash("the answer comes after the end")
