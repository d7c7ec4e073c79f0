"""Many small files of a Delta table become few large ones, in one commit that changes no row.

delta-rs has a compaction of its own. Of two that it runs at a time, both are committed, and every row stands
twice. So the commit is made here: a create-only write of the log's next entry, tried again only past entries
that did nothing but add files. The old files stay, and so do the versions that name them.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.fs as fs
import pyarrow.parquet as pq
from deltalake import DeltaTable

from warehouse import __version__
from warehouse.domain.compaction import DataFile, to_put_together
from warehouse.storage.catalog_work import scan

# A row group is held until it is whole; it is also the least that a reader decodes.
ROW_GROUP = 65_536

Action = Mapping[str, Any]

# Delta protocol, "Valid Feature Names in Table Features": the versions without any feature that a commit of
# ours would have to heed. Whoever gave the table a later one compacts it himself.
_READER, _WRITER = 1, 2

# In the log, paths are URL-encoded: those that any encoding leaves as they are.
_PLAIN = re.compile(r"[A-Za-z0-9_.-]+")

# What a commit may do that takes nothing away from under this one.
_ADDING = frozenset({"commitInfo", "add", "txn"})


def groups_of(table: DeltaTable) -> list[list[DataFile]]:
    """The files to put together, oldest first; empty where it is not worth while, or not ours to do."""
    protocol, metadata = table.protocol(), table.metadata()
    if protocol.min_reader_version > _READER or protocol.min_writer_version > _WRITER:
        return []
    if metadata.partition_columns:
        return []
    added = pa.table(table.get_add_actions()).select(["path", "size_bytes", "modification_time"])
    rows = sorted(added.to_pylist(), key=lambda row: (row["modification_time"], row["path"]))
    return to_put_together(
        DataFile(row["path"], row["size_bytes"]) for row in rows if _PLAIN.fullmatch(row["path"])
    )


def rewrite(dataset: ds.FileSystemDataset, group: Sequence[DataFile], files: fs.FileSystem) -> Action:
    """Write one file with the rows of a group, a row group in memory at a time; its `add` action.

    Nobody sees the file before it is committed.
    """
    paths = {file.path for file in group}
    fragments = [fragment for fragment in dataset.get_fragments() if fragment.path in paths]
    rows = scan(ds.FileSystemDataset(fragments, dataset.schema, dataset.format, files), dataset.schema.names)
    path = f"part-00000-{uuid.uuid4()}-c000.zstd.parquet"
    count = 0
    with (
        files.open_output_stream(path) as stream,
        pq.ParquetWriter(stream, rows.schema, compression="zstd") as writer,
    ):
        for table in _row_groups(rows):
            writer.write_table(table, row_group_size=ROW_GROUP)
            count += table.num_rows
    return {
        "path": path,
        "partitionValues": {},
        "size": files.get_file_info(path).size,
        "modificationTime": _now(),
        "dataChange": False,
        "stats": orjson.dumps({"numRecords": count}).decode(),
    }


def entry(read: int, groups: Iterable[Sequence[DataFile]], added: Sequence[Action]) -> bytes:
    """The log's entry: the `added` files in the place of the groups' (Delta protocol, "Actions").

    `read` is the version whose files they are.
    """
    now = _now()
    removed = [file for group in groups for file in group]
    told = {
        "timestamp": now,
        "operation": "OPTIMIZE",
        "operationParameters": {"predicate": "[]"},
        "readVersion": read,
        "isBlindAppend": False,
        "engineInfo": f"warehouse {__version__}",
        "operationMetrics": {"numFilesRemoved": len(removed), "numFilesAdded": len(added)},
    }
    actions = [
        {"commitInfo": told},
        *({"remove": _removal(file, now)} for file in removed),
        *({"add": action} for action in added),
    ]
    return b"\n".join(map(orjson.dumps, actions))


def only_adds(actions: Iterable[Action]) -> bool:
    """Whether a commit left every file and the table's definition as they were."""
    return all(_ADDING.issuperset(action) for action in actions)


def _removal(file: DataFile, now: int) -> Action:
    return {
        "path": file.path,
        "deletionTimestamp": now,
        "dataChange": False,
        "extendedFileMetadata": True,
        "partitionValues": {},
        "size": file.size,
    }


def _row_groups(rows: pa.RecordBatchReader) -> Iterator[pa.Table]:
    """The rows of a stream in tables of a whole row group, and a last one with what is left."""
    held: list[pa.RecordBatch] = []
    count = 0
    for batch in rows:
        held.append(batch)
        count += batch.num_rows
        if count >= ROW_GROUP:
            table = pa.Table.from_batches(held)
            whole = count - count % ROW_GROUP
            yield table.slice(0, whole)
            held, count = table.slice(whole).to_batches(), count % ROW_GROUP
    if count:
        yield pa.Table.from_batches(held, rows.schema)


def _now() -> int:
    """Milliseconds since 1970, as the log has them."""
    return int(datetime.now(UTC).timestamp() * 1000)
