"""A whole load by the local engine, by Spark in one process, and by Spark on a cluster, of the same folder.

    python benchmarks/spark.py [--images 500 2000 5000] [--pairs 3]
    python benchmarks/spark.py --known 1000000
    python benchmarks/spark.py --outcomes 100000

Needs the extra `spark` and Java 17. The cluster is started here: a master and two workers of one core each,
on this machine, so that no engine has more cores than another. A drop of each size is made once; each engine
loads a copy of it in turn, as `warehouse load` does, its own start included; Spark's start is thus part of
every figure, the cluster's is not.

The last lines work out what Spark costs: a line through the medians, seconds = fixed + images x seconds an
image. From it follows from which size so many machines as this one would pay: with k of them an image costs
a k-th, the fixed part stays.

`--known` measures instead what each executor process reads of a catalog in which so many images are known
already, before its first image: whose the studies are, and which objects hold the SOP instances.

`--outcomes` measures what the driver alone does for so many images: outcomes are unpickled, recorded, and
committed to a catalog in a folder. It also tells how long a row is that waits on the driver's disk.
"""

from __future__ import annotations

import argparse
import datetime
import itertools
import os
import pickle
import platform
import resource
import runpy
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing, nullcontext
from pathlib import Path

import pyspark
import synthetic
from loader import drop

import bonobo
from warehouse import warehouseloader
from warehouse.domain.records import Outcome
from warehouse.pipeline.loader import copy_and_upload
from warehouse.services import run_services, utc_now
from warehouse.storage.catalog import MemoryCatalog
from warehouse.storage.delta import DeltaCatalog
from warehouse.storage.identities import Identities
from warehouse.storage.ledger import Ledger
from warehouse.storage.memory import MemoryStore

Cluster = runpy.run_path(str(Path(__file__).parents[1] / "tests" / "spark_cluster.py"))["Cluster"]

SIZES = (500, 2000, 5000)
IMAGES_OF_A_PATIENT = 10
MACHINES = (4, 8, 16, 64)
BATCH = 100
DRIVER = ("--conf", "spark.driver.host=127.0.0.1", "--conf", "spark.driver.bindAddress=127.0.0.1")


def main() -> None:
    """Measure in turn, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, nargs="+", default=SIZES)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--known", type=int)
    parser.add_argument("--outcomes", type=int)
    options = parser.parse_args()
    if options.known:
        measure_known(options.known)
        return
    if options.outcomes:
        measure_driver(options.outcomes)
        return
    with tempfile.TemporaryDirectory(prefix="bench-spark-") as name:
        root = Path(name)
        (root / "cluster").mkdir()
        cluster = Cluster(root / "cluster")
        try:
            engines = {
                "local engine": (),
                "Spark, local[2]": ("--engine", "spark", "--master", "local[2]", *DRIVER),
                "Spark, cluster of two": (*cluster.driver(),),
            }
            measured = {size: measure(root, size, engines, options.pairs) for size in options.images}
        finally:
            cluster.stop()
    report(measured, engines, options.pairs)


def measure(root: Path, images: int, engines: dict[str, Sequence[str]], pairs: int) -> dict[str, list[float]]:
    """Seconds of each engine for a drop of so many images, once a pair."""
    template = root / f"drop-{images}"
    for key, data in drop(images, max(1, images // IMAGES_OF_A_PATIENT)):
        path = template / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    found: dict[str, list[float]] = {name: [] for name in engines}
    for _ in range(pairs):
        for name, words in engines.items():
            folder = shutil.copytree(template, root / "load")
            begun = time.perf_counter()
            done = subprocess.run(
                [sys.executable, "-m", "warehouse", "load", str(folder), *words],
                capture_output=True,
                text=True,
                check=False,
            )
            found[name].append(time.perf_counter() - begun)
            copies = sum(1 for _ in folder.glob("*/ct/**/*.dcm"))
            if done.returncode != 0 or copies != images:
                raise SystemExit(f"{name} ended with {done.returncode}:\n{done.stderr}")
            shutil.rmtree(folder)
    shutil.rmtree(template)
    return found


def report(
    measured: dict[int, dict[str, list[float]]], engines: dict[str, Sequence[str]], pairs: int
) -> None:
    """Print the table, and what follows from it."""
    today = datetime.datetime.now(datetime.UTC).date()
    print(
        f"{today}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}, "
        f"{platform.python_version()}, Spark {pyspark.__version__}."
    )
    print(f"Seconds of a whole load; median of {pairs} (least–most); the ratio is to the local engine's.\n")
    print("| images | " + " | ".join(f"{name} | ratio" for name in engines) + " |")
    print("| --- " * (1 + 2 * len(engines)) + "|")
    for size, found in measured.items():
        cells = []
        for name in engines:
            ratio = statistics.median(
                one / other for one, other in zip(found[name], found["local engine"], strict=True)
            )
            took = found[name]
            cells.append(f"{statistics.median(took):.1f} ({min(took):.1f}–{max(took):.1f}) | {ratio:.1f}")
        print(f"| {size:,} | " + " | ".join(cells) + " |")
    lines = {name: fitted(measured, name) for name in engines}
    print()
    for name, (fixed, each) in lines.items():
        print(f"- {name}: {fixed:.1f} s, and {1000 * each:.2f} ms an image")
    here, there = lines["local engine"], lines["Spark, cluster of two"]
    for machines in MACHINES:
        saved = here[1] - there[1] / machines
        size = f"from {(there[0] - here[0]) / saved:,.0f} images" if saved > 0 else "never"
        print(f"- {machines} machines such as this one would pay {size}")


def measure_known(images: int) -> None:
    """What it takes to know what was loaded before."""
    with tempfile.TemporaryDirectory(prefix="bench-spark-") as name:
        synthetic.fill(Path(name), images)
        with closing(Identities(DeltaCatalog(name))) as identities:
            begun = time.perf_counter()
            identities.claim_study("1.2.3", "NOBODY")
            identities.instances("1.2.3")
            took = time.perf_counter() - begun
            (file,) = Path(tempfile.gettempdir()).glob("warehouse-*/identities.sqlite")
            size = file.stat().st_size
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{images:,} images known: {took:.1f} s, a file of {size / 1024**2:.0f} MiB", end="")
    print(f" ({size / images:.0f} bytes an image), a peak of {peak:.0f} MiB of memory")


def measure_driver(outcomes: int) -> None:
    """What it takes to write down what became of images."""
    found = _outcomes(500)
    few = [pickle.dumps(found[start : start + BATCH]) for start in range(0, len(found), BATCH)]
    with tempfile.TemporaryDirectory(prefix="bench-spark-") as name, closing(DeltaCatalog(name)) as catalog:
        ledger = Ledger(catalog, run="benchmark", clock=utc_now, requests=dict)
        ledger.second_look()
        begun, cpu = time.perf_counter(), time.process_time()
        for batch in itertools.islice(itertools.cycle(few), -(-outcomes // BATCH)):
            for outcome in pickle.loads(batch):
                ledger.record(outcome)
        took, cpu = time.perf_counter() - begun, time.process_time() - cpu
    sizes = sum(map(len, few)) / len(found)
    print(
        f"{outcomes:,} outcomes of {sizes:.0f} bytes: {took:.1f} s, {outcomes / took:,.0f} a second", end=""
    )
    print(f" ({1e6 * cpu / outcomes:.0f} µs of CPU each)")
    rows = len(pickle.dumps([(outcome.raw,) for outcome in found])) / len(found)
    print(f"Their rows on the way out: {rows:.0f} bytes each")


def _outcomes(images: int) -> list[Outcome]:
    """What the loader decides of so many images, in memory."""
    store, catalog = MemoryStore(), MemoryCatalog()
    for key, data in drop(images, images // IMAGES_OF_A_PATIENT):
        store.put(key, data)
    graph, found = warehouseloader.get_graph(8), []
    graph.add_chain(found.append, _input=copy_and_upload)
    with run_services(store, catalog) as services:
        bonobo.run(graph, services=nullcontext(services), console=bonobo.QUIET)
    return [outcome for outcome in found if outcome.image is not None]


def fitted(measured: dict[int, dict[str, list[float]]], name: str) -> tuple[float, float]:
    """The fixed seconds and the seconds an image: least squares through the medians."""
    sizes = list(measured)
    line = statistics.linear_regression(sizes, [statistics.median(measured[size][name]) for size in sizes])
    return line.intercept, line.slope


if __name__ == "__main__":
    main()
