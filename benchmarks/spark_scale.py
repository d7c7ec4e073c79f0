"""What of the arithmetic for a hundred million images on Spark can be measured on one machine.

    python benchmarks/spark_scale.py listing [--keys 20000]
    python benchmarks/spark_scale.py commits [--commits 210] [--checkpoint 10]
    python benchmarks/spark_scale.py records

The S3 server of the tests stands in for S3, in this process and over the loopback. How long S3 itself takes
is not to be had here: what is measured is the loader's side.

`listing` gives the loader's own CPU for a request of 1,000 keys, which comes on top of the round trip.
`commits` counts the requests of each commit of 5,000 outcomes, as the catalog grows; its log has a checkpoint
every so many commits.
`records` gives the bytes of an image's record in each shuffle, of the images that come with pydicom: pickled
as they travel, and compressed by LZ4, as Spark does by default; and how long pickling takes.
"""

from __future__ import annotations

import argparse
import datetime
import importlib
import itertools
import json
import os
import pickle
import platform
import re
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing, nullcontext
from pathlib import Path
from typing import Any

import pyarrow as pa
import pydicom
from spark import _outcomes

import bonobo
from bonobo.stage import Placed
from warehouse import warehouseloader
from warehouse.demo import CONFIGURATION
from warehouse.domain.records import Copy, ReadImage
from warehouse.pipeline.loader import extract_dicom_metadata, process_image
from warehouse.services import run_services, utc_now
from warehouse.storage import delta
from warehouse.storage.aws import storage_options
from warehouse.storage.catalog import MemoryCatalog
from warehouse.storage.delta import DeltaCatalog
from warehouse.storage.delta_tables import CHECKPOINT_COMMITS
from warehouse.storage.ledger import COMMIT_ROWS, Ledger
from warehouse.storage.memory import MemoryStore
from warehouse.storage.s3 import S3Store

TESTS = Path(__file__).parents[1] / "tests"

TIMES = 50

# A whole number of periods from checkpoint to checkpoint, be they of 10 commits or, as Delta has it, of 100.
LAST = 100


def main() -> None:
    """Measure one thing, and print it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["listing", "commits", "records"])
    parser.add_argument("--keys", type=int, default=20_000)
    parser.add_argument("--commits", type=int, default=210)
    parser.add_argument("--checkpoint", type=int, default=CHECKPOINT_COMMITS)
    options = parser.parse_args()
    today = datetime.datetime.now(datetime.UTC).date()
    print(f"{today}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}, ", end="")
    print(f"{platform.python_version()}.")
    if options.what == "records":
        measure_records()
        return
    sys.path.append(str(TESTS))
    server = importlib.import_module("s3_server").S3Server()
    try:
        if options.what == "listing":
            measure_listing(server, options.keys)
        else:
            measure_commits(server, options.commits, options.checkpoint)
    finally:
        server.stop()


def measure_listing(server: Any, count: int) -> None:
    """CPU of this thread alone, which is the loader's: the server has threads of its own."""
    bucket = server.new_bucket()
    names = (f"raw-north/2020-04-{1 + n % 30:02}/images/{n:032x}.dcm" for n in range(count))
    server.upload(bucket, ((name, b"") for name in names))
    store = S3Store(bucket, session=server.session(), endpoint_url=server.endpoint)
    server.seen.clear()
    begun = time.thread_time()
    listed = sum(1 for _ in store.list("raw-north/"))
    cpu = time.thread_time() - begun
    requests = len(server.seen)
    print(f"{listed:,} keys in {requests} requests: {1000 * cpu / requests:.1f} ms of CPU for each request")


def measure_commits(server: Any, commits: int, checkpoint: int) -> None:
    """Requests of a commit, the first ones and the last ones."""
    delta._CONFIGURATION["delta.checkpointInterval"] = f"{checkpoint}"
    bucket = server.new_bucket()
    found = _outcomes(500)
    counts: list[Counter[str]] = []
    with closing(
        DeltaCatalog(f"s3://{bucket}", lambda: storage_options(server.session(), server.endpoint))
    ) as catalog:
        ledger = Ledger(catalog, run="benchmark", clock=utc_now, requests=dict)
        ledger.second_look()
        endless = itertools.cycle(found)
        for _ in range(commits):
            server.seen.clear()
            for outcome in itertools.islice(endless, COMMIT_ROWS):
                ledger.record(outcome)
            counts.append(Counter(server.names_seen()))
    for some in (counts[1:6], counts[-LAST:]):
        each = [sum(count.values()) for count in some]
        kinds = ", ".join(f"{n / len(some):.0f} {kind}" for kind, n in sum(some, Counter()).most_common())
        first = 1 + next(place for place, count in enumerate(counts) if count is some[0])
        print(
            f"from commit {first} on, {len(some)} of them: {statistics.mean(each):.0f} requests each "
            f"({kinds}), at most {max(each)}"
        )


def measure_records() -> None:
    """Bytes of the record of an image behind its header, and behind its document."""
    headers, documents = _of_images()
    print(f"{len(documents)} of the images that come with pydicom; a batch is all of them")
    for what, rows in (("its header", headers), ("its document", documents)):
        records = [Placed("1.2.3", (place, 0), (row,)) for place, row in enumerate(rows)]
        each = [len(pickle.dumps(record, pickle.HIGHEST_PROTOCOL)) / 1000 for record in records]
        message = pickle.dumps(records, pickle.HIGHEST_PROTOCOL)
        batch = len(message) / 1000 / len(rows)
        packed = len(pa.compress(message, codec="lz4", asbytes=True)) / 1000 / len(rows)
        print(
            f"with {what}: {statistics.mean(each):.1f} KB each (median {statistics.median(each):.1f}, "
            f"most {max(each):.1f}), {batch:.1f} in a batch, {packed:.1f} compressed; pickled in "
            f"{_microseconds(lambda few=records: [pickle.dumps(one, 5) for one in few]) / len(rows):.0f} µs "
            f"alone, {_microseconds(lambda few=records: pickle.dumps(few, 5)) / len(rows):.0f} in a batch"
        )


def _microseconds(work: Callable[[], object]) -> float:
    """CPU of the quickest of many times."""
    took = []
    for _ in range(TIMES):
        begun = time.process_time()
        work()
        took.append(1e6 * (time.process_time() - begun))
    return min(took)


def _of_images() -> tuple[list[ReadImage], list[Copy]]:
    """What leaves the first and the second stage of images, in memory."""
    store, catalog = MemoryStore(), MemoryCatalog()
    store.put("config.json", json.dumps(CONFIGURATION).encode())
    prefix, site = CONFIGURATION["raw_prefixes"][0].rstrip("/"), CONFIGURATION["sites"]["training"][0]
    for path in sorted((Path(pydicom.__file__).parent / "data" / "test_files").glob("*.dcm")):
        patient = str(pydicom.dcmread(path, force=True, stop_before_pixels=True).get("PatientID", "")).strip()
        if re.fullmatch("[A-Za-z0-9._ -]+", patient):
            record = json.dumps({"Pseudonym": patient, "SubmittingCentre": site})
            store.put(f"{prefix}/2020-04-01/data/{patient}_data.json", record.encode())
            store.put(f"{prefix}/2020-04-01/images/{path.name}", path.read_bytes())
    graph = warehouseloader.get_graph(4)
    headers: list[Any] = []
    documents: list[Any] = []
    graph.add_chain(headers.append, _input=process_image)
    graph.add_chain(documents.append, _input=extract_dicom_metadata)
    with run_services(store, catalog) as services:
        bonobo.run(graph, services=nullcontext(services), console=bonobo.QUIET)
    return (
        [row for row in headers if isinstance(row, ReadImage)],
        [row for row in documents if isinstance(row, Copy) and row.image is not None],
    )


if __name__ == "__main__":
    main()
