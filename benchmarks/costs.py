"""What a million images cost: the requests and the CPU of a real load, times a list of prices.

    python benchmarks/costs.py [--images 1500] [--seconds-per-image S]

A drop like that of benchmarks/loader.py is loaded into a folder by the real command, which counts every
call of its store; on S3 each of them is one request of the same kind. The prices are those of AWS's lists for
eu-west-2 (London) as the table below has them: put your own there. Without --seconds-per-image the seconds
are those of this machine's CPU, which is the least that a task of one vCPU needs.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from loader import drop

MILLION = 1_000_000

# US dollars, eu-west-2. S3 Standard, a thousand requests; Fargate on Linux/x86, an hour.
PER_THOUSAND: Mapping[str, float] = {"GET": 0.00042, "PUT": 0.0053, "COPY": 0.0053, "LIST": 0.0053}
VCPU_HOUR, GIB_HOUR = 0.04656, 0.00511
VCPU, GIB = 1, 8
GIB_MONTH = 0.024

# The calls of a store, and what each is on S3. HeadObject has the price of GET.
REQUESTS: Mapping[str, str] = {
    "head": "GET",
    "read": "GET",
    "same_bytes": "GET",
    "create": "PUT",
    "copy": "COPY",
    "list": "LIST",
    "list_folders": "LIST",
}


def load(folder: Path, report: Path) -> tuple[Mapping[str, int], float]:
    """Load a folder by the real command: the calls of its store, and the seconds of CPU that it took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    words = [sys.executable, "-m", "warehouse", "load", str(folder), "--report", str(report)]
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    ledger = json.loads(report.read_text())["services"]["ledger"]
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return ledger["requests"], cpu


def main() -> None:
    """Load the drop, and print what a million of its images would cost."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=1500)
    parser.add_argument("--seconds-per-image", type=float)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as parent:
        folder = Path(parent, "warehouse")
        objects = list(drop(options.images, patients=options.images // 10))
        for key, data in objects:
            path = folder / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        calls, cpu = load(folder, Path(parent, "report.json"))
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, {options.images:,} images.\n")
    share = MILLION / options.images
    total = 0.0
    print("| For a million images | Number | US$ |\n|---|---|---|")
    for kind, price in PER_THOUSAND.items():
        number = sum(count for verb, count in calls.items() if REQUESTS.get(verb) == kind) * share
        total += number / 1000 * price
        print(f"| {kind} | {number:,.0f} | {number / 1000 * price:.2f} |")
    hours = (options.seconds_per_image or cpu / options.images) * MILLION / 3600
    price = hours * (VCPU * VCPU_HOUR + GIB * GIB_HOUR)
    print(f"| hours of a task of {VCPU} vCPU and {GIB} GiB | {hours:.1f} | {price:.2f} |")
    print(f"| **in all** | | **{total + price:.2f}** |")
    stored = sum(len(data) for key, data in objects if key.endswith(".dcm")) * share / 2**30
    print(f"\nKept as long as they are: {stored:,.0f} GiB of copies, US$ {stored * GIB_MONTH:.2f} a month.")


if __name__ == "__main__":
    main()
