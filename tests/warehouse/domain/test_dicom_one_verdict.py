"""One version of an object has one verdict, whatever ranges it is read in: damage shows early or late."""

from __future__ import annotations

import struct
from dataclasses import replace

import pytest
from dicom_samples import JPEG, element, encapsulated, image, item, sequence, verdict

from warehouse.domain.dicom import Limits

FIRST_READS = (1, 100, 1024, 4096, 20 * 1024, 1 << 30)
FILLING = bytes(range(256)) * 20
PADDING = element(0xFFFCFFFC, "OB", FILLING)


def frames(count: int, size: int, *, table: bool, damaged: int) -> bytes:
    """Encapsulated frames, of which one says that it is no item."""
    offsets = struct.pack(f"<{count}L", *(index * (size + 8) for index in range(count)))
    items = [item(bytes(size)) for _ in range(count)]
    items[damaged] = b"\xff\xff\xff\xff" + items[damaged][4:]
    tail = sequence(0x7FE00010, item(offsets if table else b""), *items, defined=False, vr="OB")
    return image(tail=tail, syntax=JPEG)


CASES = {
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
