"""Spoils bytes the way transfers, encoders and enemies do: the same bytes for the same seed and number."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Callable, Sequence
from functools import cache
from random import Random

from any_input import COLUMNS
from dicom_samples import (
    DEFLATED,
    EXPLICIT,
    JPEG,
    PACKAGED,
    data_set,
    element,
    encapsulated,
    image,
    item,
    meta,
    pixels,
    preamble,
    sequence,
)

from warehouse.domain.dicom_tables import LONG_VRS, VR_NAMES

# Larger files hold larger pixels and nothing else that is new.
LARGEST_SEED = 40_000
LARGEST_MUTANT = 400_000

_VR = re.compile(rb"[A-Z]{2}")
# In one order: that of a set differs from process to process.
_VRS = [*sorted(VR_NAMES), b"ZZ", b"\0\0", b"??", b"\xff\xff", b"  "]
_LENGTHS = [0, 1, 2, 7, 8, 0xFFFE, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF]
_BYTES = [
    b"\0",
    b"\xff",
    b"\x7f",
    b"\x80",
    b"\\",
    b"/",
    b"..",
    b"=",
    b"\x1b",
    b"\x1b$B",
    b" ",
    b"^",
    b"-",
    b".",
]
_IDENTITY = [0x00080018, 0x00100020, 0x0020000D, 0x0020000E]
_TAGS = [*_IDENTITY, 0x00080005, 0x00080016, 0x00280010, 0x00280008, 0x00283010, 0x00283006, 0x7FE00010]
_TAGS += [0x00041220, 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD, 0xFFFCFFFC, 0x00090010, 0x00091001, 0x00020010]
_JSON = [b"{", b"}", b"[", b"]", b'"', b":", b",", b"null", b"true", b"NaN", b"1e999", b"-0", b"\\u0000"]
_JSON += [
    b"\\ud800",
    b"\xef\xbb\xbf",
    b"9" * 5000,
    b"[" * 70,
    b'{"a":' * 70,
    b'"Pseudonym":',
    b"\xff",
    b"1" * 4001,
]
_KEYS = [
    b"/",
    b"//",
    b"..",
    b".",
    b"raw-a/",
    b"2020-01-01",
    b"data/",
    b"images/",
    b"_data.json",
    b"_status.json",
]
_KEYS += [
    b".dcm",
    b".DCM",
    b"\0",
    b"\n",
    b"\xe2\x80\xa8",
    b"\xef\xbf\xbd",
    b"\xed\xa0\x80",
    b"\\",
    b" ",
    b"x" * 300,
]
_CELLS = [
    b'"',
    b",",
    b"\n",
    b"%",
    b"%2",
    b"%ff",
    b"%00",
    b"+",
    b"s3://",
    b"b-inventory/",
    b"true",
    b"-1",
    b"1e3",
]
_CELLS += [
    b"0001-01-01T00:00:00+23:59",
    b"2020-01-01T00:00:00Z",
    b"dt=2024-02-29-01-00",
    b'{"fileSchema": "',
    b"b",
]


def mutant(target: str, seed: int, number: int) -> bytes:
    """The `number`th mutant of a target's seeds: up to five changes, one after the other."""
    random = Random(f"{target}/{seed}/{number}")
    seeds = SEEDS[target]()
    data = random.choice(seeds)
    for _ in range(random.choice([1, 1, 2, 3, 5])):
        change = random.choice(CHANGES[target])
        data = change(data, random, seeds)[:LARGEST_MUTANT]
    return data


@cache
def header_seeds() -> Sequence[bytes]:
    """pydicom's files, and objects that hold what those lack."""
    paths = sorted(path for path in PACKAGED.rglob("*") if path.is_file())
    files = [path.read_bytes() for path in paths if path.stat().st_size <= LARGEST_SEED]
    inner = item(element(0x00081150, "UI", b"1.2\0"), defined=False)
    nested = inner
    for _ in range(64):
        nested = item(sequence(0x0040A730, nested, defined=False), defined=False)
    made = [
        image(),
        image(syntax=JPEG),
        image(syntax=DEFLATED),
        image(tail=encapsulated(*[b"x" * 100] * 20, table=bytes(80)), syntax=JPEG),
        image(extra=sequence(0x00081140, nested, defined=False)),
        image(extra=sequence(0x00081140, *[inner] * 50, vr="UN", defined=False)),
        image(extra=element(0x00090010, "LO", b"ACME") + element(0x00091001, "UN", bytes(5000))),
        image() + element(0xFFFCFFFC, "OB", bytes(300)),
        preamble() + meta(EXPLICIT) + data_set(implicit=True) + pixels(implicit=True),
        data_set(little=False) + pixels(little=False),
    ]
    return [*files, *made * 3]


@cache
def clinical_seeds() -> Sequence[bytes]:
    """Clinical files as they come, right and wrong."""
    one = (
        b'{"Pseudonym": "P1", "SubmittingCentre": "Train", "Age": "[54] - 01/02/2020", "x": [1.5, null, {}]}'
    )
    swabs = b'{"Pseudonym": 12, "SwabDates": [{"SwabDate": "01/02/2020", "SwabStatus": "\\u00e9"}]}'
    return [one, b"\xef\xbb\xbf" + one, one.decode().encode("utf-16"), swabs, b"{}", b"[" * 60 + b"]" * 60]


@cache
def inventory_seeds() -> Sequence[bytes]:
    """A symlink.txt, manifests, rows, a key and the name of a folder."""
    row = ["b", "raw-a/2020-01-01/images/a+b%2B%C3%BC.dcm", "7", "2024-02-29T01:00:00.000Z", "e1", "STANDARD"]
    rows = "\n".join(",".join(f'"{cell}"' for cell in [*row, "true", "false"]) for _ in range(3)).encode()
    schema = ", ".join(COLUMNS).encode()
    manifest = b'{"sourceBucket": "b", "fileFormat": "CSV", "fileSchema": "' + schema + b'"}'
    symlink = b"s3://b-inventory/b/daily-full-inventory/data/0.csv.gz\n" * 2
    return [symlink, manifest, rows, rows, schema, row[1].encode(), b"dt=2024-02-29-01-00"]


@cache
def key_seeds() -> Sequence[bytes]:
    """Keys of the raw area and of both sets."""
    names = ["data/Covid1_data.json", "data/A_data_B_status.JSON", "images/a b.1-X.DCM", "images/x.dcm"]
    return [
        *(f"raw-a/2020-04-21/{name}".encode() for name in names),
        b"training/ct/P/1.2/1.3/x.dcm",
        b"validation/xray-metadata/P/1.2/1.3/x.json",
        b"training/data/P1/status_2020-04-01.json",
        "raw-a/2020-04-21/data/Müller_data.json".encode(),
    ]


Change = Callable[[bytes, Random, Sequence[bytes]], bytes]


def _span(data: bytes, random: Random, longest: int) -> tuple[int, int]:
    start = random.randint(0, len(data))
    return start, min(start + random.randint(0, longest), len(data))


def flip(data: bytes, random: Random, seeds: Sequence[bytes]) -> bytes:
    """Flip up to eight bits."""
    spoilt = bytearray(data)
    for _ in range(random.randint(1, 8) if data else 0):
        spoilt[random.randrange(len(data))] ^= 1 << random.randrange(8)
    return bytes(spoilt)


def overwrite(data: bytes, random: Random, seeds: Sequence[bytes]) -> bytes:
    """Put random bytes in the place of as many."""
    start, end = _span(data, random, 16)
    return data[:start] + random.randbytes(end - start) + data[end:]


def cut(data: bytes, random: Random, seeds: Sequence[bytes]) -> bytes:
    """Break off."""
    return data[: random.randint(0, len(data))]


def drop(data: bytes, random: Random, seeds: Sequence[bytes]) -> bytes:
    """Leave something out."""
    start, end = _span(data, random, random.choice([1, 4, 64, 4000]))
    return data[:start] + data[end:]


def repeat(data: bytes, random: Random, seeds: Sequence[bytes]) -> bytes:
    """Say something twice, or very often."""
    start, end = _span(data, random, random.choice([8, 200, 5000]))
    return data[:end] + data[start:end] * random.choice([1, 1, 2, 100]) + data[end:]


def splice(data: bytes, random: Random, seeds: Sequence[bytes]) -> bytes:
    """Go on in the middle of another."""
    other = random.choice(seeds)
    return data[: random.randint(0, len(data))] + other[random.randint(0, len(other)) :]


def words(choices: Sequence[bytes]) -> Change:
    """Put in a word that means something to the parser."""

    def change(data: bytes, random: Random, seeds: Sequence[bytes]) -> bytes:
        start, end = _span(data, random, 6)
        return data[:start] + random.choice(choices) * random.choice([1, 1, 1, 3]) + data[end:]

    return change


def _vr_place(data: bytes, random: Random) -> int:
    """Where some VR seems to stand; any place where none does."""
    found = _VR.search(data, random.randint(0, len(data)))
    return found.start() if found else random.randint(0, len(data))


def another_vr(data: bytes, random: Random, seeds: Sequence[bytes]) -> bytes:
    """Swap a VR."""
    at = _vr_place(data, random)
    return data[:at] + random.choice(_VRS) + data[at + 2 :]


def another_length(data: bytes, random: Random, seeds: Sequence[bytes]) -> bytes:
    """Lie about a length, of two bytes or of four, in either order."""
    at = _vr_place(data, random) + random.choice([0, 2, 4])
    length = random.choice([*_LENGTHS, len(data) - at, random.randrange(1 << 32)])
    if random.random() < 0.5:
        packed = struct.pack(random.choice("<>") + "H", length & 0xFFFF)
    else:
        packed = struct.pack(random.choice("<>") + "L", length & 0xFFFFFFFF)
    return data[:at] + packed + data[at + len(packed) :]


def another_element(data: bytes, random: Random, seeds: Sequence[bytes]) -> bytes:
    """Put an element that decides in front of another, well made or not."""
    at = max(_vr_place(data, random) - 4, 0)
    vr = random.choice([*sorted(LONG_VRS), "UI", "LO", "CS", "US", "IS", "SQ"])
    value = random.choice(
        [b"", b"1.2.3 ", b"../../x ", b"Covid1", b"nan ", random.randbytes(8), item(), item(b"x" * 9)]
    )
    length = None if random.random() < 0.7 else random.choice(_LENGTHS) & 0xFFFF
    little, implicit = random.random() < 0.8, random.random() < 0.3
    made = element(random.choice(_TAGS), vr, value, little=little, implicit=implicit, length=length)
    return data[:at] + made + data[at:]


def deflate(data: bytes, random: Random, seeds: Sequence[bytes]) -> bytes:
    """Deflate what follows the preamble, under that label, and perhaps spoil the stream."""
    engine = zlib.compressobj(random.choice([0, 1, 9]), wbits=-zlib.MAX_WBITS)
    body = data[340:] if data[128:132] == b"DICM" else data
    stream = engine.compress(body * random.choice([1, 1, 1, 30])) + engine.flush()
    if random.random() < 0.5:
        stream = random.choice([flip, cut, drop, splice])(stream, random, seeds)
    return preamble() + meta(DEFLATED) + stream


_ANYWHERE: list[Change] = [flip, overwrite, cut, drop, repeat, splice]
CHANGES: dict[str, list[Change]] = {
    "header": [
        *(flip, overwrite, cut, drop, repeat, splice, words(_BYTES)),
        *([another_vr, another_length, another_element] * 2),
        deflate,
    ],
    "clinical": [*_ANYWHERE, *[words(_JSON)] * 4],
    "inventory": [*_ANYWHERE, *[words(_CELLS)] * 4],
    "keys": [*_ANYWHERE, *[words(_KEYS)] * 4],
}
SEEDS: dict[str, Callable[[], Sequence[bytes]]] = {
    "header": header_seeds,
    "clinical": clinical_seeds,
    "inventory": inventory_seeds,
    "keys": key_seeds,
}
