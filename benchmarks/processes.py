"""Header work in threads of the loader, and in processes beside it: what each costs the loader's own process.

    python benchmarks/processes.py [--headers 2000] [--pairs 5]

What one Python process can load is bounded by the work that holds its interpreter's lock. A process pool
takes the header work away from it, and brings the work of sending bytes there and results back. Each pair is
the same distinct headers (CT_small of pydicom) examined and written as JSON: in one thread; in a process
pool that waiting threads hand single objects to, as the loader's nodes would; and in one that is handed 32 at
a time. The second column is what counts: the CPU time of this process for one object.
"""

from __future__ import annotations

import argparse
import datetime
import os
import platform
import resource
import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

from pydicom.data import get_testdata_file

from warehouse.domain import dicom
from warehouse.domain.records import Header
from warehouse.pipeline.reading import read_header

THREADS = 32
BATCH = 32
SOP_UID = b"1.3.6.1.4.1.5962.1.1.1.1.1.20040119072730.12322"


def work(data: bytes) -> tuple[str, str, str, str, dict[str, object], bytes]:
    """What the loader makes of an image before it is copied: its identity, catalog fields and document."""
    header = read_header(len(data), None, lambda wanted: data[wanted.start : wanted.start + wanted.length])
    assert isinstance(header, Header)
    document, _ = dicom.metadata(header)
    ids = (header.patient_id, header.study_uid, header.series_uid, header.sop_uid)
    return (*ids, dict(header.attributes), document)


def variants(count: int) -> list[bytes]:
    """Images that differ in their SOP Instance UID."""
    data = Path(str(get_testdata_file("CT_small.dcm"))).read_bytes()
    assert data.count(SOP_UID) > 1
    return [data.replace(SOP_UID, SOP_UID[:-5] + b"%05d" % number) for number in range(count)]


def cost(run: Callable[[], object], count: int) -> tuple[float, float]:
    """Microseconds an object: of wall time, and of this process's CPU time."""
    before, begun = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    run()
    seconds, after = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return seconds / count * 1e6, cpu / count * 1e6


def main() -> None:
    """Measure in turn, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--headers", type=int, default=2000)
    parser.add_argument("--pairs", type=int, default=5)
    options = parser.parse_args()
    objects = variants(options.headers)
    processes = os.cpu_count() or 1
    found: dict[str, list[tuple[float, float]]] = {"thread": [], "one": [], "batch": []}
    with ProcessPoolExecutor(processes) as pool, ThreadPoolExecutor(THREADS) as threads:
        list(pool.map(work, objects[: 4 * processes]))
        for _ in range(options.pairs):
            found["thread"].append(cost(lambda: [work(data) for data in objects], len(objects)))
            found["one"].append(
                cost(
                    lambda: list(threads.map(lambda data: pool.submit(work, data).result(), objects)),
                    len(objects),
                )
            )
            found["batch"].append(cost(lambda: list(pool.map(work, objects, chunksize=BATCH)), len(objects)))
    today = datetime.datetime.now(datetime.UTC).date()
    print(
        f"{today}, {processes} cores, {platform.system()} {platform.machine()}, {platform.python_version()}."
    )
    print(f"{len(objects):,} headers; median of {options.pairs}; microseconds an object.\n")
    print("| where | wall time | CPU of this process | beside one thread |\n| --- | --- | --- | --- |")
    print(_line("one thread of this process", found["thread"], found["thread"]))
    print(_line(f"{processes} processes, one object at a time", found["one"], found["thread"]))
    print(_line(f"{processes} processes, {BATCH} at a time", found["batch"], found["thread"]))


def _line(what: str, mine: Sequence[tuple[float, float]], peer: Sequence[tuple[float, float]]) -> str:
    wall = statistics.median(figure for figure, _ in mine)
    cpu = statistics.median(figure for _, figure in mine)
    ratio = statistics.median(one[1] / other[1] for one, other in zip(mine, peer, strict=True))
    return f"| {what} | {wall:.0f} | {cpu:.0f} | {ratio:.2f} |"


if __name__ == "__main__":
    main()
