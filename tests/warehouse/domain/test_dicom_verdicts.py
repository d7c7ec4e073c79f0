"""Every row of the table of DICOM inputs that one object's bytes decide."""

from __future__ import annotations

import re
import struct
import tracemalloc
import zlib

import pytest
from dicom_samples import (
    BIG,
    CT,
    DEFLATED,
    EXPLICIT,
    IMPLICIT,
    JPEG,
    SR,
    data_set,
    element,
    encapsulated,
    image,
    item,
    look,
    meta,
    numbers,
    packaged,
    padded,
    pixels,
    preamble,
    sequence,
    verdict,
)

from warehouse.domain.dicom import IdentityRules, Limits, Rejection, metadata
from warehouse.domain.records import Header

SYNTAXES = {
    "implicit": IMPLICIT,
    "explicit": EXPLICIT,
    "big endian": BIG,
    "deflated": DEFLATED,
    "encapsulated": JPEG,
}


def nested(levels: int, *, defined: bool) -> bytes:
    content = b""
    for _ in range(levels):
        content = sequence(0x0040A730, item(content, defined=defined), defined=defined)
    return content


@pytest.mark.parametrize("syntax", SYNTAXES.values(), ids=SYNTAXES)
def test_a_whole_image_gives_its_header(syntax: str) -> None:
    header, _ = look(image(syntax=syntax))
    assert isinstance(header, Header)
    assert (header.patient_id, header.study_uid, header.series_uid) == ("Covid1", "1.2.3.5", "1.2.3.6")
    assert (header.sop_uid, header.sop_class, header.transfer_syntax) == ("1.2.3.4", CT, syntax)
    assert (header.modality, header.type) == ("CT", "ct")
    assert (header.attributes["Rows"], header.attributes["KVP"]) == (4, None)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xd8\xff\xe0\0\x10JFIF\0\1" + bytes(500),
        b"PK\3\4" + bytes(500),
        b"<!DOCTYPE html><html>" + b" " * 500,
        bytes(1000),
        b"MZ" + bytes(500),
        b"\x08\0",
        element(0x00080005, "CS", b"ISO_IR 100"),
    ],
    ids=["empty", "jpeg", "zip", "html", "zeros", "program", "two bytes", "no identity at all"],
)
def test_not_dicom(data: bytes) -> None:
    assert verdict(data) == "not-dicom"


def test_an_empty_object_is_not_even_read() -> None:
    assert look(b"") == (Rejection("not-dicom"), [])


@pytest.mark.parametrize("start", [preamble() + b"", b""], ids=["preamble", "bare"])
@pytest.mark.parametrize(
    ("implicit", "little", "syntax"), [(False, True, EXPLICIT), (True, True, IMPLICIT), (False, False, BIG)]
)
def test_without_file_meta_the_first_element_tells(
    start: bytes, implicit: bool, little: bool, syntax: str
) -> None:
    body = data_set(implicit=implicit, little=little) + pixels(implicit=implicit, little=little)
    header, _ = look(start + body)
    assert isinstance(header, Header)
    assert (header.transfer_syntax, header.attributes["Rows"]) == (syntax, 4)


def test_file_meta_without_preamble() -> None:
    assert verdict(image()[132:]) == "whole"


@pytest.mark.parametrize(
    "first", [b"MZ", b"\x7fELF", b"#!/bin/sh\n", b"\xfe\xed\xfa\xce", b"\xcf\xfa\xed\xfe"]
)
def test_executable_preambles(first: bytes) -> None:
    assert verdict(image(start=first)) == "executable-preamble"


@pytest.mark.parametrize("first", [b"II*\0", b"MM\0*", b"some text"])
def test_other_preambles_pass(first: bytes) -> None:
    assert verdict(image(start=first)) == "whole"


def test_image_class_without_pixels() -> None:
    assert verdict(image(tail=b"")) == "truncated"
    assert verdict(image({0x00080016: None}, tail=b"")) == "truncated"  # the meta's class counts then


@pytest.mark.parametrize("syntax", SYNTAXES.values(), ids=SYNTAXES)
@pytest.mark.parametrize("defined", [True, False])
def test_every_cut_is_found(syntax: str, defined: bool) -> None:
    implicit, little = syntax == IMPLICIT, syntax != BIG
    inner = element(0x00080100, "SH", b"CODE", implicit=implicit, little=little)
    extra = sequence(
        0x00081140,
        item(inner, defined=defined, little=little),
        defined=defined,
        implicit=implicit,
        little=little,
    )
    data = image(syntax=syntax, extra=extra)
    assert verdict(data) == "whole"
    reasons = {verdict(data[:end]) for end in range(len(data))}
    assert reasons <= {"truncated", "not-dicom"}
    assert {verdict(data[:end]) for end in range(300, len(data))} == {"truncated"}


@pytest.mark.parametrize("syntax", [EXPLICIT, JPEG])
def test_what_follows_the_pixels_parses_to_the_end(syntax: str) -> None:
    data = image(syntax=syntax) + element(0xFFFCFFFC, "OB", bytes(200))
    assert verdict(data) == "whole"
    cuts = {end: verdict(data[:end]) for end in range(len(data) - 211, len(data))}
    assert set(cuts.values()) == {"truncated"}


def test_native_pixels_shorter_than_the_dimensions() -> None:
    assert verdict(image(tail=pixels(32))) == "whole"
    assert verdict(image(tail=pixels(34))) == "whole"
    assert verdict(image(tail=pixels(30))) == "truncated"
    assert verdict(image(tail=pixels(0))) == "truncated"
    frames = {0x00280008: ("IS", b"2 ")}
    assert verdict(image(frames, tail=pixels(32))) == "truncated"
    assert verdict(image(frames, tail=pixels(64))) == "whole"


def test_subsampled_and_single_bit_pixels_are_whole() -> None:
    colour = {0x00280002: ("US", b"\3\0"), 0x00280100: ("US", b"\x08\0")}
    assert verdict(image(colour, tail=pixels(32))) == "truncated"
    assert verdict(image(colour | {0x00280004: ("CS", b"YBR_FULL_422")}, tail=pixels(32))) == "whole"
    assert verdict(image({0x00280100: ("US", b"\1\0")}, tail=pixels(2))) == "whole"


@pytest.mark.parametrize("tag", [0x7FE00008, 0x7FE00009])
def test_float_pixels_are_pixels(tag: int) -> None:
    vr = {0x7FE00008: "OF", 0x7FE00009: "OD"}[tag]
    assert verdict(image(tail=element(tag, vr, bytes(32)))) == "whole"
    assert verdict(image(tail=element(tag, vr, bytes(32)))[:-1]) == "truncated"


def test_header_sizes() -> None:
    private = element(0x00090010, "LO", b"ACME") + element(0x00091001, "OB", bytes(2 << 20))
    assert verdict(image(extra=private)) == "whole"
    assert verdict(image(extra=private), limits=Limits(header=1 << 20)) == "header-too-large"


@pytest.mark.parametrize("defined", [True, False])
def test_headers_of_very_many_elements(defined: bool) -> None:
    few = Limits(elements=1000)
    many = sequence(0x00081140, *[item()] * 1000, defined=defined)
    assert verdict(image(extra=many)) == "whole"
    assert verdict(image(extra=many), limits=few) == "header-too-large"
    flat = element(0x00091001, "LO") * 1000
    assert verdict(image(extra=flat), limits=few) == "header-too-large"
    assert verdict(image() + flat * 2, limits=few) == "header-too-large"
    assert verdict(image(extra=flat[: 8000 // 2]), limits=few) == "whole"


def test_non_images_are_loaded_unless_unwanted() -> None:
    report = image({0x00080016: ("UI", padded(SR, b"\0")), 0x00080060: ("CS", b"SR")}, tail=b"")
    header, _ = look(report)
    assert isinstance(header, Header)
    assert header.type == "unknown"
    assert verdict(report, IdentityRules(quarantine_non_images=True)) == "not-an-image"
    assert verdict(report[:-1]) == "truncated"
    assert verdict(image(), IdentityRules(quarantine_non_images=True)) == "whole"


@pytest.mark.parametrize("name", ["DICOMDIR", "DICOMDIR-bigEnd", "DICOMDIR-implicit", "DICOMDIR-empty.dcm"])
def test_media_directories(name: str) -> None:
    assert verdict(packaged(f"dicomdirtests/{name}")) == "not-an-image"


def test_a_media_directory_without_its_class() -> None:
    records = sequence(0x00041220, item(element(0x00041430, "CS", b"IMAGE ")))
    assert verdict(preamble() + meta(EXPLICIT) + records) == "not-an-image"


def test_deflate_bomb_stops_early() -> None:
    engine = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    body = engine.compress(data_set() + element(0x7FE00010, "OW", length=1 << 28))
    for _ in range(256):
        body += engine.compress(bytes(1 << 20))
    bomb = preamble() + meta(DEFLATED) + body + engine.flush()
    assert len(bomb) < 1 << 20
    assert verdict(bomb) == "inflates-too-far"


def test_deflated_data_that_is_none() -> None:
    assert verdict(preamble() + meta(DEFLATED) + b"\xff" * 100) == "unreadable"
    assert verdict(image(syntax=DEFLATED) + b"\0") == "whole"
    assert verdict(image(syntax=DEFLATED) + bytes(100)) == "unreadable"


def test_deflated_objects_with_pixels_over_many_reads() -> None:
    engine = zlib.compressobj(0, wbits=-zlib.MAX_WBITS)
    body = data_set() + element(0x7FE00010, "OW", bytes(3 << 20)) + element(0xFFFCFFFC, "OB", bytes(10))
    data = preamble() + meta(DEFLATED) + engine.compress(body) + engine.flush()
    header, ranges = look(data)
    assert isinstance(header, Header)
    assert len(header.data) < 2000
    assert len(ranges) < 12
    assert verdict(data[: len(data) // 2]) == "truncated"


@pytest.mark.parametrize("defined", [True, False])
def test_nesting(defined: bool) -> None:
    header, _ = look(image(extra=nested(64, defined=defined)))
    assert isinstance(header, Header)
    assert metadata(header)[1] == 0
    for levels in (65, 240, 2000):
        assert verdict(image(extra=nested(levels, defined=defined))) == "nested-too-deep"


def test_nesting_inside_unknown_vr() -> None:
    content = b""
    for _ in range(240):
        content = sequence(0x0040A730, item(content, defined=False), defined=False, vr="UN")
    assert verdict(image(extra=content)) == "nested-too-deep"


@pytest.mark.parametrize(
    ("label", "implicit", "little"),
    [(EXPLICIT, True, True), (IMPLICIT, False, True), (BIG, False, True), (EXPLICIT, False, False)],
)
def test_mislabelled_encodings_that_yield_an_identity(label: str, implicit: bool, little: bool) -> None:
    body = data_set(implicit=implicit, little=little) + pixels(implicit=implicit, little=little)
    header, _ = look(preamble() + meta(label) + body)
    assert isinstance(header, Header)
    assert (header.patient_id, header.attributes["Rows"]) == ("Covid1", 4)
    assert metadata(header)[1] == 0


@pytest.mark.parametrize(
    "damage",
    [
        item(b"stray"),
        sequence(0x00081140, b"no item here, sorry", defined=False),
        struct.pack("<HHL", 0xFFFE, 0xE00D, 0),
    ],
)
def test_unreadable_structure(damage: bytes) -> None:
    assert verdict(image(extra=damage)) == "unreadable"


def test_a_broken_sequence_of_known_length_is_dropped() -> None:
    broken = sequence(0x00081140, item(element(0x00081150, "UI", b"1.2\0")), b"no item at all")
    header, _ = look(image(extra=broken))
    assert isinstance(header, Header)
    text, dropped = metadata(header)
    assert dropped == 1
    assert b"00081140" not in text
    assert b"00280010" in text


@pytest.mark.parametrize("vr", ["\0\0", "ZZ", "??"])
def test_unknown_vrs_are_dropped_and_counted(vr: str) -> None:
    header, _ = look(image(extra=element(0x00185100, vr, b"HFS ")))
    assert isinstance(header, Header)
    text, dropped = metadata(header)
    assert dropped == 1
    assert b"00185100" not in text
    assert b"0020000D" in text


@pytest.mark.parametrize("vr", ["\0\0", "ZZ"])
@pytest.mark.parametrize("tag", [0x00100020, 0x0020000D])
def test_unknown_vrs_on_an_identity(tag: int, vr: str) -> None:
    assert verdict(image({tag: (vr, b"1.2 ")})) == "invalid-identity"


BAD_PATIENTS = {
    "path": b"../../x ",
    "backslash": b"A\\B ",
    "empty": b"",
    "blank": b"    ",
    "NUL": b"A\0B ",
    "only NUL": b"\0\0",
    "65 characters": b"x" * 65 + b" ",
    "dot": b". ",
    "two dots": b"..",
    "slash": b"A/",
    "newline": b"A\nB ",
    "letters of no pattern": b"M\xfcller",
}


@pytest.mark.parametrize("value", BAD_PATIENTS.values(), ids=BAD_PATIENTS)
def test_patients_that_name_no_folder(value: bytes) -> None:
    assert verdict(image({0x00100020: ("LO", value)})) == "invalid-identity"


def test_a_missing_identity() -> None:
    for tag in (0x00080018, 0x00100020, 0x0020000D, 0x0020000E):
        assert verdict(image({tag: None})) == "invalid-identity"


@pytest.mark.parametrize("value", [b" Covid1 ", b"Covid1\0\0", b"a.b_c -d", b"x" * 64, b"000001"])
def test_patients_that_pass(value: bytes) -> None:
    header, _ = look(image({0x00100020: ("LO", value)}))
    assert isinstance(header, Header)
    assert header.patient_id == value.decode().strip(" \0")


@pytest.mark.parametrize("value", [b"anon", b"Anonymous ", b"UNKNOWN ", b" test ", b"0 ", b"0000000000"])
def test_placeholders(value: bytes) -> None:
    assert verdict(image({0x00100020: ("LO", value)})) == "placeholder-identity"


def test_configured_identities() -> None:
    wide = IdentityRules(patient_id_pattern=re.compile(r"[\w/\\]+"), placeholder_ids=frozenset(["NOBODY"]))
    charset = {0x00080005: ("CS", b"ISO_IR 192")}
    assert verdict(image(charset | {0x00100020: ("LO", "Müll".encode() + b" ")}), wide) == "whole"
    assert verdict(image(charset | {0x00100020: ("LO", b"M\xfcll")}), wide) == "invalid-identity"
    assert verdict(image({0x00100020: ("LO", b"a/b ")}), wide) == "invalid-identity"
    assert verdict(image({0x00100020: ("LO", b"nobody")}), wide) == "placeholder-identity"
    assert verdict(image({0x00100020: ("LO", b"test")}), wide) == "whole"


def test_an_existing_folder_is_kept() -> None:
    known = IdentityRules(existing_folder={"P#1", "a/b", ".."}.__contains__)
    assert verdict(image({0x00100020: ("LO", b"P#1 ")}), known) == "whole"
    assert verdict(image({0x00100020: ("LO", b"P#2 ")}), known) == "invalid-identity"
    assert verdict(image({0x00100020: ("LO", b"a/b ")}), known) == "invalid-identity"
    assert verdict(image({0x00100020: ("LO", b"..")}), known) == "invalid-identity"


@pytest.mark.parametrize("tag", [0x00080018, 0x0020000D, 0x0020000E])
@pytest.mark.parametrize(
    "value", [b"/validation/ct/P9 ", b"1" * 65 + b"\0", b"1..2", b".1", b"1.", b"1.a ", b"1\\2 "]
)
def test_uids_that_are_none(tag: int, value: bytes) -> None:
    assert verdict(image({tag: ("UI", value)})) == "invalid-identity"


@pytest.mark.parametrize("tag", [0x00080018, 0x00100020, 0x0020000D, 0x0020000E])
def test_an_identity_that_comes_twice(tag: int) -> None:
    again = element(tag, "LO", b"1.2.3.4.")
    assert verdict(image(extra=again)) == "duplicate-tag"
    assert verdict(image() + again) == "duplicate-tag"


def test_another_element_twice_is_no_harm() -> None:
    again = element(0x00185100, "CS", b"HFS ")
    assert verdict(image(extra=again + again)) == "whole"
    within = sequence(0x00101002, item(element(0x00100020, "LO", b"other1")))
    assert verdict(image(extra=within)) == "whole"


def test_unknown_character_sets_are_no_harm() -> None:
    for charset in (b"KLINGON ", b"undefined ", b"unicode_escape", b"hex ", b"\xff\xfe"):
        assert verdict(image({0x00080005: ("CS", charset)})) == "whole"


def test_attributes_are_converted_and_joined() -> None:
    header, _ = look(
        image(
            {
                0x00080008: ("CS", b"ORIGINAL\\PRIMARY\\AXIAL "),
                0x00180050: ("DS", b"2.5 "),
                0x00180060: ("DS", b"nan "),
                0x00200011: ("IS", b"abc "),
                0x00200013: ("IS", b"7 "),
                0x00280030: ("DS", b"0.5\\0.25"),
                0x00280101: ("US", numbers(12)),
            },
        ),
    )
    assert isinstance(header, Header)
    expected = {
        "ImageType": "ORIGINAL\\PRIMARY\\AXIAL",
        "SliceThickness": 2.5,
        "KVP": None,
        "SeriesNumber": None,
        "InstanceNumber": 7,
        "PixelSpacing": "0.5\\0.25",
        "BitsStored": 12,
        "Manufacturer": None,
    }
    assert {name: header.attributes[name] for name in expected} == expected


def test_fragments_that_are_none() -> None:
    wrong = sequence(0x7FE00010, item(), b"\1\2\3\4\5\6\7\x08", defined=False, vr="OB")
    assert verdict(image(tail=wrong, syntax=JPEG)) == "unreadable"
    assert verdict(image(tail=encapsulated(b"x" * 40) + b"\0" * 3, syntax=JPEG)) == "truncated"


def deflated(*parts: bytes) -> bytes:
    engine = zlib.compressobj(1, wbits=-zlib.MAX_WBITS)
    return preamble() + meta(DEFLATED) + b"".join(engine.compress(part) for part in parts) + engine.flush()


@pytest.mark.parametrize("first_read", [1024, 4096, 1 << 20])
def test_a_deflated_object_with_too_long_an_element_is_truncated_however_it_is_read(first_read: int) -> None:
    filling = bytes(range(256)) * 200
    data = deflated(
        data_set(extra=element(0x00091001, "OB", filling) + element(0x00091002, "OB", length=1 << 30))
    )
    assert verdict(data, limits=Limits(first_read=first_read)) == "truncated"


@pytest.mark.parametrize(
    ("tag", "value"),
    [
        (0x00081030, b"\\" * 1_000_001),  # LO
        (0x00081150, b"1\\" * 1_000_001),  # UI
        (0x00081048, b"A\\" * 100_001),  # PN
        (0x00204000, b"x" * ((4 << 20) + 2)),  # LT
    ],
    ids=["LO", "UI", "PN", "LT"],
)
def test_texts_that_would_fill_the_memory_are_dropped_and_counted(tag: int, value: bytes) -> None:
    def header(text: bytes) -> Header:
        extra = element(tag, "", text, implicit=True)
        found, _ = look(
            preamble() + meta(IMPLICIT) + data_set(implicit=True, extra=extra) + pixels(implicit=True)
        )
        assert isinstance(found, Header)
        return found

    name = f'"{tag:08X}"'.encode()
    text, dropped = metadata(header(value))
    assert (dropped, name in text) == (1, False)
    text, dropped = metadata(header(value[: len(value) // 4 * 2] + b"1 "))
    assert (dropped, name in text) == (0, True)


def test_a_deflated_object_is_held_once() -> None:
    fragment = item(bytes(1 << 20))
    head = data_set() + element(0x7FE00010, "OB", length=0xFFFFFFFF)
    data = deflated(head, *[fragment] * 40, sequence(0x7FE00010, defined=False, vr="OB")[12:])
    tracemalloc.start()
    try:
        assert verdict(data) == "whole"
        assert tracemalloc.get_traced_memory()[1] < 60 << 20
    finally:
        tracemalloc.stop()
