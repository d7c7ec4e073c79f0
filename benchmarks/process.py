"""How much memory the summary tables need, for a data set of as many invented images as wanted.

    python benchmarks/process.py [--images 1000000] [--patients 50000] [--without-catalog]

The catalog is that of `benchmarks/synthetic.py`. Its copies exist as a listing only: a store of this script's
own lists them, and answers each read with one document. Preparing and measuring are processes of their own;
what is printed is the peak of the resident memory of the second, its time and the rows of the tables.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from threading import Semaphore

import duckdb

import bonobo
from warehouse import dataprocess
from warehouse.domain.records import GROUPS, IMAGE_TYPES, ObjectInfo
from warehouse.domain.shortfall import Shortfall
from warehouse.services import LARGE_DOCUMENTS
from warehouse.storage.delta import DeltaCatalog
from warehouse.storage.listings import Listings
from warehouse.storage.processed import Archive, LocalTables
from warehouse.storage.store import Chunk
from warehouse.storage.tables import Tables

CLINICAL = json.dumps({f"Field {number}": "value" for number in range(60)} | {"Age": 50, "Sex": "F"}).encode()
METADATA = json.dumps(
    {"00080060": {"vr": "CS", "Value": ["CT"]}, "00101010": {"vr": "AS", "Value": ["050Y"]}}
)
CHANGED = datetime(2020, 6, 1, tzinfo=UTC)


class ListedOnly:
    """A store whose listings are lines of files, in order, and whose objects all look alike."""

    location = "listed"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        group, _, rest = prefix.partition("/")
        for file in sorted(self._folder.glob(f"{group}-{rest.rstrip('/') or '*'}.txt")):
            with file.open() as lines:
                for line in lines:
                    yield self._info(line.rstrip("\n"))

    def read(self, key: str, *, start: int = 0, length: int | None = None, etag: str | None = None) -> Chunk:
        data = CLINICAL if "/data/" in key else METADATA.encode()
        return Chunk(data, 0, self._info(key))

    def _info(self, key: str) -> ObjectInfo:
        return ObjectInfo(key, 512 if key.endswith(".json") else 500_000, "e", CHANGED)


def prepare(folder: Path, images: int, patients: int) -> None:
    """Write the catalog, and a file of sorted keys for each folder of the two sets."""
    from synthetic import fill

    fill(folder, images)
    connection = duckdb.connect()
    connection.register("objects", DeltaCatalog(str(folder)).sources("objects")[0])
    connection.execute(
        "CREATE TABLE copies AS SELECT target_key AS key, \"group\" AS 'set', type FROM objects "
        "WHERE kind = 'image'"
    )
    for group in GROUPS:
        more = (f"'{group}/data/Patient' || range || '/data_2020-04-01.json'", f"range({patients // 2})")
        _lines(connection, folder / f"{group}-data.txt", f"SELECT {more[0]} AS key FROM {more[1]}")
        for type_ in IMAGE_TYPES:
            keys = f"SELECT key FROM copies WHERE \"set\" = '{group}' AND type = '{type_}'"
            _lines(connection, folder / f"{group}-{type_}.txt", keys)
            beside = f"replace(replace(key, '/{type_}/', '/{type_}-metadata/'), '.dcm', '.json')"
            _lines(
                connection, folder / f"{group}-{type_}-metadata.txt", f"SELECT {beside} AS key FROM ({keys})"
            )


def _lines(connection: duckdb.DuckDBPyConnection, file: Path, select: str) -> None:
    connection.execute(f"COPY ({select} ORDER BY key) TO '{file}' (HEADER false, QUOTE '', ESCAPE '')")


def measure(folder: Path, *, with_catalog: bool) -> None:
    """Make the tables, and print what it took."""
    catalog = DeltaCatalog(str(folder)) if with_catalog else None
    store = ListedOnly(folder)
    begun = time.perf_counter()
    with tempfile.TemporaryDirectory() as work, Tables(Path(work)) as tables:
        archive = Archive(LocalTables(folder))
        services = {
            "store": store,
            "listings": Listings(store, catalog),  # type: ignore[arg-type]
            "large_documents": Semaphore(LARGE_DOCUMENTS),
            "tables": tables,
            "archive": archive,
            "shortfall": Shortfall(),
        }
        report = bonobo.run(dataprocess.get_graph(8), services=services, console=bonobo.QUIET)
    print(archive.summary())
    print(f"{time.perf_counter() - begun:.0f} s, exit code {report.exit_code}")
    print(f"peak resident memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


def main() -> None:
    """Prepare and measure, each in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=1_000_000)
    parser.add_argument("--patients", type=int, default=50_000)
    parser.add_argument("--without-catalog", action="store_true")
    parser.add_argument("--step", choices=["prepare", "measure"], help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step == "prepare":
        prepare(options.folder, options.images, options.patients)
    elif options.step == "measure":
        measure(options.folder, with_catalog=not options.without_catalog)
    else:
        print(f"Python {platform.python_version()}, duckdb {duckdb.__version__}, {options.images:,} images")
        with tempfile.TemporaryDirectory() as folder:
            for step in ("prepare", "measure"):
                words = [sys.executable, __file__, *sys.argv[1:], "--step", step, "--folder", folder]
                subprocess.run(words, check=True)


if __name__ == "__main__":
    main()
