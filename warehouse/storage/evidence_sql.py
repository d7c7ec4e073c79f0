"""The statements of `Evidence`.

A join of all would hold more than memory does. Rows that can meet have one hash, and are joined a range of
hashes at a time (`{low}` to `{high}`).
"""

from __future__ import annotations

import pyarrow as pa

from warehouse.storage.catalog_schema import TIME
from warehouse.storage.catalog_work import EARLIEST
from warehouse.storage.gathering import OBJECT

# `place` is image, clinical or document; `match` is what the raw object of the same thing would be called.
TREE = pa.schema(
    {
        **OBJECT,
        "place": pa.string(),
        "name": pa.string(),
        "group": pa.string(),
        "patient": pa.string(),
        "study": pa.string(),
        "series": pa.string(),
        "match": pa.string(),
        "document": pa.string(),
    }
)
RAW = pa.schema({**OBJECT, "name": pa.string(), "match": pa.string()})
FOUND = pa.schema({"kind": pa.string(), "name": pa.string(), "key": pa.string()})
SEEN = pa.schema({"instance": pa.string(), "name": pa.string(), "key": pa.string()})
PATIENTS = pa.schema({"kind": pa.string(), "patient": pa.string()})
DAMAGED = pa.schema(
    {
        "kind": pa.string(),
        "name": pa.string(),
        "key": pa.string(),
        "size": pa.int64(),
        "etag": pa.string(),
        "target_size": pa.int64(),
        "target_etag": pa.string(),
        "digest": pa.string(),
        "raw_digest": pa.string(),
    }
)
LACKING = pa.schema({"prefix": pa.string(), "started": TIME})
DOUBTFUL = pa.schema({"run": pa.string(), "sequence": pa.int64()})

GATHERED = {"tree": TREE, "raw": RAW, "lacking": LACKING, "doubtful": DOUBTFUL}
FINDABLE = {"found": FOUND, "seen": SEEN, "damaged": DAMAGED, "patients": PATIENTS}

# What the catalog is asked: of each object, its latest decision.
OF_CATALOG = """
    SELECT key, etag, size, outcome, target_key, target_etag, target_size, patient,
        StudyInstanceUID AS study, SeriesInstanceUID AS series, SOPInstanceUID AS instance,
        kind = 'image' AS image, coalesce(list_contains(flags, 'metadata-kept'), false) AS kept,
        run, sequence, time,
        concat(uploader, '/', coalesce(upload_date, 'undated'), '/',
            CASE kind WHEN 'clinical' THEN 'data' WHEN 'image' THEN 'images' ELSE 'other' END,
            '#', run, '-', sequence) AS name
    FROM objects_now"""
# A run numbers what it decides from 1, each object once. Each leaves a row, but for a deferred object that is
# deferred again: with fewer numbers, rows were lost; with a number twice or too high, there is one too many.
RUNS = """
    WITH told AS (SELECT DISTINCT run, sequence, outcome, hash(key, etag) AS object FROM objects),
    numbered AS (
        SELECT run, sequence, count(*) AS rows, bool_or(outcome != 'deferred') AS settled
        FROM told GROUP BY run, sequence
    )
    SELECT run, started, configuration_json, listed - known AS pending,
        count(*) FILTER (settled AND sequence <= listed - known)
            < any_value(loaded + present + quarantined + ignored) AS lacks,
        coalesce(bool_or(rows > 1 OR sequence > listed - known), false) AS exceeds
    FROM runs LEFT JOIN numbered USING (run) WHERE NOT coalesce(dry_run, false)
    GROUP BY run, started, configuration_json, listed, known"""
NUMBERED_WRONG = """
    SELECT run, sequence FROM objects WHERE run = ? GROUP BY run, sequence
    HAVING sequence > ? OR count(DISTINCT hash(key, etag, outcome)) > 1"""
PREFIXES = "SELECT DISTINCT split_part(key, '/', 1) || '/' AS prefix FROM objects"

# The query engine would take a stream, whose length it cannot know, for the smaller side of a join.
AS_WRITTEN = "SET disabled_optimizers = 'join_order,build_side_probe_side'"

# By whose hash a row meets others: an image, its document and their row meet by the document's key.
HASHED = {
    "tree": "SELECT *, hash(coalesce(document, key)) AS h FROM batch",
    "raw": "SELECT *, hash(key) AS h FROM batch",
}
HASHED_ROWS = "SELECT *, hash(key) AS h, hash(coalesce(document, target_key)) AS place_h FROM batch"

JUDGED = """
    SELECT row.*, doubtful.run IS NOT NULL AS doubtful,
        raw.key IS NOT NULL AS raw_there, coalesce(raw.etag = row.etag, false) AS same_version,
        raw.size AS raw_size, raw.etag AS raw_etag, raw.modified AS raw_modified, raw.archived AS raw_archived
    FROM (FROM recorded WHERE h BETWEEN {low} AND {high}) AS row
    LEFT JOIN (FROM raw WHERE h BETWEEN {low} AND {high}) AS raw ON raw.key = row.key
    LEFT JOIN (SELECT DISTINCT run, sequence FROM doubtful) AS doubtful
        ON doubtful.run = row.run AND doubtful.sequence = row.sequence"""

# A raw object that is gone was removed, unless its row is one too many: in its run, or at its place.
_INVENTED = (
    """CREATE TABLE shared AS
    SELECT hash(target_key) AS place FROM judged WHERE outcome IN ('loaded', 'present')
    GROUP BY place HAVING count(*) > 1""",
    f"""CREATE TABLE invented AS
    SELECT name, key, run, sequence FROM judged WHERE doubtful AND NOT raw_there
    UNION
    SELECT name, key, run, sequence FROM (
        SELECT name, key, run, sequence, raw_there, key != first_value(key) OVER (
            PARTITION BY target_key ORDER BY {EARLIEST}
        ) AS later
        FROM judged SEMI JOIN shared ON hash(target_key) = place WHERE outcome = 'loaded'
    ) WHERE later AND NOT raw_there""",
)

# One row for each place: the one whose raw object can be compared, else the first.
_HELD = (
    """CREATE TABLE claiming AS
    SELECT * FROM judged ANTI JOIN invented USING (key, run, sequence)
    WHERE outcome IN ('loaded', 'present') AND target_key IS NOT NULL""",
    f"""CREATE TABLE second AS
    SELECT key, etag FROM claiming SEMI JOIN shared ON hash(target_key) = place
    QUALIFY row_number() OVER (
        PARTITION BY target_key ORDER BY doubtful, NOT same_version, NOT raw_there, {EARLIEST}
    ) > 1""",
    "CREATE TABLE held AS SELECT * FROM claiming ANTI JOIN second USING (key, etag)",
    "DROP TABLE claiming",
)

OPEN = """
    SELECT raw.key, raw.name, raw.match, hash(raw.match) AS match_h, judged.key IS NULL AS undecided,
        coalesce(judged.outcome = 'deferred', false) AS deferred,
        judged.key IS NULL AND EXISTS (
            FROM lacking WHERE starts_with(raw.key, lacking.prefix) AND raw.modified <= lacking.started
        ) AS lost
    FROM (FROM raw WHERE h BETWEEN {low} AND {high}) AS raw
    LEFT JOIN (FROM judged WHERE h BETWEEN {low} AND {high}) AS judged
        ON judged.key = raw.key AND judged.etag = raw.etag
    WHERE judged.key IS NULL OR judged.outcome IN ('deferred', 'quarantined')"""

_OF = "{0}.key, {0}.size, {0}.etag, epoch_us({0}.modified), {0}.archived"
_HERE = "(FROM tree WHERE h BETWEEN {low} AND {high})"
_HELD_HERE = "(FROM held WHERE place_h BETWEEN {low} AND {high})"

UNRECORDED = f"""
    SELECT one.*, hash(one.match) AS match_h, document.key AS document_key, document.size AS document_size,
        document.etag AS document_etag, document.modified AS document_modified,
        document.archived AS document_archived
    FROM {_HERE} AS one ANTI JOIN {_HELD_HERE} AS held ON held.target_key = one.key
    LEFT JOIN {_HERE} AS document ON document.key = one.document WHERE one.place != 'document'"""
RECORDED = f"""
    SELECT held.name, held.size, held.target_key, held.target_size, held.target_etag,
        held.patient, held.study, held.series, held.instance, held.image, held.kept, held.doubtful,
        held.same_version, {_OF.format("copy")}, {_OF.format("document")},
        CASE WHEN raw_there THEN held.key END, raw_size, raw_etag, epoch_us(raw_modified), raw_archived
    FROM {_HELD_HERE} AS held LEFT JOIN {_HERE} AS copy ON copy.key = held.target_key
    LEFT JOIN {_HERE} AS document ON document.key = held.document"""
WAITING = """
    SELECT one.name, one.place = 'image', one.patient, one.study, one.series,
        CASE WHEN undecided THEN 'undecided' WHEN deferred THEN 'deferred'
            WHEN waiting.match IS NOT NULL THEN 'quarantined' END,
        coalesce(waiting.lost, false),
        one.key, one.size, one.etag, epoch_us(one.modified), one.archived,
        document_key, document_size, document_etag, epoch_us(document_modified), document_archived
    FROM (FROM unrecorded WHERE match_h BETWEEN {low} AND {high}) AS one LEFT JOIN (
        SELECT match, bool_or(undecided) AS undecided, bool_or(deferred) AS deferred, bool_or(lost) AS lost
        FROM open WHERE match_h BETWEEN {low} AND {high} GROUP BY match
    ) AS waiting ON waiting.match = one.match"""
ALONE = f"""
    SELECT count(*) FROM {_HERE} AS one
    ANTI JOIN (SELECT document FROM {_HERE} WHERE place = 'image') AS beside ON beside.document = one.key
    ANTI JOIN {_HELD_HERE} AS held ON held.document = one.key WHERE one.place = 'document'"""
INSTANCES_TWICE = """
    SELECT h FROM (
        SELECT hash(instance) AS h FROM held WHERE instance IS NOT NULL
        UNION ALL SELECT hash(instance) FROM seen
    ) WHERE h BETWEEN {low} AND {high} GROUP BY h HAVING count(*) > 1"""

# What is made of ranges, and what is made of all, in the order of their making.
STEPS = (("judged", JUDGED), *_INVENTED, *_HELD, ("open", OPEN), ("unrecorded", UNRECORDED))

INVENTIONS = "SELECT DISTINCT name, key FROM invented ORDER BY name"
LOST = """
    WITH lost AS (SELECT name, key, match FROM open WHERE lost),
    told AS (SELECT DISTINCT match FROM unrecorded SEMI JOIN lost USING (match))
    SELECT name, key FROM lost ANTI JOIN told USING (match) ORDER BY key"""
FIRST = "SELECT epoch_us(min(time)) FROM judged"
COUNTS = {
    "undecided": "SELECT count(*) FROM open WHERE undecided AND NOT lost",
    "raw-removed": """
        SELECT count(*) FROM (
            SELECT DISTINCT h FROM judged ANTI JOIN invented USING (key, run, sequence)
            WHERE outcome IN ('loaded', 'present') AND NOT raw_there
        )""",
}
LOOKED = {
    "copies": "SELECT count(*) FROM tree WHERE place != 'document'",
    "metadata documents": "SELECT count(*) FROM tree WHERE place = 'document'",
    "raw objects": "SELECT count(*) FROM raw",
    "rows of the catalog": "SELECT count(*) FROM judged",
}

# Where two damaged copies each have what the other should have, both are whole, and in the wrong place.
DAMAGES = """
    SELECT CASE WHEN EXISTS (
            FROM damaged AS other WHERE other.key != one.key AND (
                other.raw_digest = one.digest
                OR (other.target_size = one.size AND other.target_etag = one.etag))
        ) THEN 'copies-swapped' ELSE one.kind END, one.name, one.key
    FROM damaged AS one ORDER BY one.key"""

STUDIES = (
    """CREATE OR REPLACE TABLE owners AS
    SELECT DISTINCT study, patient FROM (
        SELECT study, patient FROM tree WHERE study IS NOT NULL
        UNION ALL SELECT study, patient FROM held WHERE image AND study IS NOT NULL
    ) WHERE patient IS NOT NULL""",
    """CREATE OR REPLACE TABLE disputed AS
    SELECT study FROM owners GROUP BY study HAVING count(*) > 1""",
    """INSERT INTO found
    SELECT 'study-of-two-patients', string_agg(name, ', ' ORDER BY name), study FROM (
        SELECT study, patient, min(name) AS name FROM (
            SELECT study, patient, name FROM tree SEMI JOIN disputed USING (study)
            UNION ALL
            SELECT study, patient, name FROM held SEMI JOIN disputed USING (study)
            WHERE NOT EXISTS (FROM tree WHERE tree.study = held.study AND tree.patient = held.patient)
        ) GROUP BY study, patient
    ) GROUP BY study""",
)
INSTANCES = """
    INSERT INTO found
    SELECT 'instance-twice', string_agg(name, ', ' ORDER BY key), string_agg(key, ' ' ORDER BY key) FROM (
        SELECT instance, held.name, target_key AS key FROM held SEMI JOIN twice ON hash(instance) = twice.h
        SEMI JOIN tree ON tree.key = held.target_key
        UNION ALL SELECT instance, name, key FROM seen SEMI JOIN twice ON hash(instance) = twice.h
    ) GROUP BY instance HAVING count(DISTINCT key) > 1"""
# A patient is named by an object of each set; by a row of the catalog where nothing stands.
NAME_PATIENTS = """
    INSERT INTO found
    SELECT patients.kind, coalesce(standing.name, told.name, 'assignments/patients'), patients.patient
    FROM patients LEFT JOIN (
        SELECT patient, string_agg(name, ', ' ORDER BY "group") AS name FROM (
            SELECT patient, "group", min(name) AS name FROM tree SEMI JOIN patients USING (patient)
            GROUP BY patient, "group"
        ) GROUP BY patient
    ) AS standing USING (patient) LEFT JOIN (
        SELECT patient, min(name) AS name FROM judged SEMI JOIN patients USING (patient) GROUP BY patient
    ) AS told USING (patient)"""
FINDINGS = "SELECT kind, name, key FROM found ORDER BY kind, name, key"
