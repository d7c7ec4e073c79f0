"""What `examine` reads: as little as will do, never twice, and with one verdict however it is cut up."""

from __future__ import annotations

import struct

import pytest
from dicom_samples import (
    EXPLICIT,
    JPEG,
    PACKAGED,
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
from hypothesis import example, given, settings
from hypothesis import strategies as st

from warehouse.domain.dicom import Limits, Rejection, examine, metadata, to_json
from warehouse.domain.records import Header

FILES = sorted(str(path.relative_to(PACKAGED)) for path in PACKAGED.rglob("*") if path.is_file())
CUT = [
    "CT_small.dcm",
    "MR_small.dcm",
    "MR_small_implicit.dcm",
    "MR_small_bigendian.dcm",
    "JPEG2000-embedded-sequence-delimiter.dcm",
    "SC_rgb_jpeg_gdcm.dcm",
    "MR_small_RLE.dcm",
    "SC_rgb_rle_2frame.dcm",
]


def test_reads_of_common_objects() -> None:
    assert look(packaged("MR_small.dcm"))[1] == [(0, 9830)]
    # It has padding behind its pixels, but is no larger than three first reads.
    assert look(packaged("CT_small.dcm"))[1] == [(0, 39206)]
    padding = element(0xFFFCFFFC, "OB", bytes(126))
    large = image(tail=element(0x7FE00010, "OW", bytes(512 * 512 * 2)) + padding)
    assert look(large)[1] == [(0, 20480), (len(large) - len(padding), len(padding))]
    plain = preamble() + meta(EXPLICIT) + data_set() + pixels(200)
    assert len(look(plain)[1]) == 1


def test_native_pixels_up_to_the_end_cost_one_read() -> None:
    large = image(tail=element(0x7FE00010, "OW", bytes(512 * 512 * 2)))
    assert look(large)[1] == [(0, 20480)]


def test_a_single_fragment_costs_one_small_suffix() -> None:
    data = image(tail=encapsulated(bytes(300_000)), syntax=JPEG)
    end, ranges = look(data)
    assert isinstance(end, Header)
    assert ranges == [(0, 20480), (len(data) - 8, 8)]


def multi_frame(frames: int, size: int, *, table: bool, shift: int = 0) -> bytes:
    offsets = struct.pack(f"<{frames}L", *(index * (size + 8) + shift for index in range(frames)))
    fragments = [bytes([index % 251]) * size for index in range(frames)]
    return image(
        {0x00280008: ("IS", str(frames).encode().ljust(4))},
        tail=encapsulated(*fragments, table=offsets if table else b""),
        syntax=JPEG,
    )


@pytest.mark.parametrize("padding", [b"", element(0xFFFCFFFC, "OB", bytes(500))])
def test_many_fragments_cost_one_suffix(padding: bytes) -> None:
    limits = Limits(tail=64 * 1024)
    for size, table in [(30_000, False), (30_000, True), (100_000, True), (100_000, False)]:
        data = multi_frame(20, size, table=table) + padding
        end, ranges = look(data, limits=limits)
        assert isinstance(end, Header)
        assert len(ranges) == 2
        assert ranges[1][1] <= 64 * 1024
        for cut in [1, 7, 8, 9, 100, size, size * 3]:
            assert verdict(data[:-cut], limits=limits) == "truncated"


def test_a_wrong_offset_table_is_no_harm() -> None:
    assert verdict(multi_frame(20, 30_000, table=True, shift=4), limits=Limits(tail=64 * 1024)) == "whole"


def test_headers_grow_in_few_reads() -> None:
    data = image(extra=element(0x00091001, "OB", bytes(5_000_000)))
    end, ranges = look(data)
    assert isinstance(end, Header)
    assert len(ranges) == 2
    many = image(extra=b"".join(element(0x00091001, "LO", b"x" * 50) for _ in range(20_000)))
    assert len(look(many)[1]) <= 9


def test_a_large_object_is_refused_before_it_is_read() -> None:
    data = preamble() + meta(EXPLICIT) + data_set() + element(0x00420011, "OB", length=100 << 20)
    size = len(data) + (100 << 20)
    run = examine(size)
    first = next(run)
    with pytest.raises(StopIteration) as done:
        run.send(data.ljust(first.length, b"\0"))
    assert done.value.value == Rejection("header-too-large")


def test_short_answers_are_truncated_objects() -> None:
    run = examine(len(image()))
    next(run)
    with pytest.raises(StopIteration) as done:
        run.send(image()[:-1])
    assert done.value.value == Rejection("truncated")


@pytest.mark.parametrize("name", FILES)
def test_one_verdict_however_it_is_read(name: str) -> None:
    data = packaged(name)
    whole, _ = look(data, limits=Limits(first_read=1 << 30))
    for first in (1024, 4096, 20480):
        assert look(data, limits=Limits(first_read=first))[0] == whole


def still_whole(data: bytes) -> int:
    """Where the object may end by itself: behind its pixels, where only padding (FFFC,FFFC) follows."""
    padding = data.rfind(b"\xfc\xff\xfc\xff")
    return padding if padding >= 0 else len(data)


def check_cuts(name: str, step: int) -> None:
    data = packaged(name)
    assert verdict(data) == "whole"
    allowed = still_whole(data)
    for end in range(0, len(data), step):
        found = verdict(data[:end])
        assert found in ("truncated", "not-dicom") or end == allowed, end
        assert found == "truncated" or end < 256 or end == allowed
    if allowed < len(data):
        assert verdict(data[:allowed]) == "whole"


@pytest.mark.parametrize("name", CUT)
def test_cuts(name: str) -> None:
    check_cuts(name, 61)


@pytest.mark.nightly
@pytest.mark.parametrize("name", CUT)
def test_every_cut(name: str) -> None:
    check_cuts(name, 1)


def test_cuts_of_a_deflated_object() -> None:
    data = packaged("image_dfl.dcm")
    assert {verdict(data[:end]) for end in range(350, len(data) - 8, 61)} == {"truncated"}


def settle(data: bytes) -> None:
    """Whatever the bytes are, they end in a verdict, and the header's metadata is JSON."""
    end, _ = look(data, limits=Limits(first_read=512))
    if isinstance(end, Header):
        metadata(end)
    else:
        assert end.reason.replace("-", "").isalpha()
    try:
        to_json(data)
    except ValueError as error:
        assert error.args[0].replace("-", "").isalpha()  # noqa: PT017


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=600), st.booleans())
@example(b"\x08\0\5\0CS\xff\xff", False)
def test_random_bytes(data: bytes, prefixed: bool) -> None:
    settle(preamble() + data if prefixed else data)


SMALL = image(
    extra=sequence(0x00081140, item(element(0x00081150, "UI", b"1.2\0"), defined=False), defined=False)
    + element(0x00090010, "LO", b"ACME")
    + element(0x00091001, "UN", b"abcd"),
    tail=encapsulated(b"abcd", b"efgh"),
    syntax=JPEG,
)
SEEDS = [SMALL, image(), packaged("MR_small_implicit.dcm")[:4000], packaged("image_dfl.dcm")]
EDITS = st.lists(
    st.tuples(st.integers(0, 1 << 16), st.binary(min_size=0, max_size=4), st.integers(0, 4)),
    min_size=1,
    max_size=5,
)


@settings(max_examples=500, deadline=None)
@given(st.sampled_from(SEEDS), EDITS)
def test_mutations(seed: bytes, edits: list[tuple[int, bytes, int]]) -> None:
    data = bytearray(seed)
    for place, new, gone in edits:
        start = 100 + place % (len(data) - 100)
        data[start : start + gone] = new
    settle(bytes(data))


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 4000), st.integers(0, 3))
def test_first_reads_of_any_size(first: int, which: int) -> None:
    data = [SMALL, image(), packaged("MR_small.dcm"), packaged("MR_small_RLE.dcm")][which]
    assert verdict(data, limits=Limits(first_read=first)) == "whole"
