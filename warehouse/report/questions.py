"""What the report asks the catalog: SQL that `warehouse query` answers alike, and that the page shows."""

from __future__ import annotations

from collections.abc import Mapping

_TOTALS = """\
SELECT "group", count(*) AS patients, sum(studies)::BIGINT AS studies,
    sum(images)::BIGINT AS images, sum(bytes)::BIGINT AS bytes
FROM patients GROUP BY ALL ORDER BY ALL"""

_MODALITIES = """\
SELECT coalesce(Modality, 'none') AS modality, "group", count(DISTINCT patient) AS patients,
    count(DISTINCT StudyInstanceUID) AS studies, sum(images)::BIGINT AS images, sum(bytes)::BIGINT AS bytes
FROM series GROUP BY ALL ORDER BY ALL"""

_CENTRES = """\
SELECT coalesce(site, 'not known') AS centre, "group", count(*) AS patients,
    sum(images)::BIGINT AS images, sum(bytes)::BIGINT AS bytes,
    min(first_upload) AS first_upload, max(last_upload) AS last_upload
FROM patients GROUP BY ALL ORDER BY ALL"""

_SUBMISSIONS = """\
SELECT coalesce(patients.site, 'not known') AS centre, upload_date, count(*) AS files
FROM objects_now JOIN patients USING ("group", patient)
WHERE outcome IN ('loaded', 'present') AND upload_date IS NOT NULL
GROUP BY ALL ORDER BY ALL"""

_NOT_LOADED = """\
SELECT outcome, reason, count(*) AS files, min(upload_date) AS first_upload, max(upload_date) AS last_upload
FROM (
    FROM objects_now
    QUALIFY row_number() OVER (PARTITION BY key ORDER BY time DESC, run DESC, sequence DESC) = 1
)
WHERE outcome IN ('quarantined', 'deferred')
GROUP BY ALL ORDER BY ALL"""

_RUNS = """\
SELECT run, started, round(epoch(ended) - epoch(started), 1) AS seconds, exit_code, listed, known,
    loaded, present, quarantined, deferred, ignored
FROM runs ORDER BY started DESC, run DESC LIMIT 20"""

QUESTIONS: Mapping[str, str] = {
    "totals": _TOTALS,
    "modalities": _MODALITIES,
    "centres": _CENTRES,
    "submissions": _SUBMISSIONS,
    "not_loaded": _NOT_LOADED,
    "runs": _RUNS,
}
