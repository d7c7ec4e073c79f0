"""All that is known of each place of a warehouse, joined on disk: listings of the sets and of the raw
objects, and the catalog. What was found is kept here too, so that no number of findings fills the memory.

The listings come first, and then the catalog: an object that a load put there meanwhile has its row by then.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

import duckdb
import orjson
import pyarrow as pa

from warehouse.domain.keys import metadata_key
from warehouse.domain.records import ObjectInfo
from warehouse.domain.verify import Copied, Finding, Recorded, Unrecorded, is_older
from warehouse.storage import evidence_sql as sql
from warehouse.storage.catalog import Catalog
from warehouse.storage.catalog_errors import translated
from warehouse.storage.catalog_work import moment, pages
from warehouse.storage.engines import beside
from warehouse.storage.gathering import Gathering, OnDisk, described, object_of

# So many rows of each side are joined at a time.
RANGE_ROWS = 200_000
HASHES = 2**64


class Evidence(OnDisk):
    """A context manager, since it stands on temporary files.

    What is gathered and what is found may be kept by two threads, each by one at a time.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        super().__init__(sql.GATHERED, sql.HASHED)
        with translated():
            self._finding = self._stack.enter_context(beside(self._connection))
            for connection in (self._connection, self._finding):
                connection.execute(sql.AS_WRITTEN)
        self._found = Gathering(self._finding, sql.FINDABLE)

    def add_standing(self, info: ObjectInfo, name: str, place: str, parts: Mapping[str, str | None]) -> None:
        """Note an object of the sets; `place` is image, clinical or document, `parts` what its key says."""
        document = metadata_key(info.key) if place == "image" else None
        fields = (parts.get(part) for part in ("group", "patient", "study", "series", "match"))
        self._rows.add("tree", (*described(info), place, name, *fields, document))

    def add_raw(self, info: ObjectInfo, name: str, match: str | None) -> None:
        """Note a raw object; `match` is as that of its copy."""
        self._rows.add("raw", (*described(info), name, match))

    def prefixes(self) -> list[str]:
        """The raw prefixes that the catalog tells of."""
        return sorted(self._catalog.query(sql.PREFIXES)["prefix"].to_pylist())

    def join(self) -> None:
        """Read the catalog, and bring together what was noted. Raises StoreError."""
        first = self._count_runs()
        self._rows.keep()
        self._bring_rows()
        with translated():
            for step in sql.STEPS:
                if isinstance(step, str):
                    self._connection.execute(step)
                else:
                    self._make(self._connection, *step)
        ((row,),) = self._connection.execute(sql.FIRST).fetchall()
        decided = [] if row is None else [moment(row)]
        self._first = min([*decided, *first], default=None)

    def recorded(self) -> Iterator[Recorded]:
        """Each place that the catalog tells of, in no order."""
        for question in self._in_ranges(sql.RECORDED):
            yield from map(_recorded, pages(self._connection, question))

    def unrecorded(self) -> Iterator[Unrecorded]:
        """Each image and clinical file of the sets that it does not tell of, in no order."""
        for question in self._in_ranges(sql.WAITING):
            for row in pages(self._connection, question):
                yield _unrecorded(row, self._first)

    def astray(self) -> Iterator[Finding]:
        """Rows that tell of raw objects that never were, and raw objects whose rows are lost."""
        for kind, question in (("row-invented", sql.INVENTIONS), ("row-missing", sql.LOST)):
            for name, key in pages(self._connection, question):
                yield Finding(kind, name, key)

    def counts(self) -> dict[str, int]:
        """How many objects there are of the kinds that are only counted."""
        alone = sum(self._count(question) for question in self._in_ranges(sql.ALONE))
        return {**self._counts(sql.COUNTS), "document-alone": alone}

    def looked_at(self) -> dict[str, int]:
        """How many objects and rows were brought together, by what they are."""
        return self._counts(sql.LOOKED)

    def add_finding(self, finding: Finding) -> None:
        """Keep what is wrong with an object."""
        self._found.add("found", (finding.kind, finding.name, finding.key))

    def add_patient(self, kind: str, patient: str) -> None:
        """Keep what is wrong with a patient, who is named by objects later on."""
        self._found.add("patients", (kind, patient))

    def add_instance(self, instance: str, name: str, key: str) -> None:
        """Keep which SOP instance an unrecorded image is."""
        self._found.add("seen", (instance, name, key))

    def add_damage(
        self, kind: str, place: Recorded, digest: str | None = None, raw_digest: str | None = None
    ) -> None:
        """Keep a copy that is not what it should be, with digests of what it holds and of its raw object."""
        copy, row = place.copy, place.row
        assert copy is not None
        recorded = (row.target_size, row.target_etag)
        self._found.add(
            "damaged", (kind, row.name, row.target, copy.size, copy.etag, *recorded, digest, raw_digest)
        )

    def conclude(self) -> Iterator[tuple[str, int]]:
        """Find what only all places together show; give each kind that was found, and of how many objects."""
        self._found.keep()
        with translated():
            self._make(self._finding, "twice", sql.INSTANCES_TWICE)
            for step in (*sql.STUDIES, sql.INSTANCES, sql.NAME_PATIENTS):
                self._finding.execute(step)
            self._finding.execute(f"INSERT INTO found {sql.DAMAGES}")
            counts = self._finding.execute("SELECT kind, count(*) FROM found GROUP BY kind").fetchall()
        yield from counts

    def findings(self) -> Iterator[Finding]:
        """What was found, by kind and name."""
        for row in pages(self._finding, sql.FINDINGS):
            yield Finding(*row)

    def _count_runs(self) -> list[datetime]:
        """Work out which runs have too few rows, or too many; give when each started."""
        runs = self._catalog.query(sql.RUNS).to_pylist()
        for run in runs:
            if run["lacks"]:
                prefixes = orjson.loads(run["configuration_json"] or "{}").get("raw_prefixes", ())
                for prefix in prefixes:
                    self._rows.add("lacking", (prefix, run["started"]))
            if run["exceeds"]:
                wrong = self._catalog.query(sql.NUMBERED_WRONG, (run["run"], run["pending"])).to_pylist()
                for row in wrong:
                    self._rows.add("doubtful", (row["run"], row["sequence"]))
        return [run["started"] for run in runs]

    def _bring_rows(self) -> None:
        with self._catalog.ask(sql.OF_CATALOG) as answer:
            schema = _with_documents(answer.schema.empty_table()).schema
            self._rows.begin("recorded", schema, sql.HASHED_ROWS)
            for batch in answer:
                self._rows.insert("recorded", _with_documents(pa.Table.from_batches([batch])))

    def _in_ranges(self, question: str) -> Iterator[str]:
        """A question for each range of hashes, so many that what one range holds fits into memory."""
        rows = max(self._count(f"SELECT count(*) FROM {table}") for table in ("tree", "raw", "recorded"))
        ranges = rows // RANGE_ROWS + 1
        bounds = [HASHES * number // ranges for number in range(ranges + 1)]
        for low, high in itertools.pairwise(bounds):
            yield question.format(low=low, high=high - 1)

    def _make(self, connection: duckdb.DuckDBPyConnection, table: str, question: str) -> None:
        """Make a table of the answers for all ranges."""
        made = f"CREATE TABLE {table} AS"
        for part in self._in_ranges(question):
            connection.execute(f"{made} {part}")
            made = f"INSERT INTO {table}"

    def _counts(self, questions: Mapping[str, str]) -> dict[str, int]:
        return {name: self._count(question) for name, question in questions.items()}

    def _count(self, question: str) -> int:
        with translated():
            return int(self._connection.execute(question).fetchall()[0][0])


def _with_documents(rows: pa.Table) -> pa.Table:
    """Rows of the catalog, each with the key of the metadata document of its image."""
    targets = zip(rows["target_key"].to_pylist(), rows["image"].to_pylist(), strict=True)
    documents = [metadata_key(key) if key and image else None for key, image in targets]
    return rows.append_column("document", pa.array(documents, pa.string()))


def _info(fields: Iterable[Any]) -> ObjectInfo | None:
    key, *others = fields
    return None if key is None else object_of(key, *others)


def _parts(row: tuple[Any, ...], *lengths: int) -> Iterator[tuple[Any, ...]]:
    fields = iter(row)
    for length in lengths:
        yield tuple(itertools.islice(fields, length))


def _recorded(row: tuple[Any, ...]) -> Recorded:
    told, identity, more, copy, document, raw = _parts(row, 5, 4, 4, 5, 5, 5)
    image, kept, doubtful, same_version = more
    names = ("patient", "study", "series", "instance")
    known = dict(zip(names, identity, strict=True))
    name, size, target, target_size, target_etag = told
    held = Copied(name, size, target, target_size, target_etag, known, image, kept, doubtful)
    return Recorded(held, _info(copy), _info(document), _info(raw), same_version)


def _unrecorded(row: tuple[Any, ...], first: datetime | None) -> Unrecorded:
    (name, image), identity, (raw, lost), copy, document = _parts(row, 2, 3, 2, 5, 5)
    info = _info(copy)
    assert info is not None, "what stands there was listed"
    return Unrecorded(
        name,
        info,
        _info(document),
        image,
        dict(zip(("patient", "study", "series"), identity, strict=True)),
        raw=raw,
        lost=lost,
        older=is_older(info.last_modified, first),
    )
