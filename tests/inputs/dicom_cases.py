"""The rows of "DICOM" in docs/inputs.md, each with all its alternatives."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from functools import cache

from dicom_samples import (
    BIG,
    DEFLATED,
    EXPLICIT,
    IMPLICIT,
    JPEG,
    SR,
    data_set,
    element,
    encapsulated,
    item,
    meta,
    packaged,
    padded,
    pixels,
    preamble,
    sequence,
)
from input_cases import LOADED, NO_FILE, Case, Cases, Who, quarantined

KO, PLAN, PDF = (
    "1.2.840.10008.5.1.4.1.1.88.59",
    "1.2.840.10008.5.1.4.1.1.481.5",
    "1.2.840.10008.5.1.4.1.1.104.1",
)
MIB = 1 << 20


def body(who: Who, *, little: bool = True, implicit: bool = False, extra: bytes = b"") -> bytes:
    made = data_set(who.identity, little=little, implicit=implicit, extra=extra)
    return made + pixels(little=little, implicit=implicit)


def open_sequence(who: Who) -> bytes:
    inner = item(element(0x00081150, "UI", b"1.2\0"), defined=False)
    return who.image(extra=sequence(0x00081140, inner, defined=False))


def nested(levels: int, *, defined: bool) -> bytes:
    content = b""
    for _ in range(levels):
        content = sequence(0x0040A730, item(content, defined=defined), defined=defined)
    return content


@cache
def bomb(pixel_data: bool) -> bytes:
    engine = zlib.compressobj(1, wbits=-zlib.MAX_WBITS)
    head = data_set() + element(0x7FE00010 if pixel_data else 0x00420011, "OB", length=200 * MIB)
    stream = b"".join([engine.compress(head), *(engine.compress(bytes(MIB)) for _ in range(200))])
    return preamble() + meta(DEFLATED) + stream + engine.flush()


def report(who: Who, sop_class: str) -> bytes:
    changes = {0x00080016: ("UI", padded(sop_class, b"\0")), 0x00080060: ("CS", b"SR")}
    return who.image(changes, tail=b"")


def with_element(tag: int, vr: str, value: bytes) -> Callable[[Who], bytes]:
    return lambda who: who.image({tag: (vr, value)})


def extra_element(tag: int, vr: str, value: bytes) -> Callable[[Who], bytes]:
    return lambda who: who.image(extra=element(tag, vr, value))


def structure(cases: Cases) -> None:
    """What no DICOM is, and what is cut."""
    row = "Nothing, or no DICOM: a JPEG, ZIP or HTML file with the suffix `.dcm`, text without preamble"
    cases.images(
        row,
        quarantined("not-dicom"),
        empty=lambda who: b"",
        jpeg=lambda who: b"\xff\xd8\xff\xe0\0\x10JFIF\0\1" + bytes(9000),
        zip=lambda who: b"PK\3\4" + bytes(9000),
        html=lambda who: b"<!DOCTYPE html><html>" + b" " * 9000,
        text=lambda who: b"nothing of the kind",
    )
    row = "A data set without preamble, or without file meta information"
    cases.images(
        row,
        LOADED,
        neither=lambda who: body(who),
        no_preamble=lambda who: who.image()[132:],
        no_file_meta=lambda who: preamble() + body(who),
        implicit=lambda who: body(who, implicit=True),
        big_endian=lambda who: body(who, little=False),
    )
    row = "A file cut in its header"
    cases.images(
        row,
        quarantined("truncated"),
        behind_the_preamble=lambda who: who.image()[:132],
        in_the_file_meta=lambda who: who.image()[:170],
        in_an_element=lambda who: who.image()[:300],
        in_a_large_header=lambda who: who.image(extra=element(0x00091001, "OB", bytes(50_000)))[:30_000],
    )
    cases.images(row, quarantined("not-dicom"), in_the_preamble=lambda who: who.image()[:100])
    row = "A file cut in its native or encapsulated pixels, or behind them"
    padding = element(0xFFFCFFFC, "OB", bytes(300))
    frames = encapsulated(*[bytes(4000)] * 20)
    cases.images(
        row,
        quarantined("truncated"),
        native=lambda who: who.image()[:-1],
        native_by_dimensions=lambda who: who.image(tail=pixels(30)),
        large_native=lambda who: who.image(tail=element(0x7FE00010, "OW", bytes(90_000)))[:-2],
        encapsulated=lambda who: who.image(syntax=JPEG)[:-20],
        without_the_delimiter=lambda who: who.image(syntax=JPEG)[:-8],
        many_fragments=lambda who: who.image(tail=frames, syntax=JPEG)[:-5000],
        behind_native=lambda who: (who.image() + padding)[:-1],
        behind_encapsulated=lambda who: (who.image(syntax=JPEG) + padding)[:-100],
        deflated=lambda who: who.image(syntax=DEFLATED)[:-20],
    )
    row = "A file cut inside a sequence of undefined length"
    cases.images(
        row,
        quarantined("truncated"),
        in_an_item=lambda who: open_sequence(who)[: open_sequence(who).index(b"1.2\0") + 2],
        before_its_delimiter=lambda who: open_sequence(who)[: open_sequence(who).index(b"1.2\0") + 4],
    )
    row = "An image class without pixels"
    cases.images(row, quarantined("truncated"), none=lambda who: who.image(tail=b""))


def sizes(cases: Cases) -> None:
    """What is large, deflated or deep."""
    row = "A large header"
    for name, size in {"100 KB": 100_000, "2 MB": 2_000_000}.items():
        cases.image(row, name, LOADED, extra_element(0x00091001, "OB", bytes(size)))
    cases.image(
        row, "64 MiB", quarantined("header-too-large"), extra_element(0x00091001, "OB", bytes(64 * MIB))
    )
    row = "A report, a key object selection, a plan, an encapsulated document"
    for name, sop_class in {"report": SR, "key objects": KO, "plan": PLAN, "document": PDF}.items():
        cases.image(row, name, LOADED, lambda who, sop_class=sop_class: report(who, sop_class))
        cases.image(
            row,
            f"{name}, unwanted",
            quarantined("not-an-image"),
            lambda who, sop_class=sop_class: report(who, sop_class),
            configuration="strict",
        )
    row = "A deflated transfer syntax"
    long = element(0x00091001, "OB", bytes(range(256)) * 300)
    cases.images(
        row,
        LOADED,
        small=lambda who: who.image(syntax=DEFLATED),
        large=lambda who: who.image(syntax=DEFLATED, extra=long),
        padded=lambda who: who.image(syntax=DEFLATED) + b"\0",
    )
    cases.images(row, quarantined("truncated"), cut=lambda who: who.image(syntax=DEFLATED, extra=long)[:-40])
    cases.images(
        row,
        quarantined("unreadable"),
        no_stream=lambda who: preamble() + meta(DEFLATED) + b"\xff" * 100,
        something_behind=lambda who: who.image(syntax=DEFLATED) + bytes(100),
    )
    row = "A deflate bomb"
    cases.images(
        row,
        quarantined("inflates-too-far"),
        in_its_pixels=lambda who: bomb(True),
        in_one_element=lambda who: bomb(False),
    )
    row = "Sequences nested deeper than 64 levels"
    for defined in (True, False):
        for levels in (65, 240, 1000):
            cases.image(
                row,
                f"{levels} levels, {'defined' if defined else 'undefined'}",
                quarantined("nested-too-deep"),
                lambda who, levels=levels, defined=defined: who.image(extra=nested(levels, defined=defined)),
            )
        cases.image(
            row,
            f"64 levels, {'defined' if defined else 'undefined'}",
            LOADED,
            lambda who, defined=defined: who.image(extra=nested(64, defined=defined)),
        )


def encodings(cases: Cases) -> None:
    """Labels, VRs, numbers and texts that are wrong."""
    row = "Implicit VR labelled as explicit, or the reverse; big endian labelled as little, or the reverse"
    cases.images(
        row,
        LOADED,
        implicit_as_explicit=lambda who: preamble() + meta(EXPLICIT) + body(who, implicit=True),
        explicit_as_implicit=lambda who: preamble() + meta(IMPLICIT) + body(who),
        little_as_big=lambda who: preamble() + meta(BIG) + body(who),
        big_as_little=lambda who: preamble() + meta(EXPLICIT) + body(who, little=False),
    )
    cases.images(row, quarantined("unreadable"), no_structure=lambda who: who.image(extra=item(b"stray")))
    row = "An unknown VR"
    for name, vr in {"NUL": "\0\0", "ZZ": "ZZ"}.items():
        cases.image(row, name, LOADED, extra_element(0x00185100, vr, b"HFS "))
        cases.image(
            row,
            f"{name} on an identity",
            quarantined("invalid-identity"),
            with_element(0x0020000D, vr, b"1.2 "),
        )
    row = "Numbers that are none, odd lengths of binary numbers"
    numbers = {"IS 2.5": ("IS", b"2.5 "), "IS abc": ("IS", b"abc "), "DS 1,5": ("DS", b"1,5 ")}
    numbers |= {"odd US": ("US", b"\1"), "odd FD": ("FD", b"1234567")}
    for name, (vr, value) in numbers.items():
        cases.image(row, name, LOADED, extra_element(0x00189073, vr, value))
    row = "NaN and infinity"
    for name, number in {"NaN": float("nan"), "infinity": float("-inf")}.items():
        cases.image(row, f"FD {name}", LOADED, extra_element(0x00189073, "FD", struct.pack("<d", number)))
        cases.image(row, f"FL {name}", LOADED, extra_element(0x00189075, "FL", struct.pack("<f", number)))
        cases.image(row, f"DS {name}", LOADED, extra_element(0x00180060, "DS", padded(str(number))))
    row = "An unknown character set, or bytes that are not of it"
    cases.image(row, "unknown", LOADED, with_element(0x00080005, "CS", b"KLINGON "))
    utf8 = {0x00080005: ("CS", b"ISO_IR 192")}
    cases.image(
        row, "other bytes", LOADED, lambda who: who.image(utf8, extra=element(0x00081030, "LO", b"M\xfcll"))
    )
    cases.image(
        row,
        "in the identity",
        quarantined("invalid-identity"),
        lambda who: who.image({**utf8, 0x00100020: ("LO", b"M\xfcll")}),
        patient=NO_FILE,
    )


def identities(cases: Cases) -> None:
    """Identifiers that must not name a folder."""
    row = "A PatientID that cannot name a folder"
    bad = {"path": b"../../x ", "backslash": b"A\\B ", "empty": b"", "blank": b"    ", "NUL": b"A\0B "}
    bad |= {"65 characters": b"x" * 65 + b" ", "dot": b". ", "two dots": b"..", "newline": b"A\nB "}
    bad |= {"slash": b"A/", "other letters": b"M\xfcller"}
    for name, value in bad.items():
        cases.image(row, name, quarantined("invalid-identity"), with_element(0x00100020, "LO", value))
    cases.image(row, "missing", quarantined("invalid-identity"), lambda who: who.image({0x00100020: None}))
    wide = with_element(0x00100020, "LO", b"P#1 ")
    cases.image(row, "a wider pattern", LOADED, wide, patient="P#1", configuration="wide")
    for name, value in {"path": b"../../x ", "backslash": b"A\\B ", "long": b"x" * 252}.items():
        made = with_element(0x00100020, "LO", value)
        reason = quarantined("invalid-identity")
        cases.image(row, f"{name}, in a wider pattern", reason, made, configuration="wide")
    cases.image(
        row,
        "a folder that stands",
        LOADED,
        with_element(0x00100020, "LO", b"P#2 "),
        patient=NO_FILE,
        standing={"training/data/P#2/data_2019-01-01.json": b"{}"},
    )
    row = "A placeholder as PatientID"
    for value in (b"anon", b"Anonymous ", b"UNKNOWN ", b" test ", b"0 ", b"0000000000"):
        made = with_element(0x00100020, "LO", value)
        cases.image(row, value.decode().strip(), quarantined("placeholder-identity"), made)
    row = "A UID that is none"
    for tag in (0x00080018, 0x0020000D, 0x0020000E):
        for value in (b"/validation/ct/P9 ", b"1" * 65 + b"\0", b"1..2", b".1", b"1.", b"1.a ", b""):
            name = f"{tag:08X} {value[:18].decode()}"
            cases.image(row, name, quarantined("invalid-identity"), with_element(tag, "UI", value))
    row = "An identity element that stands twice"
    for tag in (0x00080018, 0x00100020, 0x0020000D, 0x0020000E):
        again = element(tag, "LO", b"1.2.3.4.")
        cases.image(
            row, f"{tag:08X}", quarantined("duplicate-tag"), lambda who, again=again: who.image(extra=again)
        )
        cases.image(
            row,
            f"{tag:08X}, behind the pixels",
            quarantined("duplicate-tag"),
            lambda who, again=again: who.image() + again,
        )
    row = "A DICOMDIR with the suffix `.dcm`"
    for name in ("DICOMDIR", "DICOMDIR-bigEnd", "DICOMDIR-implicit", "DICOMDIR-empty.dcm"):
        data = packaged(f"dicomdirtests/{name}")
        cases.image(row, name, quarantined("not-an-image"), lambda who, data=data: data)
    row = "A preamble that makes it an executable as well"
    executables = {"MZ": b"MZ", "ELF": b"\x7fELF", "script": b"#!/bin/sh\n"}
    executables |= {"Mach-O": b"\xfe\xed\xfa\xce", "Mach-O, 64 bits": b"\xcf\xfa\xed\xfe"}
    for name, start in executables.items():
        cases.image(
            row, name, quarantined("executable-preamble"), lambda who, start=start: who.image(start=start)
        )
    for start in (b"II*\0", b"MM\0*"):
        cases.image(
            row, f"TIFF {start[:2].decode()}", LOADED, lambda who, start=start: who.image(start=start)
        )


def two_images(who: Who, first: bytes, second: bytes) -> tuple[str, dict[str, bytes]]:
    keys = who.image_key("a"), who.image_key("b")
    return keys[1], {who.clinical_key(): who.clinical(), keys[0]: first, keys[1]: second}


def same_place(who: Who) -> tuple[str, dict[str, bytes]]:
    first, second = who.image_key(), who.image_key().replace("2020-01-02", "2020-01-03")
    other = who.image({0x00080018: ("UI", padded(who.uid(9), b"\0"))})
    return second, {who.clinical_key(): who.clinical(), first: who.image(), second: other}


def meetings(cases: Cases) -> None:
    """What objects say of one another."""
    row = "The same SOP Instance UID and the same bytes"
    cases.files(
        row,
        "another name",
        ("present", "same-instance"),
        lambda who: two_images(who, who.image(), who.image()),
    )
    row = "The same SOP Instance UID, or the same place, and other bytes"
    changed = {0x00081030: ("LO", b"changed ")}
    cases.files(
        row,
        "the same SOP instance",
        quarantined("conflicting-copy"),
        lambda who: two_images(who, who.image(), who.image(changed)),
    )
    cases.files(row, "the same place", quarantined("conflicting-copy"), same_place)
    row = "A study of another patient"
    stranger = cases.who()

    def strangers(who: Who) -> tuple[str, dict[str, bytes]]:
        study = who.identity[0x0020000D]
        decided, files = two_images(who, who.image(), stranger.image({0x0020000D: study}))
        return decided, {**files, stranger.clinical_key(): stranger.clinical()}

    cases.files(row, "in one load", quarantined("study-of-another-patient"), strangers)


def dicom_cases() -> list[Case]:
    cases = Cases(1000)
    for add in (structure, sizes, encodings, identities, meetings):
        add(cases)
    return cases.all
