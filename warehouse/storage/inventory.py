"""An S3 Inventory, read a piece at a time from where it stands, however many objects it names.

Whatever is wrong with it is an InventoryError, before anything is decided: a part of an inventory is never
taken for the whole. A fault that passes stays a StoreFault.
"""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from warehouse.domain import inventory
from warehouse.domain.records import ObjectInfo
from warehouse.errors import InventoryError, NotFound, StoreError, StoreFault
from warehouse.storage.counting import CountingStore
from warehouse.storage.store import Store

BLOCK = 4 * 1024 * 1024
BATCH_ROWS = 16_384
# Of one row: more than its key, which has 1,024 bytes, and its access control list can come to.
LONGEST = 1024 * 1024

REMEDY = "mend that, wait for the next one, or load without --inventory"

# What an inventory's place is asked for; the rest of the verbs is never used on it.
_ASKED = ("list", "head", "read", "bytes_read", "requests", "pages")

_TYPES: Mapping[str, pa.DataType] = {
    "size": pa.int64(),
    "last_modified_date": pa.timestamp("us", "UTC"),
    "is_latest": pa.bool_(),
    "is_delete_marker": pa.bool_(),
}

_DAMAGED = (gzip.BadGzipFile, EOFError, zlib.error, pa.ArrowException)


class Inventory:
    """The inventories of `bucket`, which stand in `place`. Use it from one thread at a time.

    One that is older than `max_age` is refused. `taken` is when the one that was read was begun.
    """

    def __init__(
        self, place: Store, bucket: str, *, max_age: timedelta, clock: Callable[[], datetime]
    ) -> None:
        self.taken: datetime | None = None
        self._place = CountingStore(place)
        self._bucket = bucket
        self._max_age = max_age
        self._clock = clock

    def objects(self, prefixes: Sequence[str]) -> Iterator[ObjectInfo]:
        """Yield the objects under the prefixes, in no order, as the latest inventory has them.

        Their ETag is empty where the inventory has none. Raises InventoryError, StoreFault.
        """
        edition = self._latest()
        inventory.require_fresh(edition, self._clock(), self._max_age)
        self.taken = edition.taken
        try:
            yield from self._read(edition, tuple(prefixes))
        except InventoryError as error:
            name = f"the inventory of {edition.taken:%Y-%m-%d %H:%M} UTC in {self._place.location}"
            raise InventoryError(f"{name} cannot be used: {error}; {REMEDY}") from None

    def files(self) -> Iterator[ObjectInfo]:
        """Yield what the latest inventory consists of, however old it is: its rows, then its manifest, then
        the list of its files, which makes it one. Raises InventoryError, StoreFault.
        """
        edition = self._latest()
        self.taken = edition.taken
        with _about("symlink.txt"):
            symlink = self._place.read(edition.symlink).data
        for key in inventory.data_files(symlink, inventory.place_of(self._bucket)):
            with _about(f"the file {_name(key)}, which symlink.txt names,"):
                yield self._place.head(key)
        for key in edition.manifests:
            with suppress(NotFound), _about("manifest.json", NotFound):
                yield self._place.head(key)
        yield self._place.head(edition.symlink)

    def blocks(self, file: ObjectInfo) -> Iterator[bytes]:
        """Read one of `files`, a block at a time. Raises InventoryError, StoreFault."""
        for start in range(0, file.size, BLOCK):
            with _about(f"the file {_name(file.key)}"):
                yield self._place.read(file.key, start=start, length=BLOCK, etag=file.etag).data

    def requests(self) -> dict[str, int]:
        """What was asked of the inventory's place so far, each by its name behind `inventory_`."""
        counts = self._place.counts()
        return {f"inventory_{name}": counts[name] for name in _ASKED if name in counts}

    def close(self) -> None:
        """Give back connections; idempotent."""
        self._place.close()

    def _latest(self) -> inventory.Edition:
        prefix = inventory.hive_prefix(self._bucket)
        try:
            edition = inventory.latest((found.key for found in self._place.list(prefix)), self._bucket)
        except StoreFault:
            raise
        except StoreError as error:
            raise InventoryError(
                f"{self._place.location} cannot be listed: {error}; mend that, or load without --inventory"
            ) from None
        if edition is None:
            raise InventoryError(
                f"there is no inventory in {self._place.location} under {prefix}: set it up and wait for the "
                "first (docs/inventory.md), or load without --inventory"
            )
        return edition

    def _read(self, edition: inventory.Edition, prefixes: tuple[str, ...]) -> Iterator[ObjectInfo]:
        manifest = self._manifest(edition)
        with _about("symlink.txt"):
            symlink = self._place.read(edition.symlink).data
        files = []
        for key in inventory.data_files(symlink, inventory.place_of(self._bucket)):
            # A file that is missing is found before the others are read.
            with _about(f"the file {_name(key)}, which symlink.txt names,"):
                files.append(self._place.head(key))
        for file in files:
            yield from self._objects(file, manifest, prefixes)

    def _manifest(self, edition: inventory.Edition) -> bytes | None:
        for key in edition.manifests:
            with _about("manifest.json"):
                try:
                    manifest = self._place.read(key).data
                except NotFound:
                    continue
            inventory.require_bucket(manifest, self._bucket)
            return manifest
        return None

    def _objects(
        self, file: ObjectInfo, manifest: bytes | None, prefixes: tuple[str, ...]
    ) -> Iterator[ObjectInfo]:
        where = f"the file {_name(file.key)}"
        understood = 0
        try:
            with _about("it"):
                layout, rows = self._rows(file, manifest)
                for row in rows:
                    found = inventory.listed_object(row, layout, prefixes)
                    understood += 1
                    if found is not None:
                        yield found
        except InventoryError as error:
            row_of_error = f", at row {understood + 1} or soon after" if understood else ""
            raise InventoryError(f"{where}{row_of_error}: {error}") from None

    def _rows(
        self, file: ObjectInfo, manifest: bytes | None
    ) -> tuple[inventory.Layout, Iterator[Sequence[Any]]]:
        if not file.size:
            raise InventoryError("the file is damaged (it is empty)")
        if file.key.endswith(".csv.gz"):
            return inventory.csv_layout(manifest, self._bucket), _csv_rows(_Ranges(self._place, file))
        if file.key.endswith(".parquet"):
            return _parquet_rows(_Ranges(self._place, file), self._bucket)
        raise InventoryError("it is neither .csv.gz nor .parquet: choose one of these formats")


class _Ranges(io.RawIOBase):
    """One version of one object as a file that is read in ranges, each when it is asked for."""

    def __init__(self, store: Store, info: ObjectInfo) -> None:
        self._store = store
        self._info = info
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._info.size}[whence]
        self._position = max(start + offset, 0)
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: Any) -> int:
        length = min(len(buffer), max(self._info.size - self._position, 0))
        if not length:
            return 0
        chunk = self._store.read(self._info.key, start=self._position, length=length, etag=self._info.etag)
        buffer[: len(chunk.data)] = chunk.data
        self._position += len(chunk.data)
        return len(chunk.data)


def _csv_rows(ranges: _Ranges) -> Iterator[Sequence[Any]]:
    with _undamaged(), gzip.GzipFile(fileobj=io.BufferedReader(ranges, BLOCK)) as inflated:
        text = io.TextIOWrapper(inflated, encoding="utf-8", newline="\n")
        yield from filter(None, csv.reader(_lines(text), strict=True))


def _lines(text: io.TextIOWrapper) -> Iterator[str]:
    while line := text.readline(LONGEST):
        if not line.endswith("\n"):
            if len(line) == LONGEST:
                raise InventoryError("it is longer than any row")
            # AWS quotes every cell: after its last quote, a row is whole.
            if not line.endswith('"'):
                raise InventoryError("the file ends in the middle of it")
        yield line


def _parquet_rows(ranges: _Ranges, bucket: str) -> tuple[inventory.Layout, Iterator[Sequence[Any]]]:
    with _undamaged():
        # Left to itself, Arrow would hold a whole group of rows.
        file = pq.ParquetFile(pa.PythonFile(ranges, mode="r"), buffer_size=BLOCK, pre_buffer=False)
        names = file.schema_arrow.names
    whole = inventory.layout(names, bucket, encoded=False)
    used = {name: names[place] for name, place in whole.places.items()}
    layout = inventory.layout(list(used), bucket, encoded=False)

    def rows() -> Iterator[Sequence[Any]]:
        with _undamaged():
            for batch in file.iter_batches(BATCH_ROWS, columns=list(used.values()), use_threads=False):
                columns = [
                    batch.column(column).cast(_TYPES.get(name, pa.string())).to_pylist()
                    for name, column in used.items()
                ]
                yield from zip(*columns, strict=True)

    return layout, rows()


@contextmanager
def _undamaged() -> Generator[None]:
    try:
        yield
    except UnicodeDecodeError:
        raise InventoryError("it is not UTF-8") from None
    except csv.Error:
        raise InventoryError("it is no row of a CSV file, or the file ends in the middle of it") from None
    except _DAMAGED as error:
        raise InventoryError(f"the file is damaged ({type(error).__name__})") from None


@contextmanager
def _about(what: str, *passed_on: type[StoreError]) -> Generator[None]:
    """Say of what there was an error, where a moment's waiting would not help."""
    try:
        yield
    except StoreError as error:
        if isinstance(error, (StoreFault, *passed_on)):
            raise
        said = "is missing" if isinstance(error, NotFound) else f"cannot be read: {error}"
        raise InventoryError(f"{what} {said}") from None


def _name(key: str) -> str:
    return key.rpartition("/")[2]
