"""Delta tables that stand side by side in one folder of a bucket: every version kept, one commit at a time.

A reader sees a table as its last whole commit left it, whoever is writing; a commit that was cut short leaves
nothing that a reader could see.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import orjson
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.fs as fs
from deltalake import (
    CommitProperties,
    DeltaTable,
    PostCommitHookProperties,
    WriterProperties,
    write_deltalake,
)
from deltalake.exceptions import CommitFailedError, TableNotFoundError

from warehouse.errors import StoreUnavailable
from warehouse.storage.catalog_errors import OPERATION, translated

Options = Mapping[str, str]

# Every version stays readable and citable: nothing is vacuumed, and the log is never cleaned.
KEEP_THE_LOG: Mapping[str, str | None] = {"delta.enableExpiredLogCleanup": "false"}

# delta-rs commits again by itself where others only added rows, but gives up where they made the table or
# added a column meanwhile; then it has to be opened anew.
COMMIT_RETRIES = 100
REOPENINGS = 10

# A row group is held until it is whole; it is also the least that a reader decodes.
ROW_GROUP = 65_536

# Folders whose names delta-rs decodes twice, or refuses: it turns paths into URLs and back.
_UNUSABLE = re.compile(r"%[0-9A-Fa-f]{2}|[\[\]\\^|\x00-\x1f\x7f]")

_UNFIT = (
    "the folder's path holds % before two hexadecimal digits, or one of [ ] \\ ^ |, which the catalog's "
    "tables cannot stand under: rename it"
)
_LINKED = "the catalog is a symbolic link: put a folder in its place"


@dataclass(frozen=True, slots=True)
class Edition:
    """One version of a table, as its commit tells of it: `time` is the writer's, `remarks` what it added."""

    version: int
    time: datetime
    remarks: Mapping[str, str]


class DeltaTables:
    """The tables `<location>/<folder>/<name>`, each made by its first commit.

    `location` is `s3://bucket`, `file:///folder` or a folder's path; `folder` is `/`-separated. `options` is
    asked before each commit and each opening, so that credentials are fresh: AWS_ACCESS_KEY_ID,
    AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_REGION, AWS_ENDPOINT_URL, AWS_ALLOW_HTTP. Makes no request
    before it is used. Raises StoreError.
    """

    def __init__(self, location: str, folder: str, options: Callable[[], Options] = dict) -> None:
        self._on_s3 = location.startswith("s3://")
        self._location = location.rstrip("/") if self._on_s3 else _path(location)
        self._folder = folder
        self._options = options

    def open(self, name: str, version: int | None = None) -> DeltaTable | None:
        """The table at a version, the newest if None; None where no table stands."""
        options = self._options()
        with translated():
            uri = self._uri(name)
            if not self._on_s3 and not _has_log(uri):
                return None
            try:
                return DeltaTable(uri, version=version, storage_options=self._delta_options(options))
            except TableNotFoundError:
                return None

    def rows(self, name: str, table: DeltaTable) -> ds.Dataset:
        """What an opened table holds, not yet read."""
        options = self._options()
        with translated():
            return table.to_pyarrow_dataset(filesystem=self._files(name, options))

    def edition(self, name: str, version: int) -> Edition:
        """What the commit of a version tells (Delta protocol, "Commit Provenance Information").

        It is read by Arrow: delta-rs would hold the interpreter's lock meanwhile.
        """
        files = self._files(name, self._options())
        with translated(), files.open_input_stream(f"_delta_log/{version:020}.json") as stream:
            actions = [orjson.loads(line) for line in stream.read().splitlines()]
        remarks = next(action["commitInfo"] for action in actions if "commitInfo" in action)
        return Edition(
            version,
            datetime.fromtimestamp(remarks["timestamp"] / 1000, UTC),
            {name: value for name, value in remarks.items() if isinstance(value, str)},
        )

    def newest(self, name: str, table: DeltaTable, wanted: Callable[[Edition], bool]) -> Edition | None:
        """The newest version that is wanted, where older ones are wanted too and newer ones are not."""
        found, first, beyond = None, 0, table.version() + 1
        while first < beyond:
            middle = (first + beyond) // 2
            edition = self.edition(name, middle)
            if wanted(edition):
                found, first = edition, middle + 1
            else:
                beyond = middle
        return found

    def append(self, name: str, rows: pa.Table, configuration: Mapping[str, str | None]) -> None:
        """Add rows in one commit, whoever else does so; `configuration` is for a table that is made by it."""
        options = self._options()
        with translated():
            for _ in range(REOPENINGS):
                try:
                    return self._write(
                        name, rows, options, mode="append", schema_mode="merge", configuration=configuration
                    )
                except CommitFailedError as error:
                    refused = error
            raise refused

    def replace(self, name: str, rows: pa.RecordBatchReader, remarks: Mapping[str, str]) -> bool:
        """Commit a version that holds these rows and no other; False where somebody else came first.

        It is tried once: delta-rs would commit again what it takes for an addition, where the version before
        held nothing, and both would stand in the table.
        """
        options = self._options()
        with translated():
            try:
                self._write(
                    name,
                    rows,
                    options,
                    mode="overwrite",
                    schema_mode="overwrite",
                    configuration=KEEP_THE_LOG,
                    remarks=remarks,
                    retries=0,
                )
            except CommitFailedError:
                return False
        return True

    def _write(
        self,
        name: str,
        rows: pa.Table | pa.RecordBatchReader,
        options: Options,
        *,
        remarks: Mapping[str, str] | None = None,
        retries: int = COMMIT_RETRIES,
        **how: Any,
    ) -> None:
        write_deltalake(
            self._uri(name),
            rows,
            storage_options=self._delta_options(options),
            commit_properties=CommitProperties(
                custom_metadata=dict(remarks or {}), max_commit_retries=retries
            ),
            post_commithook_properties=PostCommitHookProperties(cleanup_expired_logs=False),
            writer_properties=WriterProperties(compression="ZSTD", max_row_group_size=ROW_GROUP),
            **how,
        )

    def _uri(self, name: str) -> str:
        if self._on_s3:
            return f"{self._location}/{self._folder}/{name}"
        if _UNUSABLE.search(os.path.realpath(self._location)):
            raise StoreUnavailable(OPERATION, cause=_UNFIT)
        path = self._location
        for segment in (*self._folder.split("/"), name):
            path = os.path.join(path, segment)
            if os.path.islink(path):
                raise StoreUnavailable(OPERATION, cause=_LINKED)
        return path

    def _delta_options(self, options: Options) -> dict[str, str] | None:
        return {"aws_conditional_put": "etag", **options} if self._on_s3 else None

    def _files(self, name: str, options: Options) -> fs.FileSystem:
        """The table's files, read by Arrow itself: its threads must not wait for the interpreter's lock,
        which at the end of the process would abort it."""
        if not self._on_s3:
            return fs.SubTreeFileSystem(self._uri(name), fs.LocalFileSystem())
        given = {key.lower().removeprefix("aws_"): value for key, value in options.items()}
        endpoint = urlsplit(given.get("endpoint_url") or given.get("endpoint") or "")
        s3 = fs.S3FileSystem(
            access_key=given.get("access_key_id"),
            secret_key=given.get("secret_access_key"),
            session_token=given.get("session_token"),
            region=given.get("region"),
            endpoint_override=endpoint.netloc or None,
            scheme=endpoint.scheme or "https",
        )
        return fs.SubTreeFileSystem(self._uri(name).removeprefix("s3://"), s3)


def _path(location: str) -> str:
    path = unquote(urlsplit(location).path) if location.startswith("file://") else location
    return os.path.abspath(path)


def _has_log(table: str) -> bool:
    """Tell whether a table stands in a folder; a folder that may not be read is an error, not an absence."""
    with translated():
        try:
            return any(os.scandir(Path(table, "_delta_log")))
        except FileNotFoundError:
            return False
