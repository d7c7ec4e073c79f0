"""What questions over a catalog of invented images take: time to the last row, and peak memory.

    python benchmarks/query.py [--images 1000000] [--again 50000]

The catalog is that of `benchmarks/synthetic.py`; `--again` of its objects are decided a second time. Each
question is a process of its own, as `warehouse query` is, under that command's limit of memory. All are
asked before anything was published, and again afterwards, as every load leaves a catalog. Publication is
measured too, the first time and where nothing changed.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb
from synthetic import fill

from warehouse.commands.asking import MEBIBYTES, SECONDS, limits_of
from warehouse.storage.delta import DeltaCatalog

QUESTIONS = (
    'SELECT "Modality", count(*) FROM objects GROUP BY ALL',
    'SELECT "Modality", count(*) FROM objects_now GROUP BY ALL',
    'SELECT type, "group", count(*), sum(size) FROM images GROUP BY ALL',
    "SELECT site, Modality, count(DISTINCT patient) FROM images GROUP BY ALL",
    "SELECT Manufacturer, count(*) FROM series GROUP BY ALL",
    "SELECT types, count(*) FROM patients GROUP BY ALL",
    "SELECT key FROM images WHERE SliceThickness < 2 AND fold < 5 ORDER BY key",
)
AGAIN = """
    SELECT * REPLACE ("time" + INTERVAL 30 DAY AS "time", 'present' AS outcome)
    FROM objects WHERE sequence % ? = 0"""
COMMIT_ROWS = 5_000


def prepare(folder: Path, images: int, again: int) -> None:
    """Write the catalog, and decide some objects a second time, in commits as loads make them."""
    fill(folder, images)
    if again:
        catalog = DeltaCatalog(str(folder))
        rows = catalog.query(AGAIN, [max(1, images // again)])
        for start in range(0, rows.num_rows, COMMIT_ROWS):
            catalog._commit("objects", rows.slice(start, COMMIT_ROWS))


def measure(folder: Path, question: str) -> None:
    """Ask one question, or publish, and print what it took."""
    catalog = DeltaCatalog(str(folder))
    begun = time.perf_counter()
    count = 0
    if question == "publish":
        catalog.publish()
    else:
        with catalog.snapshot().ask(question, limits=limits_of(10 * SECONDS, MEBIBYTES)) as answer:
            count = sum(batch.num_rows for batch in answer)
    seconds = time.perf_counter() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"| `{question}` | {count:,} | {seconds:.1f} | {peak:.0f} |", flush=True)


def main() -> None:
    """Make the catalog, and ask each question, in processes of their own."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=1_000_000)
    parser.add_argument("--again", type=int, default=50_000)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--step", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step == "prepare":
        prepare(options.folder, options.images, options.again)
    elif options.step:
        measure(options.folder, options.step)
    else:
        versions = f"Python {platform.python_version()}, duckdb {duckdb.__version__}, {os.cpu_count()} cores"
        print(f"{versions}, {options.images:,} images, {options.again:,} decided again.\n")
        print("| question | rows | seconds | MiB |\n| --- | --- | --- | --- |", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            for step in ("prepare", *QUESTIONS, "publish", "publish", *QUESTIONS):
                words = [sys.executable, __file__, *sys.argv[1:], "--folder", folder, "--step", step]
                subprocess.run(words, check=True)


if __name__ == "__main__":
    main()
