"""The header reader beside its peers: a DICOM header in memory, or in a file, to its metadata document.

    python benchmarks/header.py [--pairs 5] [--variants 500] [--compiled]

The files are variants of pydicom's CT_small and MR_small and of a deeply nested data set: identities, dates,
positions and numbers differ in each, so that no element comes twice. Ours and the peer are measured in turn;
what is printed is the median and, as what counts, the ratio. The peers are pydicom (read, `to_json_dict` and
`json.dumps`), in the same process, and DCMTK's `dcmdump` and `fastdicom`, over a folder of the same files:
one that is not there is said to be not run. With --compiled the reader is compiled into a temporary folder
first, which takes a C compiler and mypy.
"""

from __future__ import annotations

import argparse
import datetime
import io
import json
import os
import platform
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PYDICOM = "pydicom: read, to_json_dict, json.dumps"


def variants(count: int) -> dict[str, list[bytes]]:
    """The files of each kind, as bytes."""
    import pydicom
    from pydicom.data import get_testdata_file

    chance = random.Random(20200301)
    packaged = [pydicom.dcmread(str(get_testdata_file(name))) for name in ("CT_small.dcm", "MR_small.dcm")]
    made: dict[str, list[bytes]] = {}
    for name, base in zip(("CT_small", "MR_small", "nested"), (*packaged, _nested()), strict=True):
        made[name] = [_variant(base, chance) for _ in range(-(-count // 3))]
    return made


def _nested():
    """Content items eight levels deep, two beside each other on the first (PS3.3 C.17.3)."""
    import pydicom
    from pydicom.data import get_testdata_file
    from pydicom.dataset import Dataset

    def items(depth: int) -> list[Dataset]:
        level = []
        for number in range(2 if depth > 6 else 1):
            one = Dataset()
            one.RelationshipType, one.ValueType = "CONTAINS", "NUM"
            one.ObservationDateTime = "20200301120000"
            code = Dataset()
            code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "121206", "DCM", "Distance"
            one.ConceptNameCodeSequence = [code]
            value = Dataset()
            value.NumericValue, value.FloatingPointValue = "12.5", 12.5
            one.MeasuredValueSequence = [value]
            one.ReferencedFrameNumber = [number + 1, 7]
            if depth:
                one.ContentSequence = items(depth - 1)
            level.append(one)
        return level

    base = pydicom.dcmread(str(get_testdata_file("MR_small.dcm")))
    base.ContentSequence = items(7)
    return base


def _variant(base, chance: random.Random) -> bytes:
    import pydicom

    changed = pydicom.dcmread(io.BytesIO(_written(base)))
    changed.walk(lambda data_set, element: _change(element, chance))
    return _written(changed)


def _written(data_set) -> bytes:
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data_set.save_as(buffer)
    return buffer.getvalue()


def _change(element, chance: random.Random) -> None:
    """Give an element another value of its VR."""
    made: dict[str, Callable[[], object]] = {
        "DA": lambda: f"20{chance.randrange(10, 24)}0{chance.randrange(1, 10)}{chance.randrange(10, 29)}",
        "DS": lambda: f"{chance.uniform(-500, 500):.4f}",
        "FD": lambda: chance.uniform(-500, 500),
        "FL": lambda: chance.uniform(-500, 500),
        "IS": lambda: str(chance.randrange(10_000)),
        "LO": lambda: f"TEXT {chance.randrange(10**8)}",
        "PN": lambda: f"Family{chance.randrange(10**6)}^Given",
        "SH": lambda: f"S{chance.randrange(10**8)}",
        "SL": lambda: chance.randrange(-(10**6), 10**6),
        "SS": lambda: chance.randrange(-30_000, 30_000),
        "TM": lambda: f"1{chance.randrange(10)}{chance.randrange(10, 60)}{chance.randrange(10, 60)}",
        "UI": lambda: f"1.2.826.{chance.randrange(10**12)}",
        "UL": lambda: chance.randrange(10**6),
        "US": lambda: chance.randrange(60_000),
    }
    if element.tag.group in (0x0002, 0x0028) or element.tag in (0x00080016, 0x7FE00010):
        return
    if element.VR in made and not element.is_empty:
        several = element.VM > 1
        element.value = [made[element.VR]() for _ in range(element.VM)] if several else made[element.VR]()


def in_memory(pairs: int, files: Sequence[bytes]) -> tuple[list[float], list[float]]:
    """Milliseconds a file, ours and pydicom's, in turn."""
    from pydicom import dcmread

    from warehouse.domain.dicom import to_json

    def theirs() -> None:
        for data in files:
            json.dumps(dcmread(io.BytesIO(data), stop_before_pixels=True).to_json_dict())

    def ours() -> None:
        for data in files:
            to_json(data)

    warm = files[:3]
    for data in warm:
        to_json(data)
    return _in_turn(pairs, len(files), ours, theirs)


def over_a_folder(pairs: int, folder: Path, peer: Callable[[], None]) -> tuple[list[float], list[float]]:
    """Milliseconds a file, read from a folder."""
    from warehouse.domain.dicom import to_json

    paths = sorted(folder.iterdir())

    def ours() -> None:
        for path in paths:
            to_json(path.read_bytes())

    return _in_turn(pairs, len(paths), ours, peer)


def _in_turn(
    pairs: int, count: int, ours: Callable[[], None], theirs: Callable[[], None]
) -> tuple[list[float], list[float]]:
    mine, others = [], []
    for _ in range(pairs):
        for act, kept in ((ours, mine), (theirs, others)):
            begun = time.perf_counter()
            act()
            kept.append((time.perf_counter() - begun) / count * 1e3)
    return mine, others


def line(what: str, peer: str, ours: Sequence[float], theirs: Sequence[float]) -> None:
    """One row of the table."""
    ratio = statistics.median(other / mine for mine, other in zip(ours, theirs, strict=True))
    print(f"| {what} | {_span(ours)} | {peer} | {_span(theirs)} | {ratio:.1f} |", flush=True)


def _span(figures: Sequence[float]) -> str:
    return f"{statistics.median(figures):.3f} ({min(figures):.3f}–{max(figures):.3f})"


def equality() -> None:
    """Say for how many of pydicom's own files the documents are equal."""
    import math

    import orjson
    import pydicom
    from pydicom import dcmread

    from warehouse.domain.dicom import to_json

    def scrubbed(value, key=""):
        if key in ("InlineBinary", "00283010"):
            return None
        if isinstance(value, dict):
            return {name: scrubbed(inner, name) for name, inner in value.items()}
        if isinstance(value, list):
            return [scrubbed(inner) for inner in value]
        return None if isinstance(value, float) and not math.isfinite(value) else value

    equal, other, refused = 0, [], 0
    files = sorted((Path(pydicom.__file__).parent / "data" / "test_files").rglob("*.dcm"))
    for path in files:
        data = path.read_bytes()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                read = dcmread(io.BytesIO(data), stop_before_pixels=True, force=True)
                theirs = scrubbed(json.loads(json.dumps(read.to_json_dict(bulk_data_threshold=1 << 60))))
        except Exception:
            refused += 1
            continue
        try:
            mine = orjson.loads(to_json(data))
        except ValueError as refusal:
            mine = str(refusal)
        if mine == theirs:
            equal += 1
        else:
            other.append(path.name)
    print(f"\n{len(files)} files of pydicom's own: {equal} equal, {len(other)} not {other or ''}, and of ")
    print(f"{refused} pydicom can make no document. None was handed to pydicom by our reader.")


def compile_into(folder: Path) -> None:
    """Build the compiled reader beside a copy of the package."""
    for name in ("warehouse", "bonobo"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "*.so"))
    for name in ("setup.py", "pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, folder)
    words = [sys.executable, "setup.py", "-q", "build_ext", "--inplace"]
    subprocess.run(words, cwd=folder, env={**os.environ, "WAREHOUSE_COMPILE": "1"}, check=True)


def measure(pairs: int, count: int) -> None:
    """Print the table."""
    import pydicom

    from warehouse.domain import dicom_scan

    how = "compiled" if dicom_scan.__file__.endswith(".so") else "plain Python"
    versions = f"Python {platform.python_version()}, pydicom {pydicom.__version__}"
    today = datetime.datetime.now(datetime.UTC).date()
    print(f"{today}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}, {versions}; {how}.")
    print(f"Milliseconds a file; median of {pairs} (least–most); the ratio is theirs to ours.\n")
    print("| header to JSON | ours | peer | theirs | ratio |\n| --- | --- | --- | --- | --- |")
    made = variants(count)
    everything = [data for files in made.values() for data in files]
    assert len(set(everything)) == len(everything)
    for name, files in made.items():
        line(f"{len(files)} variants of {name}", PYDICOM, *in_memory(pairs, files))
    line(f"all {len(everything)}", PYDICOM, *in_memory(pairs, everything))
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for number, data in enumerate(everything):
            (folder / f"{number}.dcm").write_bytes(data)
        what = f"all {len(everything)}, from a folder"
        if dcmdump := shutil.which("dcmdump"):
            words = [dcmdump, "-q", *map(str, sorted(folder.iterdir()))]

            def dump() -> None:
                subprocess.run(words, stdout=subprocess.DEVNULL, check=True)

            line(what, "DCMTK dcmdump", *over_a_folder(pairs, folder, dump))
        else:
            print(f"| {what} | | DCMTK dcmdump | not run: not installed | |")
        try:
            import fastdicom  # type: ignore[import-not-found]
        except ImportError:
            print(f"| {what} | | fastdicom | not run: not installed | |")
        else:

            def elements() -> None:
                for path in sorted(folder.iterdir()):
                    list(fastdicom.dcmread(str(path)).items())

            line(what, "fastdicom: elements, no JSON", *over_a_folder(pairs, folder, elements))
    equality()


def main() -> None:
    """Measure, in a process that imports the compiled reader where that is wanted."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--variants", type=int, default=500)
    parser.add_argument("--compiled", action="store_true")
    options = parser.parse_args()
    if not options.compiled:
        return measure(options.pairs, options.variants)
    with tempfile.TemporaryDirectory() as folder:
        compile_into(Path(folder))
        words = [sys.executable, __file__, "--pairs", str(options.pairs), "--variants", str(options.variants)]
        subprocess.run(words, cwd=folder, env={**os.environ, "PYTHONPATH": folder}, check=True)
    return None


if __name__ == "__main__":
    main()
