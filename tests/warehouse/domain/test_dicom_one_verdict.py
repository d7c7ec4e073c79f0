"""One version of an object has one verdict, whatever ranges it is read in: damage shows early or late."""

from __future__ import annotations

import struct
import zlib
from dataclasses import replace

import pytest
from dicom_samples import (
    DEFLATED,
    JPEG,
    data_set,
    element,
    encapsulated,
    image,
    item,
    look,
    meta,
    packaged,
    pixels,
    preamble,
    sequence,
    verdict,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from warehouse.domain.dicom import Limits
from warehouse.domain.dicom_source import WHOLE

FIRST_READS = (1, 100, 1024, 4096, 20 * 1024, 1 << 30)
FILLING = bytes(range(256)) * 20
PADDING = element(0xFFFCFFFC, "OB", FILLING)


def stored(*parts: bytes, end: bytes | None = None) -> bytes:
    """A deflated object that holds its data set as it stands; `end` replaces the end of the stream."""
    engine = zlib.compressobj(0, wbits=-zlib.MAX_WBITS)
    stream = engine.compress(b"".join(parts)) + engine.flush(zlib.Z_SYNC_FLUSH)
    return preamble() + meta(DEFLATED) + stream + (engine.flush() if end is None else end)


def frames(count: int, size: int, *, table: bool, damaged: int) -> bytes:
    """Encapsulated frames, of which one says that it is no item."""
    offsets = struct.pack(f"<{count}L", *(index * (size + 8) for index in range(count)))
    items = [item(bytes(size)) for _ in range(count)]
    items[damaged] = b"\xff\xff\xff\xff" + items[damaged][4:]
    tail = sequence(0x7FE00010, item(offsets if table else b""), *items, defined=False, vr="OB")
    return image(tail=tail, syntax=JPEG)


NO_BLOCK = b"\xff"
LONG = element(0x00091001, "OB", FILLING)
CASES = {
    "too few pixels, and behind them no block of the stream": (
        stored(data_set(), pixels(2), PADDING, end=NO_BLOCK),
        Limits(),
        "unreadable",
    ),
    "too few pixels, and the stream goes on behind its end": (
        stored(data_set(), pixels(2), PADDING) + FILLING,
        Limits(),
        "unreadable",
    ),
    "a header that is too large, and a stream that inflates too far": (
        stored(data_set(extra=LONG), pixels(), PADDING * 20),
        Limits(header=4096, inflated=64 * 1024),
        "inflates-too-far",
    ),
    "a deflated header that is a little too large": (
        image(extra=LONG, syntax=DEFLATED),
        Limits(header=len(FILLING)),
        "header-too-large",
    ),
    "pixels of no VR at the end of a deflated data set": (
        stored(data_set(extra=LONG), element(0x7FE00010, "OW", bytes(32)).replace(b"OW", b"ZZ")),
        Limits(),
        "whole",
    ),
    "a damaged frame of a small object, that the offset table leads past": (
        frames(4, 6000, table=True, damaged=2),
        Limits(),
        "unreadable",
    ),
    "a damaged frame that the offset table leads past": (
        frames(20, 6000, table=True, damaged=10),
        Limits(),
        "whole",
    ),
    "a damaged frame at hand, far from the end": (
        frames(80, 1200, table=False, damaged=8),
        Limits(tail=2048),
        "unreadable",
    ),
    "a damaged frame in the middle, where nobody looks": (
        frames(80, 1200, table=False, damaged=40),
        Limits(tail=2048),
        "whole",
    ),
    "a long offset table far from the end": (
        frames(6000, 8, table=True, damaged=3000),
        Limits(tail=32 * 1024),
        "whole",
    ),
    "much behind the end of few fragments": (
        image(tail=encapsulated(bytes(40)) + PADDING * 20, syntax=JPEG),
        Limits(tail=2048),
        "whole",
    ),
}


@pytest.mark.parametrize(("data", "limits", "expected"), CASES.values(), ids=CASES)
def test_damage_is_told_alike_however_it_is_read(data: bytes, limits: Limits, expected: str) -> None:
    found = {first: verdict(data, limits=replace(limits, first_read=first)) for first in FIRST_READS}
    assert found == dict.fromkeys(FIRST_READS, expected)


SEEDS = [
    image(tail=encapsulated(b"x" * 3000, b"y" * 40, b"z" * 3000, table=bytes(12)), syntax=JPEG),
    stored(data_set(), element(0x7FE00010, "OB", length=0xFFFFFFFF), item(), item(bytes(5000)), PADDING),
    stored(data_set(), pixels(), PADDING),
    image(tail=pixels() + PADDING),
    packaged("image_dfl.dcm"),
    packaged("MR_small_RLE.dcm"),
]
EDITS = st.lists(
    st.tuples(st.floats(0, 1), st.sampled_from([b"", b"\xff", b"ZZ", b"\0\0", bytes(8)]), st.integers(0, 8)),
    min_size=1,
    max_size=3,
)
BOUNDS = st.builds(
    Limits,
    header=st.integers(4096, 16384),
    inflated=st.integers(4096, 65536),
    at_hand=st.integers(8, 4096),
    tail=st.integers(8, 4096),
    elements=st.integers(20, 100),
    # A small object is read whole: the limit of a header is never below that.
).filter(lambda limits: WHOLE * limits.at_hand <= limits.header)


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(SEEDS), EDITS, BOUNDS, st.integers(1, 8192))
def test_any_object_has_one_verdict_however_it_is_read(
    seed: bytes, edits: list[tuple[float, bytes, int]], limits: Limits, first: int
) -> None:
    data = bytearray(seed)
    for place, new, gone in edits:
        start = 132 + int(place * (len(data) - 132))
        data[start : start + gone] = new
    whole, _ = look(bytes(data), limits=replace(limits, first_read=1 << 30))
    assert look(bytes(data), limits=replace(limits, first_read=first))[0] == whole
