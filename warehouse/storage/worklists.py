"""What is quarantined, or waits, now: by the catalog and by a look at raw; sorted out on disk.

Only a version that still stands in raw is in a list: of one that was removed or replaced nobody has to
correct anything. Raw is listed where the list's objects lie, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import pyarrow as pa

from warehouse.domain.records import Decided
from warehouse.domain.worklist import UPLOADER, Item, Tally
from warehouse.storage.catalog_errors import translated
from warehouse.storage.catalog_work import moment, pages
from warehouse.storage.gathering import OnDisk
from warehouse.storage.snapshot import Snapshot
from warehouse.storage.store import Store
from warehouse.storage.together import list_together

Order = Literal["reason", "centre"]

_LISTED = pa.schema({"key": pa.string(), "etag": pa.string()})

# A site counts that a file of the same uploader names: what one uploader sends is told to no other.
_SITES = """
    SELECT uploader, patient, last(site ORDER BY time, run, sequence) AS patient_site
    FROM objects
    WHERE kind = 'clinical' AND patient IS NOT NULL AND site IS NOT NULL AND outcome <> 'quarantined'
    GROUP BY uploader, patient"""

# It waits since its first decision to wait, whatever it waited for in between.
_BEGINNINGS = """
    SELECT key, etag, min(time) AS beginning FROM objects WHERE outcome = 'deferred' GROUP BY key, etag"""

_DECIDED_SO = f"""
    WITH sites AS ({_SITES}), beginnings AS ({_BEGINNINGS}),
    found AS (
        SELECT objects_now.*,
            CASE WHEN outcome = 'deferred' THEN coalesce(beginning, time) ELSE time END AS since,
            nullif(coalesce(site, patient_site), '') AS submitting
        FROM objects_now LEFT JOIN sites USING (uploader, patient) LEFT JOIN beginnings USING (key, etag)
        WHERE outcome = ?
    ),
    told AS (
        SELECT key, etag, coalesce(reason, '') AS reason, since, run, patient,
            CASE WHEN submitting IS NULL OR starts_with(submitting, '{UPLOADER}')
                THEN '{UPLOADER}' || coalesce(uploader, '') ELSE submitting END AS centre
        FROM found
    )
    SELECT * FROM told WHERE {{conditions}}"""

_KNOWN_SITE = "SELECT 1 FROM objects WHERE site = ? LIMIT 1"
_KNOWN_UPLOADER = f"SELECT 1 FROM objects WHERE '{UPLOADER}' || uploader = ? LIMIT 1"

# A raw object lies directly in a folder of its upload; what lies elsewhere is looked for by itself.
_PREFIXES = """
    SELECT DISTINCT CASE WHEN len(parts) > 3 THEN array_to_string(parts[1:3], '/') || '/' ELSE key END
    FROM (SELECT key, string_split(key, '/') AS parts FROM decided_so) ORDER BY ALL"""

# An object that could only be suggested, and not looked at, was decided without an ETag.
_LOOKED_AT = """
    CREATE TABLE looked_at AS
    SELECT decided_so.*, raw.key IS NULL AS gone,
        coalesce(decided_so.etag, '') NOT IN ('', raw.etag) AS replaced
    FROM decided_so
        LEFT JOIN (SELECT key, any_value(etag) AS etag FROM listed GROUP BY key) AS raw USING (key)"""

_STANDS = "FROM looked_at WHERE NOT gone AND NOT replaced"

_ORDERS: dict[Order, str] = {"reason": "reason, centre, key", "centre": "centre, reason, key"}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which objects are asked for: of which outcome, and of those all, or some."""

    decided: Decided
    reasons: Sequence[str] = ()
    centre: str | None = None
    since: datetime | None = None


class WorkList(OnDisk):
    """A list of objects, each of which stands in raw. A context manager, since it stands on temporary files.

    Use it from one thread at a time. Every method may raise StoreError.
    """

    def __init__(self, snapshot: Snapshot, store: Store) -> None:
        self._snapshot = snapshot
        self._store = store
        super().__init__({"listed": _LISTED})

    def knows(self, centre: str) -> bool:
        """Whether the catalog tells of any object of a centre."""
        question = _KNOWN_UPLOADER if centre.startswith(UPLOADER) else _KNOWN_SITE
        with self._snapshot.ask(question, [centre]) as answer:
            return bool(answer.table().num_rows)

    def gather(self, wanted: Wanted) -> Tally:
        """Ask the catalog, look at raw, and count what stands; once, before `items`."""
        conditions = {
            "list_contains(?, reason)": list(wanted.reasons) or None,
            "centre = ?": wanted.centre,
            "since >= ?": wanted.since,
        }
        asked = {condition: value for condition, value in conditions.items() if value is not None}
        question = _DECIDED_SO.format(conditions=" AND ".join(["true", *asked]))
        with self._snapshot.ask(question, [wanted.decided.value, *asked.values()]) as answer:
            self._rows.begin("decided_so", answer.schema)
            for batch in answer:
                self._rows.insert("decided_so", pa.Table.from_batches([batch]))
        prefixes = [prefix for (prefix,) in pages(self._connection, _PREFIXES)]
        self._rows.fill("listed", ((info.key, info.etag) for info in list_together(self._store, prefixes)))
        with translated():
            self._connection.execute(_LOOKED_AT)
        return self._tally()

    def items(self, order: Order) -> Iterator[Item]:
        """The objects that stand, those of one reason or centre together."""
        select = (
            f"SELECT centre, reason, key, epoch_us(since), run, patient {_STANDS} ORDER BY {_ORDERS[order]}"
        )
        for centre, reason, key, since, run, patient in pages(self._connection, select):
            yield Item(centre, reason, key, moment(since), run, patient)

    def _tally(self) -> Tally:
        def rows(select: str) -> list[tuple[Any, ...]]:
            with translated():
                return self._connection.execute(select).fetchall()

        ((centres,),) = rows(f"SELECT count(DISTINCT centre) {_STANDS}")
        ((gone, replaced),) = rows(
            "SELECT count(*) FILTER (gone), count(*) FILTER (NOT gone AND replaced) FROM looked_at"
        )
        reasons = dict(rows(f"SELECT reason, count(*) {_STANDS} GROUP BY reason ORDER BY reason"))
        return Tally(reasons, centres, gone, replaced)
