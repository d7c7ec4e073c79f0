"""The catalog as Delta tables, on S3 or in a folder: append-only, every version kept, one commit at a time.

A reader sees the table as its last whole commit left it, whoever is writing; a commit that was cut short
leaves nothing that a reader could see.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pyarrow as pa
import pyarrow.fs as fs
from deltalake import CommitProperties, DeltaTable, PostCommitHookProperties, write_deltalake
from deltalake.exceptions import CommitFailedError, TableNotFoundError

from warehouse.errors import StoreUnavailable
from warehouse.storage.catalog_errors import OPERATION, translated
from warehouse.storage.catalog_sql import SqlCatalog
from warehouse.storage.catalog_work import Source

Options = Mapping[str, str]

# Every version stays readable and citable: nothing is vacuumed, and the log is never cleaned.
CONFIGURATION: Mapping[str, str | None] = {
    "delta.appendOnly": "true",
    "delta.enableExpiredLogCleanup": "false",
}

# delta-rs commits again by itself where others only added rows, but gives up where they made the table or
# added a column meanwhile; then it has to be opened anew.
COMMIT_RETRIES = 100
REOPENINGS = 10

# Folders whose names delta-rs decodes twice, or refuses: it turns paths into URLs and back.
_UNUSABLE = re.compile(r"%[0-9A-Fa-f]{2}|[\[\]\\^|\x00-\x1f\x7f]")


class DeltaCatalog(SqlCatalog):
    """The tables `<location>/catalog/objects` and `<location>/catalog/runs`, made by the first commit.

    `location` is `s3://bucket`, `file:///folder` or a folder's path. `storage_options` is asked before each
    commit and each question, so that credentials are fresh: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY,
    AWS_SESSION_TOKEN, AWS_REGION, AWS_ENDPOINT_URL, AWS_ALLOW_HTTP. Makes no request before it is used.
    """

    def __init__(self, location: str, storage_options: Callable[[], Options] = dict) -> None:
        self._location = location.rstrip("/") if location.startswith("s3://") else _folder(location)
        self._on_s3 = location.startswith("s3://")
        self._options = storage_options
        self._lock = threading.Lock()

    def sources(self, name: str) -> Sequence[Source]:
        options = self._options()
        with translated():
            table = self._open(name, options)
            if table is None:
                return ()
            return [table.to_pyarrow_dataset(filesystem=self._files(name, options))]

    def version(self) -> int | None:
        options = self._options()
        with translated():
            table = self._open("objects", options)
            return None if table is None else table.version()

    def close(self) -> None:
        """Nothing is held between calls."""

    def _commit(self, name: str, rows: pa.Table) -> None:
        """Add rows in one commit. This process's threads take turns; other processes are raced."""
        options = self._options()
        with self._lock, translated():
            for _ in range(REOPENINGS):
                try:
                    return self._write(name, rows, options)
                except CommitFailedError as error:
                    refused = error
            raise refused

    def _write(self, name: str, rows: pa.Table, options: Options) -> None:
        write_deltalake(
            self._uri(name),
            rows,
            mode="append",
            schema_mode="merge",
            configuration=CONFIGURATION,
            storage_options=self._delta_options(options),
            commit_properties=CommitProperties(max_commit_retries=COMMIT_RETRIES),
            post_commithook_properties=PostCommitHookProperties(cleanup_expired_logs=False),
        )

    def _open(self, name: str, options: Options) -> DeltaTable | None:
        if not self._on_s3 and not _has_log(self._uri(name)):
            return None
        try:
            return DeltaTable(self._uri(name), storage_options=self._delta_options(options))
        except TableNotFoundError:
            return None

    def _uri(self, name: str) -> str:
        if not self._on_s3 and _UNUSABLE.search(os.path.realpath(self._location)):
            raise StoreUnavailable(
                OPERATION,
                cause="the folder's path holds % before two hexadecimal digits, or one of [ ] \\ ^ |, "
                "which the catalog's tables cannot stand under: rename it",
            )
        if not self._on_s3 and any(
            os.path.islink(os.path.join(self._location, *below)) for below in (["catalog"], ["catalog", name])
        ):
            raise StoreUnavailable(
                OPERATION, cause="the catalog is a symbolic link: put a folder in its place"
            )
        return f"{self._location}/catalog/{name}"

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


def _folder(location: str) -> str:
    path = unquote(urlsplit(location).path) if location.startswith("file://") else location
    return os.path.abspath(path)


def _has_log(table: str) -> bool:
    """Tell whether a table stands in a folder; a folder that may not be read is an error, not an absence."""
    with translated():
        try:
            return any(os.scandir(Path(table, "_delta_log")))
        except FileNotFoundError:
            return False
