"""The columns of the catalog, stated once, and the one way from an Outcome to a row of them.

Columns may be added, never removed or retyped: a table on disk may lack columns that stand here, and may
hold columns that do not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import pyarrow as pa

from warehouse.domain.again import Again
from warehouse.domain.records import (
    ATTRIBUTE_COLUMNS,
    Assignment,
    Decided,
    ImageFacts,
    ObjectInfo,
    Outcome,
    Raw,
    RawClinical,
    RawImage,
    Scalar,
)

TIME = pa.timestamp("us", "UTC")

_ARROW_TYPES: Mapping[type, pa.DataType] = {str: pa.string(), int: pa.int64(), float: pa.float64()}
_ATTRIBUTES = {keyword: _ARROW_TYPES[kind] for keyword, kind in ATTRIBUTE_COLUMNS.items()}

OBJECTS: pa.Schema = pa.schema(
    {
        "key": pa.string(),
        "etag": pa.string(),
        "size": pa.int64(),
        "last_modified": TIME,
        "kind": pa.string(),
        "uploader": pa.string(),
        "upload_date": pa.string(),
        "sequence": pa.int64(),
        "outcome": pa.string(),
        "reason": pa.string(),
        "flags": pa.list_(pa.string()),
        "dropped": pa.int64(),
        "target_key": pa.string(),
        "target_etag": pa.string(),
        "target_size": pa.int64(),
        "group": pa.string(),
        "rule": pa.string(),
        "site": pa.string(),
        "patient": pa.string(),
        "folder": pa.string(),
        "StudyInstanceUID": pa.string(),
        "SeriesInstanceUID": pa.string(),
        "SOPInstanceUID": pa.string(),
        "SOPClassUID": pa.string(),
        "TransferSyntaxUID": pa.string(),
        "Modality": pa.string(),
        "type": pa.string(),
        **_ATTRIBUTES,
        "configuration": pa.string(),
        "run": pa.string(),
        "time": TIME,
    }
)

RUNS: pa.Schema = pa.schema(
    {
        "run": pa.string(),
        "started": TIME,
        "ended": TIME,
        "exit_code": pa.int64(),
        "configuration": pa.string(),
        "configuration_json": pa.string(),
        "version": pa.string(),
        "listed": pa.int64(),
        "known": pa.int64(),
        "loaded": pa.int64(),
        "present": pa.int64(),
        "quarantined": pa.int64(),
        "deferred": pa.int64(),
        "ignored": pa.int64(),
        "reasons": pa.string(),
        "requests": pa.string(),
        "bytes_read": pa.int64(),
        "bytes_written": pa.int64(),
        "dry_run": pa.bool_(),
    }
)

TABLES: Mapping[str, pa.Schema] = {"objects": OBJECTS, "runs": RUNS}

_WHOSE = {
    "group": pa.string(),
    "fold": pa.int64(),
    "patient": pa.string(),
    "site": pa.string(),
}

# What the images of one series share, unless something is wrong with it (PS3.3 C.7.3.1, C.7.5.1).
OF_A_SERIES = (
    *("StudyDate", "AcquisitionDate", "PatientSex", "PatientAge", "BodyPartExamined", "ViewPosition"),
    *("Rows", "Columns", "PixelSpacing", "SliceThickness", "ConvolutionKernel", "KVP"),
    *("Manufacturer", "ManufacturerModelName", "SeriesNumber"),
)
OF_A_STUDY = (
    *("StudyDate", "AcquisitionDate", "PatientSex", "PatientAge", "BodyPartExamined"),
    *("Manufacturer", "ManufacturerModelName"),
)

IMAGES: pa.Schema = pa.schema(
    {
        "key": pa.string(),
        **_WHOSE,
        "StudyInstanceUID": pa.string(),
        "SeriesInstanceUID": pa.string(),
        "SOPInstanceUID": pa.string(),
        "SOPClassUID": pa.string(),
        "TransferSyntaxUID": pa.string(),
        "type": pa.string(),
        "Modality": pa.string(),
        **_ATTRIBUTES,
        "size": pa.int64(),
        "etag": pa.string(),
        "upload_date": pa.string(),
    }
)

SERIES: pa.Schema = pa.schema(
    {
        **_WHOSE,
        "StudyInstanceUID": pa.string(),
        "SeriesInstanceUID": pa.string(),
        "type": pa.string(),
        "Modality": pa.string(),
        **{keyword: _ATTRIBUTES[keyword] for keyword in OF_A_SERIES},
        "images": pa.int64(),
        "bytes": pa.int64(),
    }
)

STUDIES: pa.Schema = pa.schema(
    {
        **_WHOSE,
        "StudyInstanceUID": pa.string(),
        "types": pa.list_(pa.string()),
        "ModalitiesInStudy": pa.list_(pa.string()),
        **{keyword: _ATTRIBUTES[keyword] for keyword in OF_A_STUDY},
        "series": pa.int64(),
        "images": pa.int64(),
        "bytes": pa.int64(),
    }
)

PATIENTS: pa.Schema = pa.schema(
    {
        **_WHOSE,
        "folder": pa.string(),
        "rule": pa.string(),
        "PatientSex": pa.string(),
        "types": pa.list_(pa.string()),
        "data_files": pa.int64(),
        "status_files": pa.int64(),
        "first_upload": pa.string(),
        "last_upload": pa.string(),
        "first_study": pa.string(),
        "last_study": pa.string(),
        "studies": pa.int64(),
        "series": pa.int64(),
        "images": pa.int64(),
        "bytes": pa.int64(),
    }
)

VIEWS: Mapping[str, pa.Schema] = {
    "patients": PATIENTS,
    "studies": STUDIES,
    "series": SERIES,
    "images": IMAGES,
}

_KINDS: Mapping[type[Raw], str] = {RawClinical: "clinical", RawImage: "image"}
_INT64 = range(-(2**63), 2**63)


def decision_row(outcome: Outcome, *, run: str, time: datetime, configuration: str) -> dict[str, Any]:
    """The row of `objects` that says what became of one object; `time` is aware, `configuration` a hash.

    What the outcome does not know is None. `site` is the site of this object's own file, which may differ
    from the site that settled its patient's group.
    """
    raw, info, assignment = outcome.raw, outcome.raw.info, outcome.assignment
    return {
        "key": info.key,
        "etag": info.etag,
        "size": info.size,
        "last_modified": info.last_modified,
        "kind": _KINDS.get(type(raw), "other"),
        "uploader": raw.uploader or None,
        "upload_date": raw.date or None,
        "sequence": raw.sequence,
        "outcome": outcome.decided.value,
        "reason": outcome.reason,
        "flags": list(outcome.flags),
        **_target_columns(outcome.target),
        **_assignment_columns(assignment),
        "site": _text(outcome.site),
        "patient": outcome.patient or (assignment.patient if assignment else None),
        **_image_columns(outcome.image),
        "configuration": configuration,
        "run": run,
        "time": time,
    }


def retry_row(again: Again, *, run: str, sequence: int, time: datetime, configuration: str) -> dict[str, Any]:
    """The row of `objects` that asks the next load for another look.

    It says whose the object is and nothing of what was found in it: the rows before it still tell.
    """
    return {
        "key": again.info.key,
        "etag": again.info.etag,
        "size": again.info.size,
        "last_modified": again.info.last_modified,
        "kind": again.kind,
        "uploader": again.uploader,
        "upload_date": again.upload_date,
        "sequence": sequence,
        "outcome": Decided.DEFERRED.value,
        "reason": "retry",
        "flags": [],
        "site": again.site,
        "patient": again.patient,
        "configuration": configuration,
        "run": run,
        "time": time,
    }


def to_arrow(name: str, rows: Iterable[Mapping[str, Any]]) -> pa.Table:
    """Rows of the table `name` as Arrow; a column that a row does not have is null in it.

    Raises ValueError for a column that the schema does not have (it would be lost), and for a value that
    its column cannot hold.
    """
    schema, listed = TABLES[name], list(rows)
    unknown = {column for row in listed for column in row} - set(schema.names)
    if unknown:
        raise ValueError(f"the table {name} has no columns {sorted(unknown)}")
    try:
        return pa.Table.from_pylist(listed, schema=schema)
    except (pa.ArrowException, TypeError, OverflowError, UnicodeEncodeError):
        # Arrow's own message quotes the value.
        raise ValueError(f"a row of the table {name} has a value that its column cannot hold") from None


def _target_columns(target: ObjectInfo | None) -> dict[str, Any]:
    if target is None:
        return {}
    return {"target_key": target.key, "target_etag": target.etag, "target_size": target.size}


def _assignment_columns(assignment: Assignment | None) -> dict[str, Any]:
    if assignment is None:
        return {}
    return {"group": assignment.group, "rule": assignment.rule, "folder": assignment.folder}


def _image_columns(image: ImageFacts | None) -> dict[str, Any]:
    if image is None:
        return {}
    return {
        "dropped": image.dropped,
        "StudyInstanceUID": image.study_uid,
        "SeriesInstanceUID": image.series_uid,
        "SOPInstanceUID": image.sop_uid,
        "SOPClassUID": _text(image.sop_class),
        "TransferSyntaxUID": _text(image.transfer_syntax),
        "Modality": _text(image.modality),
        "type": image.type,
        **{
            keyword: _scalar(image.attributes.get(keyword), kind)
            for keyword, kind in ATTRIBUTE_COLUMNS.items()
        },
    }


def _scalar(value: Scalar, kind: type) -> Scalar:
    """A header's value if its column can hold it: one odd value must not cost the whole commit."""
    if kind is str:
        return _text(value) if isinstance(value, str) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if kind is float:
        return float(value) if isinstance(value, float) or value in _INT64 else None
    return value if isinstance(value, int) and value in _INT64 else None


def _text(value: str | None) -> str | None:
    """Text that UTF-8 can hold: lone surrogates, left by a lenient decoder, are replaced."""
    return None if value is None else value.encode("utf-8", "replace").decode("utf-8")
