"""Inventories for tests, as S3 writes them: of any objects, in any of the forms that it has."""

from __future__ import annotations

import csv
import gzip
import io
import json
from datetime import UTC, datetime
from urllib.parse import quote_plus

import pyarrow as pa
import pyarrow.parquet as pq

TAKEN = datetime(2024, 2, 29, 1, 0, tzinfo=UTC)
COLUMNS = ("Bucket", "Key", "Size", "LastModifiedDate", "ETag", "StorageClass")
PARQUET = {
    "Bucket": ("bucket", pa.string()),
    "Key": ("key", pa.string()),
    "VersionId": ("version_id", pa.string()),
    "IsLatest": ("is_latest", pa.bool_()),
    "IsDeleteMarker": ("is_delete_marker", pa.bool_()),
    "Size": ("size", pa.int64()),
    "LastModifiedDate": ("last_modified_date", pa.timestamp("ms")),
    "ETag": ("e_tag", pa.string()),
    "StorageClass": ("storage_class", pa.string()),
}


def inventory_of(bucket, objects, *, form="csv", **how):
    """The files of an inventory of `objects`, as (key, bytes): its `symlink.txt` comes last."""
    row = csv_row if form == "csv" else parquet_row
    columns = how.get("columns", COLUMNS)
    rows = [row(bucket, info, columns) for info in objects]
    return inventory_from(bucket, rows, form=form, **how)


def inventory_from(
    bucket, rows, *, taken=TAKEN, columns=COLUMNS, form="csv", manifest="aws", parts=1, schema=None
):
    """The same of rows that are given."""
    write, suffix = (csv_file, "csv.gz") if form == "csv" else (parquet_file, "parquet")
    base, dt = f"{bucket}/daily-full-inventory", f"{taken:%Y-%m-%d-%H-%M}"
    names = [f"{base}/data/{dt}-{number}.{suffix}" for number in range(parts)]
    files = {name: write(rows[number::parts], columns) for number, name in enumerate(names)}
    places = {
        "aws": f"{base}/{taken:%Y-%m-%dT%H-%MZ}/manifest.json",
        "beside": f"{base}/hive/dt={dt}/manifest.json",
    }
    if manifest is not None:
        files[places[manifest]] = json.dumps(
            {
                "sourceBucket": bucket,
                "destinationBucket": f"arn:aws:s3:::{bucket}-inventory",
                "version": "2016-11-30",
                "fileFormat": "CSV" if form == "csv" else "Parquet",
                "fileSchema": schema or ", ".join(columns),
                "files": [{"key": name, "size": len(files[name])} for name in names],
            }
        ).encode()
    lines = [f"s3://{bucket}-inventory/{name}\n" for name in names]
    return [*files.items(), (f"{base}/hive/dt={dt}/symlink.txt", "\n".join(lines).encode())]


def cells(bucket, info):
    return {
        "Bucket": bucket,
        "Key": info.key,
        "Size": info.size,
        "LastModifiedDate": info.last_modified,
        "ETag": info.etag,
        "StorageClass": "GLACIER" if info.archived else "STANDARD",
        "VersionId": "v1",
        "IsLatest": True,
        "IsDeleteMarker": False,
    }


def csv_row(bucket, info, columns=COLUMNS, **other):
    found = {**cells(bucket, info), **other}
    moment = found["LastModifiedDate"].strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
    texts = {
        **{name: str(value).lower() if isinstance(value, bool) else value for name, value in found.items()},
        "Key": quote_plus(found["Key"], safe="/"),
        "LastModifiedDate": moment,
    }
    return [texts[name] for name in columns]


def parquet_row(bucket, info, columns=COLUMNS, **other):
    found = {**cells(bucket, info), **other}
    moment = found["LastModifiedDate"]
    found["LastModifiedDate"] = moment.replace(tzinfo=None, microsecond=moment.microsecond // 1000 * 1000)
    return [found[name] for name in columns]


def csv_text(rows):
    text = io.StringIO(newline="")
    csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


def csv_file(rows, columns=COLUMNS):
    return gzip.compress(csv_text(rows), mtime=0)


def parquet_file(rows, columns=COLUMNS):
    named = [PARQUET[name] for name in columns]
    table = pa.table(
        [pa.array([row[place] for row in rows], kind) for place, (_, kind) in enumerate(named)],
        names=[name for name, _ in named],
    )
    written = io.BytesIO()
    pq.write_table(table, written)
    return written.getvalue()
