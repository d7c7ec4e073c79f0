"""Delta tables that stand side by side in one folder of a bucket: every version kept, one commit at a time.

A reader sees a table as its last whole commit left it, whoever is writing; a commit that was cut short leaves
nothing that a reader could see.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import obstore
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
from obstore.exceptions import AlreadyExistsError
from obstore.store import LocalStore, ObjectStore, S3Store

from warehouse.domain.compaction import DataFile
from warehouse.errors import StoreUnavailable
from warehouse.storage import compaction
from warehouse.storage.catalog_errors import OPERATION, translated

if TYPE_CHECKING:
    from obstore.store import S3Config

Options = Mapping[str, str]

# Whoever opens or commits reads the entries behind the last checkpoint one by one: on S3 each is a request.
CHECKPOINT_COMMITS = 10

# Every version stays readable and citable: nothing is vacuumed, and the log is never cleaned.
LOG: Mapping[str, str | None] = {
    "delta.enableExpiredLogCleanup": "false",
    "delta.checkpointInterval": f"{CHECKPOINT_COMMITS}",
}

# delta-rs commits again by itself where others only added rows, but gives up where they made the table or
# added a column meanwhile; then it has to be opened anew.
COMMIT_RETRIES = 100
REOPENINGS = 10

# Folders whose names delta-rs decodes twice, or refuses: it turns paths into URLs and back.
_UNUSABLE = re.compile(r"%[0-9A-Fa-f]{2}|[\[\]\\^|\x00-\x1f\x7f]")

_UNFIT = (
    "the folder's path holds % before two hexadecimal digits, or one of [ ] \\ ^ |, which the catalog's "
    "tables cannot stand under: rename it"
)
_LINKED = "the catalog is a symbolic link: put a folder in its place"
_NO_FOLDER = "{} is no folder, so that no catalog can stand there: put it aside, run again"


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

    def require_place(self) -> None:
        """Raise StoreUnavailable where the tables cannot stand, since something else does."""
        if not self._on_s3:
            self._below(*self._folder.split("/"))

    def open(self, name: str, version: int | None = None) -> DeltaTable | None:
        """The table at a version, the newest if None; None where no table stands."""
        options = self._options()
        with self._reading():
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
        with self._reading():
            rows = table.to_pyarrow_dataset(filesystem=self._files(name, options))
            return _sized(rows, table) if self._on_s3 else rows

    def edition(self, name: str, version: int) -> Edition:
        """What the commit of a version tells (Delta protocol, "Commit Provenance Information")."""
        actions = self._actions(name, version)
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
        with self._writing():
            for _ in range(REOPENINGS):
                try:
                    return self._write(
                        name, rows, options, mode="append", schema_mode="merge", configuration=configuration
                    )
                except CommitFailedError as error:
                    refused = error
            raise refused

    def make(
        self,
        name: str,
        rows: pa.RecordBatchReader,
        configuration: Mapping[str, str | None],
        remarks: Mapping[str, str],
    ) -> bool:
        """Make a table of these rows in its first commit; False where one stands already."""
        if self.open(name) is not None:
            return False
        options = self._options()
        with self._writing():
            try:
                self._write(
                    name,
                    rows,
                    options,
                    mode="error",
                    configuration=configuration,
                    remarks=remarks,
                    retries=0,
                )
            except CommitFailedError:
                return False
        return True

    def replace(self, name: str, rows: pa.RecordBatchReader, remarks: Mapping[str, str]) -> bool:
        """Commit a version that holds these rows and no other; False where somebody else came first.

        It is tried once: delta-rs would commit again what it takes for an addition, where the version before
        held nothing, and both would stand in the table.
        """
        options = self._options()
        with self._writing():
            try:
                self._write(
                    name,
                    rows,
                    options,
                    mode="overwrite",
                    schema_mode="overwrite",
                    configuration=LOG,
                    remarks=remarks,
                    retries=0,
                )
            except CommitFailedError:
                return False
        return True

    def compact(self, name: str) -> bool:
        """Put a table's many small files together, in one commit that changes no row.

        False where it is not worth while, and where somebody else did more than adding rows meanwhile: then
        nothing is changed. Bounded in memory, whatever the table holds.
        """
        table = self.open(name)
        groups = [] if table is None else compaction.groups_of(table)
        if table is None or not groups:
            return False
        files = self._files(name, self._options())
        with self._writing():
            rows = table.to_pyarrow_dataset(filesystem=files)
            added = [compaction.rewrite(rows, group, files) for group in groups]
            self._keep(name, [str(action["path"]) for action in added])
        if not self._commit_rewritten(name, table.version(), groups, added):
            return False
        newest = self.open(name)
        if newest is not None:
            with self._writing():
                newest.create_checkpoint()
        return True

    def _commit_rewritten(
        self,
        name: str,
        read: int,
        groups: Sequence[Sequence[DataFile]],
        added: Sequence[compaction.Action],
    ) -> bool:
        for version in range(read + 1, read + 1 + COMMIT_RETRIES):
            with self._writing():
                try:
                    entry = compaction.entry(read, groups, added)
                    obstore.put(self._store(name), _log_entry(version), entry, mode="create")
                    return True
                except AlreadyExistsError:
                    pass
            if not compaction.only_adds(self._actions(name, version)):
                return False
        return False

    def _actions(self, name: str, version: int) -> list[dict[str, Any]]:
        """What the commit of a version did.

        It is read by Arrow: delta-rs would hold the interpreter's lock meanwhile.
        """
        files = self._files(name, self._options())
        with self._reading(), files.open_input_stream(_log_entry(version)) as stream:
            return [orjson.loads(line) for line in stream.read().splitlines()]

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
        uri = self._uri(name)
        if not self._on_s3:
            _require_writable(uri)
        write_deltalake(
            uri,
            rows,
            storage_options=self._delta_options(options),
            commit_properties=CommitProperties(
                custom_metadata=dict(remarks or {}), max_commit_retries=retries
            ),
            post_commithook_properties=PostCommitHookProperties(cleanup_expired_logs=False),
            writer_properties=WriterProperties(compression="ZSTD", max_row_group_size=compaction.ROW_GROUP),
            **how,
        )

    def _store(self, name: str) -> ObjectStore:
        """The table's folder as a store that can create an object only where none stands."""
        if not self._on_s3:
            return LocalStore(self._uri(name))
        options = {key.lower(): value for key, value in self._options().items()}
        endpoint = options.get("aws_endpoint_url")
        config: S3Config = {
            "access_key_id": options["aws_access_key_id"],
            "secret_access_key": options["aws_secret_access_key"],
            "region": options["aws_region"],
        }
        if token := options.get("aws_session_token"):
            config["session_token"] = token
        if endpoint := options.get("aws_endpoint_url"):
            config |= {"endpoint": endpoint, "aws_endpoint_url_s3": endpoint}
        allowed = options.get("aws_allow_http") == "true"
        bucket, _, prefix = self._uri(name).removeprefix("s3://").partition("/")
        return S3Store(bucket, prefix=prefix, config=config, client_options={"allow_http": allowed})

    def _reading(self) -> AbstractContextManager[None]:
        return translated(f"listing and reading under {self._folder}/ must be allowed")

    def _writing(self) -> AbstractContextManager[None]:
        return translated(f"listing, reading and writing under {self._folder}/ must be allowed")

    def _keep(self, name: str, paths: Sequence[str]) -> None:
        """See new files on the disk: what is committed next takes others out of sight."""
        if self._on_s3:
            return
        for path in paths:
            descriptor = os.open(os.path.join(self._uri(name), path), os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def _uri(self, name: str) -> str:
        if self._on_s3:
            return f"{self._location}/{self._folder}/{name}"
        if _UNUSABLE.search(os.path.realpath(self._location)):
            raise StoreUnavailable(OPERATION, cause=_UNFIT)
        return self._below(*self._folder.split("/"), name)

    def _below(self, *segments: str) -> str:
        """A path in the folder, each part of which is a folder or not there. Raises StoreUnavailable."""
        for count in range(1, len(segments) + 1):
            path = os.path.join(self._location, *segments[:count])
            if os.path.islink(path):
                raise StoreUnavailable(OPERATION, cause=_LINKED)
            if os.path.exists(path) and not os.path.isdir(path):
                raise StoreUnavailable(OPERATION, cause=_NO_FOLDER.format("/".join(segments[:count])))
        return os.path.join(self._location, *segments)

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


def _sized(rows: ds.FileSystemDataset, table: DeltaTable) -> ds.FileSystemDataset:
    """The same files with their sizes, as the log tells them: nobody has to ask for them (S3: HeadObject)."""
    added = pa.table(table.get_add_actions())
    sizes = dict(zip(added["path"].to_pylist(), added["size_bytes"].to_pylist(), strict=True))
    files = [
        rows.format.make_fragment(
            file.path, rows.filesystem, file.partition_expression, file_size=sizes.get(file.path)
        )
        for file in rows.get_fragments()
    ]
    return ds.FileSystemDataset(files, rows.schema, rows.format, rows.filesystem)


def _path(location: str) -> str:
    path = unquote(urlsplit(location).path) if location.startswith("file://") else location
    return os.path.abspath(path)


def _log_entry(version: int) -> str:
    return f"_delta_log/{version:020}.json"


def _require_writable(table: str) -> None:
    """Refuse what delta-rs would try in vain, and then panic of on standard error. Raises PermissionError."""
    for path in (table, os.path.join(table, "_delta_log")):
        while not os.path.lexists(path):
            path = os.path.dirname(path)
        if os.path.isdir(path) and not os.access(path, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def _has_log(table: str) -> bool:
    """Tell whether a table stands in a folder; a folder that may not be read is an error, not an absence."""
    try:
        return any(os.scandir(Path(table, "_delta_log")))
    except FileNotFoundError:
        return False
