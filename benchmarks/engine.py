"""The engine beside its peers: overhead a row, an ordered concurrent map, memory with rows of 1 MiB.

    python benchmarks/engine.py [--pairs 5] [--bonobo-python PYTHON3.7]

The peers are bonobo 0.6.4, which needs a Python 3.7 of its own (`pip install bonobo==0.6.4` there, its path
in --bonobo-python), and `streamable` (`pip install streamable`). One that is not there is said to be not run.
Each measurement is a process of its own, ours and the peer's in turn; what is printed is the median and, as
what counts, the ratio.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.metadata
import importlib.util
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

ROWS = 100_000
SLOW_ROWS = 5_000
BIG_ROWS = 20_000
BIG_ROWS_OF_A_PEER = 1_500
"""A peer that bounds rows by their number alone would need 8 GiB and more for the rest."""

OVERHEAD = """
import time, bonobo
def first(x): yield x
def second(x): yield x
def third(x): yield x
def source(): yield from range({rows})
graph = bonobo.Graph(source, first, second, third)
begun = time.perf_counter()
bonobo.run(graph{quiet})
print((time.perf_counter() - begun) / {rows} * 1e6)
"""

STREAMABLE_OVERHEAD = """
import time
from streamable import stream
def first(x): return x
def second(x): return x
def third(x): return x
rows = stream(range({rows})).map(first).map(second).map(third)
begun = time.perf_counter()
for row in rows: pass
print((time.perf_counter() - begun) / {rows} * 1e6)
"""

MAP = """
import time, bonobo
def work(x):
    {pause}
    return x
last = []
def check(x):
    assert not last or last[0] < x
    last[:] = [x]
graph = bonobo.Graph(range({rows}), bonobo.parallel(work, {n}), check)
begun = time.perf_counter()
bonobo.run(graph, console=bonobo.QUIET)
print((time.perf_counter() - begun) / {rows} * 1e6)
"""

STREAMABLE_MAP = """
import time
from streamable import stream
def work(x):
    {pause}
    return x
last = []
def check(x):
    assert not last or last[0] < x
    last[:] = [x]
begun = time.perf_counter()
for row in stream(range({rows})).map(work, concurrency={n}): check(row)
print((time.perf_counter() - begun) / {rows} * 1e6)
"""

MEMORY = """
import os, resource, time, bonobo
def source():
    for _ in range({rows}): yield os.urandom(16) * 65536
def changed(body): yield bytes(bytearray(body))
def same(body): yield body
def slow(body): time.sleep(0.0005)
bonobo.run(bonobo.Graph(source, changed, same, slow){quiet})
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


@dataclass(frozen=True)
class Contender:
    """A program for a Python that prints one number; `folder` is where it runs."""

    python: str
    program: str

    def measure(self) -> float:
        """Run it once. Raises RuntimeError with what it said where it fails."""
        with tempfile.TemporaryDirectory() as folder:
            environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
            done = subprocess.run(
                [self.python, "-c", self.program], cwd=folder, env=environment, capture_output=True, text=True
            )
        if done.returncode:
            raise RuntimeError(done.stderr.strip().splitlines()[-1])
        return float(done.stdout.strip().splitlines()[-1])


@dataclass(frozen=True)
class Comparison:
    """One line of the result: ours and a peer's, None where the peer is not there."""

    what: str
    unit: str
    ours: Contender
    peer_name: str
    peer: Contender | None
    note: str = ""


def compared(comparison: Comparison, pairs: int) -> str:
    """Measure in turn, and give a row of a Markdown table."""
    ours, theirs = [], []
    for _ in range(pairs):
        ours.append(comparison.ours.measure())
        if comparison.peer is not None:
            theirs.append(comparison.peer.measure())
    mine = statistics.median(ours)
    spread = f"{mine:.1f} ({min(ours):.1f}–{max(ours):.1f})"
    if not theirs:
        return _line(comparison.what, comparison.unit, spread, comparison.peer_name, "not run", "")
    other = statistics.median(theirs)
    ratio = statistics.median(their / our for our, their in zip(ours, theirs, strict=True))
    return _line(
        comparison.what,
        comparison.unit,
        spread,
        comparison.peer_name + comparison.note,
        f"{other:.1f} ({min(theirs):.1f}–{max(theirs):.1f})",
        f"{ratio:.2g}",
    )


def comparisons(bonobo_python: str | None) -> Iterable[Comparison]:
    """Everything that is measured, in the order of the table."""
    streamable = importlib.util.find_spec("streamable") is not None

    def ours(program: str, **values: object) -> Contender:
        return Contender(sys.executable, program.format(quiet=", console=bonobo.QUIET", **values))

    def old(program: str, **values: object) -> Contender | None:
        return Contender(bonobo_python, program.format(quiet="", **values)) if bonobo_python else None

    def stream(program: str, **values: object) -> Contender | None:
        return Contender(sys.executable, program.format(**values)) if streamable else None

    overhead = "source and three no-op nodes"
    mine = ours(OVERHEAD, rows=ROWS)
    yield Comparison(overhead, "µs a row", mine, "bonobo 0.6.4", old(OVERHEAD, rows=ROWS // 5))
    yield Comparison(
        overhead, "µs a row", mine, "streamable", stream(STREAMABLE_OVERHEAD, rows=ROWS), ", one thread"
    )
    for what, rows, n, pause in (
        ("ordered map, 8 at once, no work", ROWS // 2, 8, "pass"),
        ("ordered map, 32 at once, 1 ms each", SLOW_ROWS, 32, "time.sleep(0.001)"),
    ):
        yield Comparison(
            what,
            "µs a row",
            ours(MAP, rows=rows, n=n, pause=pause),
            "streamable",
            stream(STREAMABLE_MAP, rows=rows, n=n, pause=pause),
        )
    yield Comparison(
        f"rows of 1 MiB, slow last node ({BIG_ROWS:,})",
        "MiB peak",
        ours(MEMORY, rows=BIG_ROWS),
        "bonobo 0.6.4",
        old(MEMORY, rows=BIG_ROWS_OF_A_PEER),
        f", {BIG_ROWS_OF_A_PEER:,} rows only",
    )


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=5, help="how often each is measured (5)")
    parser.add_argument("--bonobo-python", help="a Python 3.7 in which bonobo 0.6.4 is installed")
    options = parser.parse_args(arguments)
    machine = f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}"
    versions = f"Python {platform.python_version()}, streamable {_version('streamable')}"
    print(f"{datetime.date.today().isoformat()}, {machine}, {versions}.")
    print(f"Median of {options.pairs} (least–most); the ratio is theirs to ours, the median of the pairs.\n")
    print(_line("what", "unit", "ours", "peer", "theirs", "ratio"))
    print(_line(*["---"] * 6))
    for comparison in comparisons(options.bonobo_python):
        print(compared(comparison, options.pairs), flush=True)


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


if __name__ == "__main__":
    main()
