"""What the sources tell of who is in which set, brought together on disk: whatever the number of objects.

The keys and the claims come as rows. The catalog is asked, and only what it finds is brought here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from warehouse.domain.audit import Overlap, Sighting
from warehouse.domain.balance import People
from warehouse.storage.catalog import Catalog
from warehouse.storage.catalog_errors import translated
from warehouse.storage.catalog_work import pages
from warehouse.storage.gathering import OnDisk

_SEEN = pa.schema({name: pa.string() for name in ("source", "kind", "identifier", "set")})

# A row of the catalog puts a thing into the set of its patient, and into the set where its copy stands.
_PLACED = """
    SELECT *, unnest(list_distinct([place, "group"])) AS "set" FROM (
        SELECT patient, StudyInstanceUID, SOPInstanceUID, "group", split_part(target_key, '/', 1) AS place
        FROM objects_now WHERE outcome IN ('loaded', 'present')
    )"""
_THINGS = f"""
    WITH placed AS ({_PLACED})
    SELECT DISTINCT 'patient' AS kind, patient AS identifier, "set" FROM placed
    WHERE patient IS NOT NULL AND "set" IS NOT NULL
    UNION ALL
    SELECT DISTINCT 'study', StudyInstanceUID, "set" FROM placed
    WHERE StudyInstanceUID IS NOT NULL AND "set" IS NOT NULL"""

# Instances are as many as images: they are counted where they are, and only those in both sets are brought.
_INSTANCES = f"""
    WITH placed AS ({_PLACED})
    SELECT "set", count(DISTINCT SOPInstanceUID) AS instances FROM placed
    WHERE "set" IS NOT NULL GROUP BY ALL"""
_INSTANCES_IN_BOTH = f"""
    WITH placed AS ({_PLACED})
    SELECT 'SOP instance' AS kind, SOPInstanceUID AS identifier, unnest(sets) AS "set" FROM (
        SELECT SOPInstanceUID, list(DISTINCT "set") AS sets FROM placed
        WHERE SOPInstanceUID IS NOT NULL AND "set" IS NOT NULL GROUP BY SOPInstanceUID
    ) WHERE len(sets) > 1"""

_EVERY_INSTANCE = f"""
    WITH placed AS ({_PLACED})
    SELECT 'catalog' AS source, 'SOP instance' AS kind, SOPInstanceUID AS identifier, "set" FROM placed
    WHERE SOPInstanceUID IS NOT NULL AND "set" IS NOT NULL"""
_OF_HEADERS = (
    "CREATE OR REPLACE TABLE of_headers AS SELECT DISTINCT identifier FROM seen WHERE source = 'headers'"
)
_ALSO_IN_HEADERS = """
    SELECT source, kind, identifier, "set" FROM batch SEMI JOIN of_headers USING (identifier)"""

_PEOPLE = """
    WITH seen AS (
        SELECT "group", patient,
            arg_min(PatientAge, coalesce(StudyDate, '9') || PatientAge) AS age,
            list_sort(list_distinct(flatten(list(ModalitiesInStudy)))) AS modalities
        FROM studies GROUP BY "group", patient
    )
    SELECT patients."group" AS "group", rule, site, PatientSex AS sex, age,
        coalesce(modalities, []) AS modalities, count(*) AS count
    FROM patients LEFT JOIN seen USING ("group", patient) GROUP BY ALL ORDER BY ALL"""

_COUNTS = """
    SELECT kind, source, "set", count(DISTINCT identifier) FROM seen GROUP BY ALL"""
_OVERLAPS = """
    SELECT kind, identifier, list(DISTINCT source || ': ' || "set" ORDER BY source || ': ' || "set") FROM seen
    GROUP BY kind, identifier HAVING count(DISTINCT "set") > 1 ORDER BY kind, identifier"""

# Whoever stands in both sets is never claimed.
_UNCLAIMED = """
    SELECT identifier, bool_or(source = 'catalog') FROM seen WHERE kind = 'patient' GROUP BY identifier
    HAVING NOT bool_or(source = 'claims') AND count(DISTINCT "set") FILTER (source = 'keys') < 2
    ORDER BY identifier"""


class Sightings(OnDisk):
    """All that was seen. A context manager, since it stands on temporary files.

    What is seen is kept by one thread at a time; the catalog may be asked by another.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        super().__init__({"seen": _SEEN})

    def of_catalog(self) -> Iterator[Sighting]:
        """What the catalog tells: each patient and study in each set, and the instances that are in both."""
        for question in (_THINGS, _INSTANCES_IN_BOTH):
            with self._catalog.ask(question) as answer:
                for batch in answer:
                    for row in batch.to_pylist():
                        yield Sighting("catalog", row["kind"], row["identifier"], row["set"])

    def people(self) -> Iterator[People]:
        """The patients of the catalog, those who are alike together."""
        for row in self._catalog.query(_PEOPLE).to_pylist():
            yield People(**{**row, "modalities": tuple(row["modalities"])})

    def add(self, sighting: Sighting) -> None:
        """Keep one; the same may come more than once."""
        self._rows.add("seen", (sighting.source, sighting.kind, sighting.identifier, sighting.set))

    def counts(self) -> Counter[tuple[str, str, str]]:
        """Distinct things by kind, source and set."""
        self._rows.keep()
        counts = Counter({(kind, source, set): count for kind, source, set, count in self._pages(_COUNTS)})
        for row in self._catalog.query(_INSTANCES).to_pylist():
            counts["SOP instance", "catalog", row["set"]] = row["instances"]
        return counts

    def overlaps(self) -> Iterator[Overlap]:
        """Each thing that the sources together put into both sets, by kind and identifier."""
        self._rows.keep()
        self._bring_instances()
        for kind, identifier, sources in self._pages(_OVERLAPS):
            yield Overlap(kind, identifier, tuple(sources))

    def unclaimed(self) -> Iterator[tuple[str, bool]]:
        """Each patient of whom no claim tells, and whether the catalog does."""
        self._rows.keep()
        yield from self._pages(_UNCLAIMED)

    def _bring_instances(self) -> None:
        """Set what the catalog says of the instances of headers beside them, and of no others."""
        with translated():
            self._connection.execute(_OF_HEADERS)
            some = self._connection.execute("SELECT 1 FROM of_headers LIMIT 1").fetchall()
        if not some:
            return
        with self._catalog.ask(_EVERY_INSTANCE) as answer:
            for batch in answer:
                self._rows.insert("seen", pa.Table.from_batches([batch]), _ALSO_IN_HEADERS)

    def _pages(self, select: str) -> Iterator[tuple[Any, ...]]:
        return pages(self._connection, select)
