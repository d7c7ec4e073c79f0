"""What grows with the number of objects, and what with the number of runs.

    python benchmarks/scale.py pending [--keys 10000 100000 1000000 10000000]
    python benchmarks/scale.py runs [--runs 1000] [--pairs 5]

`pending` tells what of a listing is to be decided: so many keys are listed, of which 99 in 100 are known to
the catalog. No object exists; a store of this script makes up the listing as it is read, in the order of
the keys. Each size is a process of its own; the listing alone is measured in another.

`runs` makes a catalog as so many small loads leave it, each ten rows of `objects` and one of `runs`, and a
copy of it that was compacted. What the next load asks first is asked of both in turn; the ratio is the median
of the pairs.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import deltalake
import duckdb
import orjson
import pyarrow as pa
from synthetic import _COMMON

from warehouse.config import parse
from warehouse.demo import CONFIGURATION
from warehouse.domain import keys as raw_keys
from warehouse.domain.records import ObjectInfo
from warehouse.storage.catalog import OBJECTS
from warehouse.storage.delta import DeltaCatalog
from warehouse.storage.raw_listing import LiveListing

SIZES = (10_000, 100_000, 1_000_000, 10_000_000)
NEW_IN = 100  # one in so many keys is not known yet
COMMIT_ROWS = 500_000  # as many as a compacted file holds
IMAGES_OF_A_RUN = 10

FOLDER = "raw-northfield/2020-04-01/images/"
CHANGED = datetime(2020, 4, 2, tzinfo=UTC)

# The key and the ETag of number n, as the store below lists it.
_KNOWN = f"""
    SELECT '{FOLDER}' || printf('%08x', n) || '-' || left(md5(n::VARCHAR), 23) || '.dcm' AS key,
        md5(n::VARCHAR) AS etag, 512000 + n % 1000 AS size, 'image' AS kind,
        concat_ws('/', "group", 'ct', folder, StudyInstanceUID, SeriesInstanceUID, split_part(key, '/', 4))
            AS target_key,
        etag AS target_etag, size AS target_size, * EXCLUDE (n)
    FROM (
        SELECT n, {_COMMON},
            '1.2.826.0.1.3680043.8.498.' || left(md5_number_lower((n // 100)::VARCHAR)::VARCHAR, 18)
                AS StudyInstanceUID,
            StudyInstanceUID || '.' || (n // 10) AS SeriesInstanceUID,
            StudyInstanceUID || '.' || n AS SOPInstanceUID,
            'CT' AS Modality, 'ct' AS type, '1.2.840.10008.5.1.4.1.1.2' AS SOPClassUID,
            '1.2.840.10008.1.2.1' AS TransferSyntaxUID, '20200301' AS StudyDate, 'CHEST' AS BodyPartExamined
        FROM (SELECT range AS n, range // 400 AS patient FROM range(?, ?)) WHERE n % {NEW_IN} != 0
    )"""


class Listed:
    """A store that is nothing but its listing, made up as it is read."""

    def __init__(self, keys: int) -> None:
        self._keys = keys

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """All keys under the one prefix that has any, in their order."""
        for n in range(self._keys if FOLDER.startswith(prefix) else 0):
            etag = hashlib.md5(b"%d" % n).hexdigest()
            yield ObjectInfo(f"{FOLDER}{n:08x}-{etag[:23]}.dcm", 512_000 + n % 1000, etag, CHANGED)


def prepare(folder: Path, keys: int) -> None:
    """Write the catalog of what is known of so many keys."""
    catalog = DeltaCatalog(str(folder))
    connection = duckdb.connect(config={"memory_limit": "2GB"})
    connection.execute("SET TimeZone = 'UTC'")
    for start in range(0, keys, COMMIT_ROWS):
        found = pa.table(connection.sql(_KNOWN, params=[start, min(start + COMMIT_ROWS, keys)]))
        columns = [
            found[field.name].cast(field.type)
            if field.name in found.column_names
            else pa.nulls(found.num_rows, field.type)
            for field in OBJECTS
        ]
        catalog._commit("objects", pa.table(columns, schema=OBJECTS))


def in_order(keys: int) -> Iterator[tuple[ObjectInfo, int, str]]:
    """So many keys with their place in the order of work, as the loader lists them."""
    config = parse(orjson.dumps(CONFIGURATION))
    found = LiveListing(Listed(keys)).objects(config.raw_prefixes)  # type: ignore[arg-type]
    return ((info, *raw_keys.reading_order(raw_keys.raw_object(info, config))) for info in found)


def peak() -> float:
    """The most memory that this process has had resident, in MiB.

    Not `ru_maxrss`: that also remembers the process that this one was before it became this program.
    """
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found, "the kernel does not tell"
    return int(found[1]) / 1024


def measure(folder: Path, keys: int, what: str) -> None:
    """Read the listing of so many keys, alone or against the catalog, and print what it took."""
    listing = in_order(keys)
    begun, busy = time.perf_counter(), time.process_time()
    if what == "pending":
        with DeltaCatalog(str(folder)).pending(listing) as pending:
            found = sum(1 for _ in pending)
            assert (pending.listed, found) == (keys, keys // NEW_IN), (pending.listed, found)
    else:
        found = sum(1 for _ in listing)
    seconds, busy = time.perf_counter() - begun, time.process_time() - busy
    figures = f"{seconds:.1f} | {busy:.1f} | {keys / seconds:,.0f} | {peak():.0f}"
    print(f"| {what} | {keys:,} | {found:,} | {figures} |", flush=True)


def sizes(keys: list[int]) -> None:
    """Print a row for each size, each measured in processes of its own."""
    print(
        "| what | keys listed | rows given | seconds | CPU seconds | keys a second | MiB |\n"
        "| --- | --- | --- | --- | --- | --- | --- |",
        flush=True,
    )
    for count in keys:
        with tempfile.TemporaryDirectory() as folder:
            for step in ("prepare", "listing alone", "pending"):
                words = [sys.executable, __file__, "step", "--folder", folder, "--step", step]
                subprocess.run([*words, "--keys", str(count)], check=True)


def fill_runs(folder: Path, runs: int) -> None:
    """Leave a catalog as so many small loads would that never put their files together."""
    catalog = DeltaCatalog(str(folder))
    document = orjson.dumps(CONFIGURATION).decode()
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    for run in range(runs):
        first = run * IMAGES_OF_A_RUN
        rows = connection.sql(_KNOWN, params=[first, first + IMAGES_OF_A_RUN]).to_arrow_table().to_pylist()
        catalog.append(rows)
        started = CHANGED + timedelta(days=run)
        catalog.append_run(
            {
                "run": f"{started:%Y%m%dT%H%M%SZ}-a1b2c3",
                "started": started,
                "ended": started + timedelta(minutes=1),
                "configuration_json": document,
            }
        )


def ask(folder: Path, keys: int) -> dict[str, float]:
    """The seconds that each question takes with which a load begins."""
    catalog = DeltaCatalog(str(folder))
    took = {}
    begun = time.perf_counter()
    for name in ("objects", "runs"):
        assert catalog._tables.open(name) is not None
    took["open both tables"] = time.perf_counter() - begun
    begun = time.perf_counter()
    assert catalog.last_run() is not None
    took["the last run"] = time.perf_counter() - begun
    begun = time.perf_counter()
    with catalog.pending(in_order(keys)) as pending:
        assert pending.known == keys - keys // NEW_IN
    took["pending"] = time.perf_counter() - begun
    return took


def compare(runs: int, pairs: int) -> None:
    """Ask a catalog and its compacted copy in turn, and print both and their ratio."""
    keys = runs * IMAGES_OF_A_RUN
    with tempfile.TemporaryDirectory() as parent:
        many, few = Path(parent, "many"), Path(parent, "few")
        fill_runs(many, runs)
        shutil.copytree(many, few)
        begun = time.perf_counter()
        for name in ("objects", "runs"):
            DeltaCatalog(str(few)).compact(name)
        print(f"Putting the files together took {time.perf_counter() - begun:.1f} s.\n")
        taken = [(ask(many, keys), ask(few, keys)) for _ in range(pairs)]
        print("| what | as the runs left it | compacted | ratio |\n| --- | --- | --- | --- |")
        for label, count in (("files of both tables", _files), ("entries of both logs to be read", _entries)):
            print(f"| {label} | {count(many):,} | {count(few):,} | {count(many) / max(count(few), 1):.0f} |")
        for question in taken[0][0]:
            ratio = statistics.median(one[question] / other[question] for one, other in taken)
            shown = [statistics.median(pair[place][question] for pair in taken) * 1000 for place in (0, 1)]
            print(f"| {question}, ms | {shown[0]:.0f} | {shown[1]:.0f} | {ratio:.1f} |")


def _files(folder: Path) -> int:
    tables = [DeltaCatalog(str(folder))._tables.open(name) for name in ("objects", "runs")]
    return sum(table.get_add_actions().num_rows for table in tables if table is not None)


def _entries(folder: Path) -> int:
    """Entries of the log since the last checkpoint, which an opening reads one by one, and that."""
    found = 0
    for log in folder.glob("catalog/*/_delta_log"):
        newest = max(int(path.stem) for path in log.glob("*.json"))
        checkpoint = orjson.loads(Path(log, "_last_checkpoint").read_bytes())["version"]
        found += 1 + newest - checkpoint
    return found


def main() -> None:
    """Measure what the first argument says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("pending", "runs", "step"))
    parser.add_argument("--keys", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--step", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.what == "step":
        if options.step == "prepare":
            prepare(options.folder, options.keys[0])
        else:
            measure(options.folder, options.keys[0], options.step)
        return
    print(
        f"Python {platform.python_version()}, duckdb {duckdb.__version__}, "
        f"deltalake {deltalake.__version__}, pyarrow {pa.__version__}, {os.cpu_count()} cores.\n",
        flush=True,
    )
    if options.what == "pending":
        sizes(options.keys)
    else:
        compare(options.runs, options.pairs)


if __name__ == "__main__":
    main()
