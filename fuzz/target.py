"""Hands a check of `any_input` to atheris, which looks for bytes that reach new code; shared by the targets.

Arguments are libFuzzer's: `-runs=100000`, `-max_total_time=60`, folders of a corpus. Without a folder the
seeds of `mutations` are the corpus.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]


def fuzz(target: str) -> None:
    """Fuzz one target until libFuzzer ends the process: with an error where the check found a fault."""
    try:
        import atheris
    except ImportError:
        raise SystemExit("atheris is not installed: pip install -e '.[test,fuzz]'") from None
    with atheris.instrument_imports(include=["warehouse"]):
        from any_input import CHECKS
        from mutations import SEEDS
    arguments = sys.argv
    if all(word.startswith("-") for word in sys.argv[1:]):
        arguments = [*sys.argv, _corpus(SEEDS[target]())]
    check = CHECKS[target]

    def one_input(data: bytes) -> None:
        check(data)

    # A mutant may take 5 seconds; libFuzzer counts what the instrumented interpreter holds, too.
    atheris.Setup([arguments[0], "-timeout=5", "-rss_limit_mb=1024", *arguments[1:]], one_input)
    atheris.Fuzz()


def _corpus(seeds: Iterable[bytes]) -> str:
    folder = Path(tempfile.mkdtemp(prefix="warehouse-fuzz-"))
    for number, seed in enumerate(seeds):
        (folder / f"{number:04}").write_bytes(seed)
    return str(folder)
