"""Builds DICOM bytes element by element, right or wrong on purpose, and drives `examine` over them."""

from __future__ import annotations

import io
import json
import math
import struct
import warnings
import zlib
from pathlib import Path
from typing import Any

import pydicom

from warehouse.domain.dicom import IdentityRules, Limits, Rejection, examine
from warehouse.domain.dicom_tables import LONG_VRS, UNDEFINED_LENGTH
from warehouse.domain.records import Header

IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
BIG = "1.2.840.10008.1.2.2"
DEFLATED = "1.2.840.10008.1.2.1.99"
JPEG = "1.2.840.10008.1.2.4.70"
CT = "1.2.840.10008.5.1.4.1.1.2"
SR = "1.2.840.10008.5.1.4.1.1.88.11"

PACKAGED = Path(pydicom.__file__).parent / "data" / "test_files"


def packaged(name: str) -> bytes:
    """One of the files that come inside the pydicom package."""
    return (PACKAGED / name).read_bytes()


def scrubbed(value: Any, key: str = "") -> Any:
    if key in ("InlineBinary", "00283010"):
        return None
    if isinstance(value, dict):
        return {name: scrubbed(inner, name) for name, inner in value.items()}
    if isinstance(value, list):
        return [scrubbed(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def reference(data: bytes) -> Any:
    """What pydicom says, scrubbed; raises what pydicom raises."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        read = pydicom.dcmread(io.BytesIO(data), stop_before_pixels=True, force=True)
        return scrubbed(json.loads(json.dumps(read.to_json_dict(bulk_data_threshold=1 << 60))))


def element(
    tag: int,
    vr: str,
    value: bytes = b"",
    *,
    little: bool = True,
    implicit: bool = False,
    length: int | None = None,
) -> bytes:
    """One data element (PS3.5 7.1); `length` lies about the value's."""
    order = "<" if little else ">"
    declared = len(value) if length is None else length
    head = struct.pack(f"{order}HH", tag >> 16, tag & 0xFFFF)
    if implicit:
        return head + struct.pack(f"{order}L", declared) + value
    if vr in LONG_VRS:
        return head + vr.encode("latin-1") + b"\0\0" + struct.pack(f"{order}L", declared) + value
    return head + vr.encode("latin-1") + struct.pack(f"{order}H", declared) + value


def item(content: bytes = b"", *, defined: bool = True, little: bool = True) -> bytes:
    order = "<" if little else ">"
    if defined:
        return struct.pack(f"{order}HHL", 0xFFFE, 0xE000, len(content)) + content
    end = struct.pack(f"{order}HHL", 0xFFFE, 0xE00D, 0)
    return struct.pack(f"{order}HHL", 0xFFFE, 0xE000, UNDEFINED_LENGTH) + content + end


def delimiter(little: bool = True) -> bytes:
    return struct.pack("<HHL" if little else ">HHL", 0xFFFE, 0xE0DD, 0)


def sequence(
    tag: int, *items: bytes, defined: bool = True, vr: str = "SQ", implicit: bool = False, little: bool = True
) -> bytes:
    content = b"".join(items)
    if defined:
        return element(tag, vr, content, implicit=implicit, little=little)
    head = element(tag, vr, length=UNDEFINED_LENGTH, implicit=implicit, little=little)
    return head + content + delimiter(little)


def padded(text: str, pad: bytes = b" ") -> bytes:
    raw = text.encode("latin-1")
    return raw + pad * (len(raw) % 2)


def meta(syntax: str, sop_class: str = CT) -> bytes:
    content = element(0x00020002, "UI", padded(sop_class, b"\0"))
    content += element(0x00020010, "UI", padded(syntax, b"\0"))
    return element(0x00020000, "UL", struct.pack("<L", len(content))) + content


def preamble(start: bytes = b"") -> bytes:
    return start.ljust(128, b"\0") + b"DICM"


def numbers(*values: int, little: bool = True) -> bytes:
    return struct.pack(f"{'<' if little else '>'}{len(values)}H", *values)


DEFAULTS: dict[int, tuple[str, bytes]] = {
    0x00080016: ("UI", padded(CT, b"\0")),
    0x00080018: ("UI", b"1.2.3.4\0"),
    0x00080060: ("CS", b"CT"),
    0x00100020: ("LO", b"Covid1"),
    0x0020000D: ("UI", b"1.2.3.5\0"),
    0x0020000E: ("UI", b"1.2.3.6\0"),
    0x00280010: ("US", b"\4\0"),
    0x00280011: ("US", b"\4\0"),
    0x00280100: ("US", b"\x10\0"),
}


def data_set(
    changes: dict[int, tuple[str, bytes] | None] | None = None,
    *,
    extra: bytes = b"",
    implicit: bool = False,
    little: bool = True,
) -> bytes:
    """A CT's header; `changes` replaces, adds or (None) removes; `extra` goes in before (0028,xxxx)."""
    elements = DEFAULTS | (changes or {})
    parts = []
    for tag in sorted(elements):
        if tag >= 0x00280000 and extra:
            parts.append(extra)
            extra = b""
        if entry := elements[tag]:
            vr, value = entry
            swapped = value[::-1] if vr == "US" and not little else value
            parts.append(element(tag, vr, swapped, implicit=implicit, little=little))
    return b"".join(parts) + extra


def pixels(count: int = 32, *, implicit: bool = False, little: bool = True) -> bytes:
    return element(0x7FE00010, "OW", bytes(range(count % 256)), implicit=implicit, little=little)


def encapsulated(*fragments: bytes, table: bytes = b"") -> bytes:
    items = [item(table), *(item(fragment) for fragment in fragments)]
    return sequence(0x7FE00010, *items, defined=False, vr="OB")


def image(
    changes: dict[int, tuple[str, bytes] | None] | None = None,
    *,
    extra: bytes = b"",
    tail: bytes | None = None,
    syntax: str = EXPLICIT,
    start: bytes = b"",
) -> bytes:
    """A whole CT object in `syntax`."""
    implicit, little = syntax == IMPLICIT, syntax != BIG
    if tail is None:
        tail = encapsulated(bytes(40)) if syntax == JPEG else pixels(implicit=implicit, little=little)
    body = data_set(changes, extra=extra, implicit=implicit, little=little) + tail
    if syntax == DEFLATED:
        engine = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        body = engine.compress(body) + engine.flush()
    return preamble(start) + meta(syntax) + body


def look(
    data: bytes, rules: IdentityRules | None = None, limits: Limits | None = None
) -> tuple[Header | Rejection, list[tuple[int, int]]]:
    """Drive `examine` over bytes; gives its end and the (start, length) of every range."""
    run, ranges = examine(len(data), rules, limits), []
    try:
        wanted = next(run)
        while True:
            assert wanted.start >= 0
            assert wanted.length > 0
            assert wanted.start + wanted.length <= len(data)
            assert all(wanted.start >= start + length for start, length in ranges)
            ranges.append((wanted.start, wanted.length))
            wanted = run.send(data[wanted.start : wanted.start + wanted.length])
    except StopIteration as done:
        return done.value, ranges


def verdict(data: bytes, rules: IdentityRules | None = None, limits: Limits | None = None) -> str:
    """`whole`, or the reason."""
    end, _ = look(data, rules, limits)
    return end.reason if isinstance(end, Rejection) else "whole"
