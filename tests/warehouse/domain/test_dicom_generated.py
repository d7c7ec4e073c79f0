"""The metadata equals pydicom's for whatever data sets pydicom can write, read by the run or step by step."""

from __future__ import annotations

import io
import warnings
from typing import Any

import orjson
import pydicom
import pytest
from dicom_samples import (
    BIG,
    CT,
    DEFLATED,
    EXPLICIT,
    IMPLICIT,
    PACKAGED,
    element,
    item,
    look,
    packaged,
    preamble,
    reference,
    sequence,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom._private_dict import private_dictionaries
from pydicom.datadict import DicomDictionary
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import UID

from warehouse.domain import dicom_scan
from warehouse.domain.dicom import Limits, metadata, to_json
from warehouse.domain.records import Header

FILES = sorted(str(path.relative_to(PACKAGED)) for path in PACKAGED.rglob("*.dcm"))

ALPHABETS = {
    None: "abz ABZ019",
    "ISO_IR 100": "aé ÿß19",
    "ISO_IR 144": "aЖя 9",
    "ISO_IR 192": "aé日Ж€ 9",
    "GB18030": "a中文 9",
    ("", "ISO 2022 IR 87"): "a日本 9",
    ("", "ISO 2022 IR 149"): "a길동 9",
}
TEXT_VRS = ["LO", "SH", "PN", "LT", "ST", "UT", "UC"]
PLAIN = {
    "AE": st.text("ABC_1", max_size=16),
    "AS": st.from_regex(r"\A[0-9]{3}[DWMY]\Z"),
    "CS": st.text("ABC_1 ", max_size=16).map(str.strip),
    "DA": st.from_regex(r"\A(19|20)[0-9]{2}(0[1-9]|1[0-2])[0-2][0-9]\Z"),
    "DS": st.integers(-(10**9), 10**9).map(lambda number: str(number / 1000)),
    "DT": st.from_regex(r"\A20[0-9]{2}0[1-9]1[0-9](1[0-9])?\Z"),
    "IS": st.integers(-(2**31), 2**31 - 1).map(str),
    "TM": st.from_regex(r"\A[01][0-9][0-5][0-9][0-5][0-9](\.[0-9]{1,6})?\Z"),
    "UI": st.from_regex(r"\A1\.2(\.[1-9][0-9]{0,5}){1,6}\Z"),
    "UR": st.text("abc/:.", max_size=20),
    "FD": st.floats(width=64),
    "FL": st.floats(width=32),
    "SL": st.integers(-(2**31), 2**31 - 1),
    "SS": st.integers(-(2**15), 2**15 - 1),
    "SV": st.integers(-(2**63), 2**63 - 1),
    "UL": st.integers(0, 2**32 - 1),
    "US": st.integers(0, 2**16 - 1),
    "UV": st.integers(0, 2**64 - 1),
    "AT": st.integers(0x00080000, 0x7FDFFFFF),
}
BINARY = ["OB", "OD", "OF", "OL", "OV", "OW", "UN"]


def known(vr: str) -> list[int]:
    """Public tags of that VR that other elements of an image do not depend on."""
    found = (tag for tag, entry in DicomDictionary.items() if entry[0] == vr)
    return sorted(tag for tag in found if 0x00080020 <= tag < 0x7F000000 and tag >> 16 not in (0x28, 0x5400))[
        :40
    ]


TAGS = {vr: known(vr) for vr in [*PLAIN, *TEXT_VRS, *BINARY, "SQ"]}


# Private attributes that pydicom knows, as (group, creator, element within its block); and some it does not.
PRIVATE: dict[str, list[tuple[int, str, int]]] = {
    vr: sorted(
        (int(pattern[:4], 16), creator, int(pattern[6:], 16))
        for creator in ["GEMS_ACQU_01", "SIEMENS CSA HEADER", "Philips Imaging DD 001", "AGFA"]
        for pattern, entry in private_dictionaries[creator].items()
        if entry[0] == vr and pattern[4:6] == "xx"
    )
    or [(0x0019, "SOMEBODY ELSE", 0x20)]
    for vr in [*PLAIN, *TEXT_VRS, *BINARY]
}
UNKNOWN = st.tuples(
    st.sampled_from([0x0009, 0x0019, 0x0029]), st.sampled_from(["SOMEBODY", "ELSE"]), st.integers(1, 0x20)
)


def texts(charset: Any) -> st.SearchStrategy[str]:
    return st.text(ALPHABETS[charset], max_size=12).map(str.strip)


def values(vr: str, charset: Any) -> st.SearchStrategy[Any]:
    if vr == "PN":
        return st.lists(texts(charset), min_size=1, max_size=3).map("^".join)
    if vr in TEXT_VRS:
        return texts(charset)
    if vr in BINARY:
        return st.binary(max_size=32).map(lambda data: data + bytes(-len(data) % 8))
    one = PLAIN[vr]
    several = st.lists(one, min_size=1, max_size=4)
    return one | several if vr not in ("UR", "AS") else one


@st.composite
def data_sets(draw: st.DrawFn, charset: Any, depth: int) -> Dataset:
    """A data set with elements of many VRs, private blocks, and sequences down to `depth`."""
    made = Dataset()
    for vr in draw(st.lists(st.sampled_from([*PLAIN, *TEXT_VRS, *BINARY]), max_size=8)):
        where = draw(st.sampled_from(["public", "private"]))
        value = draw(values(vr, charset))
        if where == "public" and TAGS[vr]:
            made.add_new(draw(st.sampled_from(TAGS[vr])), vr, value)
        elif where == "private":
            group, creator, element = draw(st.sampled_from(PRIVATE[vr]) | UNKNOWN)
            made.private_block(group, creator, create=True).add_new(element, vr, value)
    if depth:
        for tag in draw(st.lists(st.sampled_from(TAGS["SQ"]), max_size=2)):
            items = draw(st.lists(data_sets(charset, depth - 1), max_size=3))
            for one in items:
                one.is_undefined_length_sequence_item = draw(st.booleans())
            made.add_new(tag, "SQ", items)
            made[tag].is_undefined_length = draw(st.booleans())
    return made


@st.composite
def files(draw: st.DrawFn) -> bytes:
    """A whole file as pydicom writes it, in one of four transfer syntaxes."""
    charset = draw(st.sampled_from(list(ALPHABETS)))
    syntax = draw(st.sampled_from([IMPLICIT, EXPLICIT, BIG, DEFLATED]))
    made = draw(data_sets(charset, draw(st.integers(0, 3))))
    if charset is not None:
        made.SpecificCharacterSet = list(charset) if isinstance(charset, tuple) else charset
    made.SOPClassUID, made.SOPInstanceUID = CT, "1.2.3.4"
    made.StudyInstanceUID, made.SeriesInstanceUID, made.PatientID = "1.2.3", "1.2.3.5", "P1"
    made.Modality = "CT"
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = UID(syntax)
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = UID(CT), UID("1.2.3.4")
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        whole = FileDataset(None, made, file_meta=meta, preamble=bytes(128))
        pydicom.dcmwrite(buffer, whole, enforce_file_format=True)
    return buffer.getvalue()


def equal_to_pydicom(data: bytes) -> None:
    assert orjson.loads(to_json(data)) == reference(data)


@settings(max_examples=100, deadline=None)
@given(files())
def test_what_pydicom_writes(data: bytes) -> None:
    equal_to_pydicom(data)


@pytest.mark.nightly
@settings(max_examples=2500, deadline=None)
@given(files())
def test_more_of_what_pydicom_writes(data: bytes) -> None:
    equal_to_pydicom(data)


def told(data: bytes, window: int) -> tuple[Any, ...]:
    """All that the reader says of an object, where a run takes elements from so many bytes at the most."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dicom_scan, "_WINDOW", window)
        try:
            document = to_json(data)
        except ValueError as error:
            document = str(error).encode()
        end, ranges = look(data, limits=Limits(first_read=1024))
        return document, ranges, metadata(end) if isinstance(end, Header) else None, end


def assert_told_alike(data: bytes) -> None:
    step_by_step = told(data, 0)
    for window in (16, 200, 1 << 16):
        assert told(data, window) == step_by_step


@pytest.mark.parametrize("name", FILES)
def test_runs_say_what_steps_say(name: str) -> None:
    assert_told_alike(packaged(name))


@settings(max_examples=100, deadline=None)
@given(files(), st.data())
def test_runs_say_what_steps_say_of_damaged_files(data: bytes, how: st.DataObject) -> None:
    spoilt = bytearray(data)
    for _ in range(how.draw(st.integers(0, 4))):
        spoilt[how.draw(st.integers(132, len(data) - 1))] = how.draw(st.integers(0, 255))
    assert_told_alike(bytes(spoilt[: how.draw(st.integers(132, len(data)))]))


def test_what_a_run_does_not_take_whole_is_read_twice_and_no_oftener() -> None:
    """Nested sequences whose innermost element is not plain: each level could be tried again."""
    content = element(0x00191001, "??")
    for _ in range(60):
        content = sequence(0x0040A730, item(content, defined=False), defined=False)
    tries = 0
    take = dicom_scan.Scanner._take

    def counted(self: dicom_scan.Scanner, *arguments: Any) -> int:
        nonlocal tries
        tries += 1
        return take(self, *arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dicom_scan.Scanner, "_take", counted)
        to_json(preamble() + content)
    assert tries < 5 * 60
