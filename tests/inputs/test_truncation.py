"""Whatever a broken transfer leaves of a whole image is quarantined, unless what it left is whole by itself.

Which cuts leave a whole file is not asked of the loader's own reader: pydicom tells where the pixels end and
where each element behind them does, and zlib where a deflate stream does.
"""

from __future__ import annotations

import io
import warnings
import zlib
from collections import Counter

import pydicom
import pytest
from dicom_samples import PACKAGED, look, packaged, verdict
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag

from warehouse.domain.dicom_tables import IMAGE_CLASSES, PIXEL_TAGS
from warehouse.domain.reasons import REASONS
from warehouse.domain.records import Decided, Header

UNDEFINED = 0xFFFFFFFF
DEFLATED = "1.2.840.10008.1.2.1.99"
STEP = 16


def images() -> list[str]:
    """pydicom's files that are whole, and of a class that always holds pixels."""
    found = []
    for path in sorted(path for path in PACKAGED.rglob("*") if path.is_file()):
        header, _ = look(path.read_bytes())
        if isinstance(header, Header) and header.sop_class in IMAGE_CLASSES:
            found.append(str(path.relative_to(PACKAGED)))
    return found


def read(data: bytes) -> pydicom.Dataset:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pydicom.dcmread(io.BytesIO(data), force=True)


def whole_cuts(data: bytes) -> set[int]:
    """The lengths at which the file is whole: its pixels are there, and whole elements are missing."""
    found = read(data)
    if found.file_meta.get("TransferSyntaxUID") == DEFLATED:
        # PS3.10 7.1: the group length counts what follows its own element of twelve bytes.
        return deflated_cuts(data, 132 + 12 + int(found.file_meta.FileMetaInformationGroupLength))
    ends = {len(data)}
    for tag in sorted(found.keys()):
        if tag < min(PIXEL_TAGS):
            continue
        element = found.get_item(Tag(tag))
        assert isinstance(element, RawDataElement)
        if element.length == UNDEFINED:
            assert element.value is not None
            end = element.value_tell + len(element.value) + 8
            assert data[end - 8 : end] in (b"\xfe\xff\xdd\xe0\0\0\0\0", b"\xff\xfe\xe0\xdd\0\0\0\0")
        else:
            end = element.value_tell + element.length
        ends.add(end)
    return ends


def deflated_cuts(data: bytes, start: int) -> set[int]:
    engine = zlib.decompressobj(-zlib.MAX_WBITS)
    engine.decompress(data[start:])
    assert engine.eof
    return set(range(len(data) - len(engine.unused_data), len(data) + 1))


def check_cuts(name: str, step: int) -> Counter[str]:
    """Look at every cut; gives how often each outcome came."""
    data = packaged(name)
    ends, found = whole_cuts(data), Counter[str]()
    for end in sorted({*range(0, len(data), step), *(end for end in ends if end < len(data))}):
        outcome = verdict(data[:end])
        found[outcome] += 1
        if end in ends:
            assert outcome == "whole", f"{end} bytes are whole"
        else:
            assert outcome in ("truncated", "not-dicom"), f"{end} bytes are not whole"
            assert outcome == "truncated" or end <= 140
            assert REASONS[outcome].decided is Decided.QUARANTINED
    return found


IMAGES = images()
SMALL = [name for name in IMAGES if len(packaged(name)) < 12_000 and not name.startswith("dicomdirtests")]


def test_there_are_enough_images() -> None:
    assert len(IMAGES) >= 20
    assert len(SMALL) >= 20
    syntaxes = {str(read(packaged(name)).file_meta.get("TransferSyntaxUID")) for name in SMALL}
    assert len(syntaxes) >= 6


@pytest.mark.parametrize("name", SMALL)
def test_cuts(name: str) -> None:
    check_cuts(name, 8 * STEP)


@pytest.mark.nightly
@pytest.mark.timeout(7200)
def test_every_sixteenth_cut_of_every_image() -> None:
    found = Counter[str]()
    for name in IMAGES:
        found += check_cuts(name, STEP)
    print(f"{len(IMAGES)} images, {found.total()} cuts: {dict(found)}")
    assert found["truncated"] > 10_000


def test_of_a_class_that_need_not_hold_pixels_a_cut_between_elements_cannot_be_told() -> None:
    """An RT Dose without pixels is one of dose-volume histograms."""
    data = packaged("rtdose_1frame.dcm")
    whole = [end for end in range(0, len(data), 2) if verdict(data[:end]) == "whole"]
    left = [len(read(data[:end])) for end in whole]
    assert left == [*range(left[0], left[0] + len(whole))]
    assert left[-1] == len(read(data)) - 1  # all but the pixels


def test_a_cut_that_leaves_the_file_whole_loses_whole_elements_only() -> None:
    data = packaged("CT_small.dcm")
    padding = data.rindex(b"\xfc\xff\xfc\xff")
    assert whole_cuts(data) == {padding, len(data)}
    assert look(data[:padding])[0] == look(data)[0]
