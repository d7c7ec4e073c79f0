"""The metadata equals pydicom's wherever pydicom converts: on its own files, and value by value."""

from __future__ import annotations

import logging
import math
import struct
import warnings
from typing import Any

import orjson
import pytest
from dicom_samples import (
    DEFLATED,
    EXPLICIT,
    IMPLICIT,
    PACKAGED,
    data_set,
    element,
    image,
    item,
    look,
    meta,
    packaged,
    pixels,
    preamble,
    reference,
    sequence,
)
from hypothesis import example, given, settings
from hypothesis import strategies as st

from warehouse.domain.dicom import metadata, to_json
from warehouse.domain.records import Header

FILES = sorted(str(path.relative_to(PACKAGED)) for path in PACKAGED.rglob("*") if path.is_file())
# Not DICOM at all, or broken within: pydicom reads something, but nothing to equal.
NOT_COMPARED = {"badVR.dcm", "no_meta.dcm", "rtplan_truncated.dcm", "dicomdirtests/DICOMDIR-nooffset"}


def ours(data: bytes) -> Any:
    return orjson.loads(to_json(data))


@pytest.mark.parametrize("name", FILES)
def test_packaged_files(name: str) -> None:
    data = packaged(name)
    dicom = data[128:132] == b"DICM" or name.endswith(".dcm")
    if not dicom:
        with pytest.raises(ValueError, match="not-dicom"):
            to_json(data)
    elif name not in NOT_COMPARED:
        assert ours(data) == reference(data)


def test_of_a_file_that_pydicom_refuses_the_rest_is_kept() -> None:
    data = packaged("badVR.dcm")
    with pytest.raises(ValueError):
        reference(data)
    header, _ = look(data)
    assert isinstance(header, Header)
    text, dropped = metadata(header)
    assert dropped == 1
    assert len(orjson.loads(text)) == 43


@pytest.mark.parametrize(
    "data",
    [
        packaged("CT_small.dcm"),
        packaged("MR_small_bigendian.dcm"),
        image(syntax=IMPLICIT),
        image(syntax=DEFLATED),
    ],
    ids=["explicit", "big endian", "implicit", "deflated"],
)
def test_a_header_and_its_whole_file_say_the_same(data: bytes) -> None:
    header, _ = look(data)
    assert isinstance(header, Header)
    text, dropped = metadata(header)
    assert dropped == 0
    assert text == to_json(data) == to_json(header.data, inflated=True)
    assert orjson.loads(text) == reference(data)


def test_neither_logs_nor_warnings_quote_a_header(caplog: pytest.LogCaptureFixture) -> None:
    bad = {0x00080005: ("CS", b"SECRET"), 0x00080008: ("CS", b"secret\xff"), 0x00180050: ("DS", b"secret")}
    with warnings.catch_warnings(), caplog.at_level(logging.DEBUG):
        warnings.simplefilter("error")
        header, _ = look(image(bad))
        assert isinstance(header, Header)
        assert metadata(header)[1] == 1
    assert caplog.records == []


TEXT = st.binary(max_size=24) | st.lists(
    st.sampled_from(
        [b"", b" ", b"a", b"A^B=C", b"\\", b"\0", b"=", b"\xe9", b"1", b"-1.5", b"1e3", b"nan", b"2.0", b"\t"]
    ),
    max_size=6,
).map(b"".join)
# (0018,9xxx) and friends, so that no dictionary VR comes in: explicit VRs stand.
ANY_TAG = 0x00189999
TEXT_VRS = [
    "AE",
    "AS",
    "CS",
    "DA",
    "DS",
    "DT",
    "IS",
    "LO",
    "LT",
    "PN",
    "SH",
    "ST",
    "TM",
    "UC",
    "UI",
    "UR",
    "UT",
]
NUMBER_VRS = ["AT", "FD", "FL", "SL", "SS", "SV", "UL", "US", "UV", "OB", "OD", "OF", "OL", "OV", "OW", "UN"]


def lossy(vr: str, data: bytes) -> bool:
    """IS values that pydicom bends to an integer, or that no 64 bits hold."""
    if vr != "IS":
        return False
    try:
        parts = [float(part) for part in data.decode("latin-1").rstrip(" \0").split("\\")]
    except ValueError:
        return False
    return any(not part.is_integer() or abs(part) >= 1 << 53 for part in parts)


def compare(vr: str, value: bytes, *, little: bool = True, charset: bytes = b"") -> None:
    before = element(0x00080005, "CS", charset, little=little) if charset else b""
    data = preamble() + before + element(0x00080060, "CS", b"CT", little=little)
    data += element(ANY_TAG, vr, value, little=little)
    mine = ours(data)
    try:
        theirs = reference(data)
    except Exception:
        assert f"{ANY_TAG:08X}" not in mine
        return
    if lossy(vr, value):
        theirs.pop(f"{ANY_TAG:08X}")
    assert mine == theirs


@settings(max_examples=600, deadline=None)
@given(st.sampled_from(TEXT_VRS), TEXT)
@example("IS", b"\t")
def test_text_values(vr: str, value: bytes) -> None:
    compare(vr, value)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(NUMBER_VRS), st.binary(max_size=24), st.booleans())
def test_binary_values(vr: str, value: bytes, little: bool) -> None:
    compare(vr, value, little=little)


CHARSETS = [
    b"ISO_IR 100",
    b"ISO_IR 192",
    b"GB18030 ",
    b"ISO_IR 13 ",
    b"\\ISO 2022 IR 87",
    b"ISO 2022 IR 13\\ISO 2022 IR 87\\ISO 2022 IR 159",
    b"\\ISO 2022 IR 149",
    b"ISO 2022 IR 100\\ISO 2022 IR 144",
    b"ISO-IR 144",
    b"ISO_IR 192\\ISO_IR 100",
    b"ISO_IR 100\\GBK",
    b"latin2",
    b"NONSENSE",
]
ESCAPES = [b"\x1b$B", b"\x1b(B", b"\x1b$)C", b"\x1b-L", b"\x1b(J", b"\x1b$(D", b"\x1b-A", b"\x1bQQ"]
ENCODED = st.lists(
    st.sampled_from(
        [*ESCAPES, b"\r", b"^", b"=", b"\\", "é".encode(), b"\xb1\xe8\xc8\xf1", b";3ED", b"Yamada"]
    )
    | st.binary(max_size=4),
    max_size=8,
).map(b"".join)


@settings(max_examples=500, deadline=None)
@given(st.sampled_from(["LO", "PN", "LT", "UC"]), st.sampled_from(CHARSETS), ENCODED)
@example("PN", b"\\ISO 2022 IR 87", b"\0\x1b$B")
def test_character_sets(vr: str, charset: bytes, value: bytes) -> None:
    compare(vr, value, charset=charset)


def implicit_image(*elements: bytes) -> bytes:
    return preamble() + meta(IMPLICIT) + b"".join(elements)


@pytest.mark.parametrize("signed", [0, 1])
def test_what_the_dictionary_leaves_open(signed: int) -> None:
    def plain(tag: int, value: bytes) -> bytes:
        return element(tag, "", value, implicit=True)

    lut = plain(0x00283002, struct.pack("<3h", -1, 0, 16)) + plain(0x00283006, b"\1\0\2\0")
    single = plain(0x00283002, struct.pack("<3h", 1, 0, 16)) + plain(0x00283006, b"\1\0")
    data = implicit_image(
        plain(0x00080060, b"CT"),
        plain(0x00280103, struct.pack("<H", signed)),
        plain(0x00280106, b"\xfe\xff"),
        plain(0x00281101, b"\xff\xff\0\0\x10\0"),
        sequence(0x00283000, item(lut), item(single), implicit=True),
        sequence(0x00283010, item(lut), implicit=True),
        plain(0x60003000, b"\1\2"),
    )
    assert ours(data) == reference(data)
    assert ours(data)["00283010"] is None


def test_private_elements_of_known_creators() -> None:
    known = element(0x00190010, "", b"GEMS_ACQU_01", implicit=True)
    known += element(0x00191002, "", b"\1\0\0\0", implicit=True)
    known += element(0x00191102, "", b"\1\0\0\0", implicit=True)
    data = implicit_image(element(0x00080060, "", b"CT", implicit=True), known)
    assert ours(data) == reference(data)
    assert ours(data)["00191002"]["vr"] == "SL"


def test_unknown_vrs_of_known_elements() -> None:
    inner = element(0x00080100, "", b"CODE", implicit=True)
    data = (
        preamble()
        + meta(EXPLICIT)
        + element(0x00080060, "UN", b"CT")
        + sequence(0x00081140, item(inner, defined=False), defined=False, vr="UN")
        + element(0x00180050, "UN", b"2.5 ")
        + element(0x00189998, "UN", b"2.5 ")
    )
    assert ours(data) == reference(data)
    assert ours(data)["00081140"]["Value"] == [{"00080100": {"vr": "SH", "Value": ["CODE"]}}]


def test_binary_and_numbers_without_json() -> None:
    data = image(
        extra=element(0x00189073, "FD", struct.pack("<2d", math.nan, 1.5))
        + element(0x00189074, "DT", b"2020")
        + element(0x00189075, "FL", struct.pack("<f", -math.inf))
        + element(0x00189076, "OB", b"\1\2"),
    )
    read = ours(data)
    assert read["00189073"] == {"vr": "FD", "Value": [None, 1.5]}
    assert read["00189075"] == {"vr": "FL", "Value": [None]}
    assert read["00189076"] == {"vr": "OB", "InlineBinary": None}


@pytest.mark.parametrize(
    ("vr", "value"),
    [("IS", b"2.5 "), ("IS", b"abc "), ("DS", b"1,5 "), ("US", b"\1"), ("FD", b"1234567"), ("IS", b"9" * 30)],
)
def test_values_that_no_json_can_hold_are_counted_at_any_depth(vr: str, value: bytes) -> None:
    bad = element(0x00189073, vr, value)
    header, _ = look(
        image(extra=sequence(0x00081140, item(bad), item(bad + element(0x00200013, "IS", b"1 "))) + bad)
    )
    assert isinstance(header, Header)
    text, dropped = metadata(header)
    assert dropped == 3
    assert orjson.loads(text)["00081140"]["Value"] == [{}, {"00200013": {"vr": "IS", "Value": [1]}}]


def test_nesting_costs_no_recursion() -> None:
    content = b""
    for _ in range(64):
        content = sequence(0x0040A730, item(content))
    data = image(extra=content)

    def deep(frames: int) -> bytes:
        return deep(frames - 1) if frames else to_json(data)

    assert deep(700) == to_json(data)


def test_encapsulated_icons_inside_sequences() -> None:
    icon = sequence(0x7FE00010, item(), item(b"\1\2\3\4"), defined=False, vr="OB")
    data = preamble() + meta(EXPLICIT) + data_set(extra=sequence(0x00880200, item(icon))) + pixels()
    assert ours(data) == reference(data)
