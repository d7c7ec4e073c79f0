"""How long a second load takes that finds every object known, and what it asks of the store.

    python benchmarks/second_run.py [--objects 100000] [--runs 3]

A folder gets so many small files, where uploads of ten days would lie, and a catalog in which each of them
was decided and published, as the first load leaves it. Then `warehouse load` runs, the real command. It is an
error if it asks for more than listings and config.json, or writes outside `catalog/`.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from warehouse.demo import CONFIGURATION
from warehouse.storage.catalog import OBJECTS
from warehouse.storage.delta import DeltaCatalog
from warehouse.storage.folder import FolderStore

DAYS = 10
COMMIT_ROWS = 5_000
IMAGES_OF_A_STUDY = 100
IMAGES_OF_A_PATIENT = 400
DECIDED = datetime(2020, 6, 1, tzinfo=UTC)

# What a load may ask for that finds nothing new: listings, and config.json.
ALLOWED = {"list", "list_folders", "read", "bytes_read"}


def fill(folder: Path, objects: int) -> None:
    """Lay out the raw files and config.json."""
    folder.mkdir()
    Path(folder, "config.json").write_text(json.dumps(CONFIGURATION))
    for day in range(DAYS):
        place = folder / "raw-northfield" / f"2020-04-{day + 1:02}" / "images"
        place.mkdir(parents=True)
        for n in range(day, objects, DAYS):
            Path(place, f"1.2.826.0.1.3680043.8.498.{n:010}.dcm").write_bytes(b"%d" % n)


def know(folder: Path) -> None:
    """Write the catalog in which every raw file was loaded, and publish it."""
    catalog = DeltaCatalog(str(folder))
    rows = []
    for sequence, info in enumerate(FolderStore(folder).list("raw-northfield/"), 1):
        patient = f"PATIENT{sequence // IMAGES_OF_A_PATIENT}"
        group = ("training", "validation")[sequence // IMAGES_OF_A_PATIENT % 2]
        study = f"1.2.826.0.1.{sequence // IMAGES_OF_A_STUDY}"
        stem = info.key.rpartition("/")[2].removesuffix(".dcm")
        rows.append(
            {
                "key": info.key,
                "etag": info.etag,
                "size": info.size,
                "last_modified": info.last_modified,
                "kind": "image",
                "outcome": "loaded",
                "flags": [],
                "sequence": sequence,
                "run": "20200601T000000Z-a1b2c3",
                "time": DECIDED,
                "target_key": f"{group}/ct/{patient}/{study}/{study}.1/{stem}.dcm",
                "target_etag": info.etag,
                "target_size": info.size,
                "group": group,
                "patient": patient,
                "folder": patient,
                "rule": "split",
                "StudyInstanceUID": study,
                "SeriesInstanceUID": f"{study}.1",
                "SOPInstanceUID": stem,
                "type": "ct",
                "Modality": "CT",
            }
        )
        if len(rows) == COMMIT_ROWS:
            catalog._commit("objects", pa.Table.from_pylist(rows, schema=OBJECTS))
            rows = []
    if rows:
        catalog._commit("objects", pa.Table.from_pylist(rows, schema=OBJECTS))
    catalog.compact("objects")
    catalog.publish()


def outside_the_catalog(folder: Path) -> set[str]:
    """The files of the sets and of the claims: what a load that finds nothing new leaves as it is."""
    places = ("training", "validation", "assignments")
    return {str(path) for place in places for path in (folder / place).rglob("*")}


def run(folder: Path, report: Path) -> float:
    """Load, and give the seconds that the command took from its start to its end."""
    begun = time.perf_counter()
    words = [sys.executable, "-m", "warehouse", "load", str(folder), "--report", str(report)]
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - begun


def main() -> None:
    """Make the folder, load it as often as the arguments say, and print what it took."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--objects", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, {options.objects:,} objects.\n")
    with tempfile.TemporaryDirectory() as parent:
        folder, report = Path(parent, "warehouse"), Path(parent, "report.json")
        fill(folder, options.objects)
        know(folder)
        before = outside_the_catalog(folder)
        print("| known | seconds | requests |\n| --- | --- | --- |", flush=True)
        for _ in range(options.runs):
            seconds = run(folder, report)
            told = json.loads(report.read_bytes())["services"]["ledger"]
            requests = {name: count for name, count in told["requests"].items() if count}
            assert told["known"] == told["listed"] == options.objects, told
            assert requests.keys() <= ALLOWED, requests
            assert requests["read"] == 1, requests
            assert outside_the_catalog(folder) == before
            shown = ", ".join(f"{name} {count:,}" for name, count in requests.items())
            print(f"| {told['known']:,} | {seconds:.1f} | {shown} |", flush=True)


if __name__ == "__main__":
    main()
