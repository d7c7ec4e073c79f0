"""Where summary tables go: an archive for each run, never changed, and `latest.csv`, which names the newest.

`latest.csv` is the one object anywhere that is replaced in place. Only `replace_latest` does so, and it can
name no other. It is replaced last, so that what it names is there.
"""

from __future__ import annotations

import csv
import io
import os
import shutil
from pathlib import Path
from typing import Protocol

from warehouse.domain.records import ObjectInfo
from warehouse.errors import SettingsError, StoreUnavailable
from warehouse.storage.folder import FolderStore
from warehouse.storage.folder_paths import folder, unusable
from warehouse.storage.local_files import whole_file
from warehouse.storage.s3 import S3Store
from warehouse.storage.table_files import LINE_END, TableFile
from warehouse.storage.translate import of_os

LATEST = "latest.csv"

BLOCK = 8 * 1024 * 1024


class Processed(Protocol):
    """A place for tables."""

    @property
    def location(self) -> str: ...

    def add_file(self, key: str, file: Path) -> None:
        """Put a whole file there under a key. Raises AlreadyExists where the place keeps archives."""
        ...

    def replace_latest(self, data: bytes) -> None:
        """Replace `latest.csv`: a reader sees the old bytes or the new ones, and never none."""
        ...

    def check(self) -> None:
        """Look whether it can be used. Raises StoreUnavailable, SettingsError."""
        ...

    def close(self) -> None:
        """Give back what is held; idempotent."""
        ...


class S3Processed(S3Store):
    """The bucket of the tables. A file of more than 5 GB is refused, as PutObject takes no more."""

    def add_file(self, key: str, file: Path) -> None:
        self._requests.put_file("create", key, file, lambda: self._if_same(key, file))

    def replace_latest(self, data: bytes) -> None:
        self._requests.ask("create", LATEST, "put_object", {"Key": LATEST, "Body": data})

    def _if_same(self, key: str, file: Path) -> ObjectInfo | None:
        """What stands at the key, if it is this file: the answer to an earlier attempt was lost."""
        found = self.head(key)
        with file.open("rb") as stream:
            for start in range(0, max(found.size, 1), BLOCK):
                if stream.read(BLOCK) != self.read(key, start=start, length=BLOCK, etag=found.etag).data:
                    return None
            return None if stream.read(1) else found


class FolderProcessed(FolderStore):
    """The folder of the tables, beside that of the warehouse; made where it is missing.

    What is made can be read by its owner only, as tables hold pseudonyms and clinical fields.
    """

    _file_mode = 0o600
    _folder_mode = 0o700

    def check(self) -> None:
        try:
            self._root.mkdir(self._folder_mode, exist_ok=True)
        except OSError as error:
            raise StoreUnavailable("check", cause=unusable(error)) from None
        super().check()

    def add_file(self, key: str, file: Path) -> None:
        with file.open("rb") as source:

            def fill(descriptor: int) -> None:
                with os.fdopen(os.dup(descriptor), "wb") as target:
                    shutil.copyfileobj(source, target)

            self._place("create", key, fill)

    def replace_latest(self, data: bytes) -> None:
        try:
            with self._scratch() as (area, name, descriptor), folder(self._root, ()) as root:
                with os.fdopen(os.dup(descriptor), "wb") as target:
                    target.write(data)
                os.fsync(descriptor)
                os.rename(name, LATEST, src_dir_fd=area, dst_dir_fd=root)
                os.fsync(root)
        except OSError as error:
            raise of_os("create", LATEST, error) from None


class LocalTables:
    """A folder of one's own, whose files are those of the last run."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @property
    def location(self) -> str:
        return str(self._root)

    def check(self) -> None:
        try:
            self._root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SettingsError(f"the folder for the tables cannot be made: {error.strerror}") from None

    def add_file(self, key: str, file: Path) -> None:
        with whole_file(self._root / key) as target, file.open("rb") as source:
            shutil.copyfileobj(source, target)

    def replace_latest(self, data: bytes) -> None:
        with whole_file(self._root / LATEST) as target:
            target.write(data)

    def close(self) -> None:
        """Nothing is held."""


class Archive:
    """The tables of one run on their way to where they are read. `name` is the archive's, empty for none."""

    def __init__(self, place: Processed, name: str = "") -> None:
        self._place = place
        self._prefix = f"{name}/" if name else ""
        self._tables: list[TableFile] = []
        self._current = False

    def add(self, table: TableFile) -> None:
        """Put a finished table into the archive, as CSV and as Parquet."""
        for file in (table.parquet, table.csv):
            self._place.add_file(self._prefix + file.name, file)
        self._tables.append(table)

    def make_latest(self) -> None:
        """Let `latest.csv` name the tables: a row for each, `archive,path`, the path of its CSV file."""
        text = io.StringIO(newline="")
        rows = csv.writer(text, lineterminator=LINE_END)
        rows.writerow(("archive", "path"))
        rows.writerows((table.name, self._prefix + table.csv.name) for table in self._tables)
        self._place.replace_latest(text.getvalue().encode())
        self._current = True

    def summary(self) -> str:
        """Where the tables are, and how many rows they have, for a person."""
        if not self._tables:
            return ""
        where = f"{self._place.location.rstrip('/')}/{self._prefix}"
        named = "names them" if self._current else "was left as it was: the tables are not complete"
        return "\n".join(
            [
                f"{len(self._tables)} tables in {where}",
                *(f"  {table.rows:>9}  {table.name}" for table in self._tables),
                f"{LATEST} {named}",
            ]
        )

    def notice(self) -> str:
        """Where the tables are, if nothing else tells: what even a quiet run says."""
        return "" if self._prefix else "".join(self.summary().splitlines()[:1])

    def report(self) -> dict[str, object]:
        """The same, for a program."""
        rows = {table.name: table.rows for table in self._tables}
        return {"archive": self._prefix.rstrip("/"), "rows": rows, "latest": self._current}
