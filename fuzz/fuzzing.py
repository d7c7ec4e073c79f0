"""Runs a check over mutants in a process of its own that may use so much time and memory, and no more.

`python fuzz/fuzzing.py header --seed 1 --count 1000`. The limits are the system's: a mutant that takes
more than 5 seconds of CPU ends the process, in whatever code it hangs; memory beyond 256 MiB above what the
loaded process holds is not given. The number of the mutant in work stands in a file, for whoever finds the
process dead.
"""

from __future__ import annotations

import argparse
import contextlib
import mmap
import resource
import signal
import struct
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from any_input import CHECKS  # noqa: E402
from mutations import SEEDS, mutant  # noqa: E402

SCRIPT = Path(__file__)
CPU_SECONDS = 5
MEMORY = 256 * 1024 * 1024

_NUMBER = struct.Struct("<Q")


def within(check: Callable[[bytes], str], data: bytes) -> str:
    """Run a check, in this process, within CPU_SECONDS: beyond them SIGPROF ends the process."""
    signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)
    try:
        return check(data)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def bound_memory() -> None:
    """Give this process no more than MEMORY on top of the address space that it has now."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    limit = pages * resource.getpagesize() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def fuzz(target: str, seed: int, first: int, count: int, progress: mmap.mmap) -> Counter[str]:
    """Check `count` mutants from `first` on. Raises what a check raises; `progress` holds the number."""
    check, found = CHECKS[target], Counter[str]()
    for number in range(first, first + count):
        _NUMBER.pack_into(progress, 0, number)
        found[within(check, mutant(target, seed, number))] += 1
    return found


def run(target: str, *, seed: int, count: int, first: int = 0) -> str:
    """Fuzz in a child; gives what it printed. Raises AssertionError that names the seed and the mutant."""
    with tempfile.NamedTemporaryFile() as progress:
        progress.write(bytes(_NUMBER.size))
        progress.flush()
        words = [target, "--seed", str(seed), "--first", str(first), "--count", str(count)]
        ended = subprocess.run(
            [sys.executable, str(SCRIPT), *words, "--progress", progress.name],
            capture_output=True,
            text=True,
            timeout=count * CPU_SECONDS + 60,
        )
        (number,) = _NUMBER.unpack(Path(progress.name).read_bytes())
    again = f"python fuzz/fuzzing.py {target} --seed {seed} --first {number} --count 1"
    assert ended.returncode != -signal.SIGPROF, f"more than {CPU_SECONDS} s of CPU: {again}"
    assert ended.returncode == 0, f"{ended.stderr[-3000:]}\n{again}"
    return ended.stdout


def main() -> None:
    """Fuzz one target in this process, within the limits, and print what the checks found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", choices=CHECKS)
    parser.add_argument("--seed", type=int, default=time.time_ns() & 0xFFFFFFFF)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--progress", type=Path)
    given = parser.parse_args()
    SEEDS[given.target]()
    with contextlib.ExitStack() as stack:
        progress = mmap.mmap(-1, _NUMBER.size)
        if given.progress:
            file = stack.enter_context(given.progress.open("r+b"))
            progress = mmap.mmap(file.fileno(), _NUMBER.size)
        bound_memory()
        found = fuzz(given.target, given.seed, given.first, given.count, progress)
    # Not ru_maxrss: that also remembers the process that started this one.
    status = Path("/proc/self/status").read_text(encoding="ascii")
    peak = int(status.partition("VmHWM:")[2].split()[0]) // 1024
    ends = ", ".join(f"{end} {times}" for end, times in found.most_common())
    print(f"{given.target}: seed {given.seed}, {given.count} mutants, peak {peak} MiB: {ends}")


if __name__ == "__main__":
    main()
