"""A manifest says what gave it, comes back as it was, and is not believed where a byte of it changed."""

from __future__ import annotations

import csv

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warehouse.domain import cohort
from warehouse.domain.cohort import COLUMNS, Digest, Origin
from warehouse.errors import SettingsError

ORIGIN = Origin("s3://bucket", "catalog", "a-catalog", 17, "Modality = 'CT'", "0.1.0")


def row(name, size=3, **values):
    key = f"training/ct/P1/1.2/1.3/{name}.dcm"
    return [
        {"key": key, "size": size, "etag": "e1", "group": "training", **values}.get(one) for one in COLUMNS
    ]


def manifest(*rows, origin=ORIGIN):
    digest = Digest()
    lines = [digest.names(), *map(digest.row, rows)]
    return cohort.header(origin, digest) + "".join(lines)


def lines_of(text):
    return text.encode().splitlines(keepends=True)


def read(text):
    header, entries = cohort.read(lines_of(text) if isinstance(text, str) else text)
    return header, list(entries)


def test_a_manifest_is_what_it_always_was():
    assert manifest(row("a"), row("b", 4, patient="-P1")) == (
        "# warehouse cohort: 1\n"
        "# bucket: s3://bucket\n"
        "# tables: catalog\n"
        "# catalog: a-catalog\n"
        "# catalog version: 17\n"
        "# where: Modality = 'CT'\n"
        "# tool version: 0.1.0\n"
        "# images: 2\n"
        "# bytes: 7\n"
        "# sha256: ebdcd18b6919ffcda6d6ce08eec701124cc967bf577e26b9fed1c19d8dcf9467\n"
        "key,size,etag,group,type,patient,StudyInstanceUID,SeriesInstanceUID,SOPInstanceUID\n"
        "training/ct/P1/1.2/1.3/a.dcm,3,e1,training,,,,,\n"
        "training/ct/P1/1.2/1.3/b.dcm,4,e1,training,,'-P1,,,\n"
    )


def test_it_comes_back_as_it_was():
    header, entries = read(manifest(row("a"), row("b", 4, etag=None)))
    assert (header.bucket, header.images, header.bytes) == ("s3://bucket", 2, 7)
    assert [(one.key[-5:], one.size, one.etag) for one in entries] == [("a.dcm", 3, "e1"), ("b.dcm", 4, "")]
    assert {one.folder for one in entries} == {("training", "P1")}


@pytest.mark.parametrize(("said", "other"), [("version: 17", "version: 18"), ("s3://bucket", "s3://other")])
def test_what_it_says_of_itself_cannot_be_edited(said, other):
    with pytest.raises(SettingsError, match="its lines are not those that were written"):
        read(manifest(row("a")).replace(said, other))


def test_a_condition_is_refused_that_could_not_be_read_again():
    room = cohort.MAXIMUM_LINE - len("# where: \n")
    longest = ORIGIN._replace(where="x" * room)
    cohort.require_to_fit(longest)
    assert read(manifest(row("a"), origin=longest))[0].images == 1
    with pytest.raises(SettingsError, match="longer than a manifest holds"):
        cohort.require_to_fit(ORIGIN._replace(where="x" * (room + 1)))


def test_nobody_is_a_cohort_too():
    header, entries = read(manifest())
    assert (header.images, entries) == (0, [])


@given(st.text(st.characters(codec="utf-8"), min_size=1), st.text(st.characters(codec="utf-8")))
def test_whatever_the_condition_and_the_folder_each_stays_in_its_line(folder, where):
    origin = ORIGIN._replace(bucket="/" + folder, where=where)
    text = manifest(row("a"), origin=origin)
    assert len(lines_of(text)) == 12
    assert read(text)[0].bucket == origin.bucket


@given(st.data())
def test_a_byte_that_was_changed_lost_or_added_is_found(data):
    whole = manifest(row("a"), row("b"), row("c"))
    start = whole.index("# images")
    place = data.draw(st.integers(start, len(whole) - 1))
    with_it = data.draw(st.sampled_from(["", "0", "x", ",", "\n", "\r", "é"]))
    changed = whole[:place] + with_it + whole[place + data.draw(st.integers(0, 1)) :]
    if changed != whole:
        with pytest.raises(SettingsError):
            read(changed)


@pytest.mark.parametrize(
    "change",
    [
        lambda lines: [],
        lambda lines: lines[:3],
        lambda lines: lines[:10],
        lambda lines: lines[:-1],
        lambda lines: [*lines, lines[-1]],
        lambda lines: [*lines[:-2], lines[-1], lines[-2]],
        lambda lines: lines[1:],
        lambda lines: [lines[0], *lines],
        lambda lines: [line.replace(b"\n", b"\r\n") for line in lines],
        lambda lines: [line.replace(b"cohort: 1", b"cohort: 2") for line in lines],
        lambda lines: [line.replace(b"# bytes: 9", b"# bytes: 8") for line in lines],
        lambda lines: [b"\xff\xfe" + lines[0], *lines[1:]],
        lambda lines: [*lines[:-1], b"x" * 20_000],
        lambda lines: [b"PK\x03\x04 an archive\n"],
        lambda lines: [b'{"key": "x"}\n'],
    ],
)
def test_what_is_no_whole_manifest_is_refused(change):
    lines = lines_of(manifest(row("a"), row("b"), row("c")))
    with pytest.raises(SettingsError, match="manifest"):
        read(change(lines))


@pytest.mark.parametrize(
    "key",
    [
        "../../etc/passwd",
        "training/ct/P1/1.2/../x.dcm",
        "training/ct/./1.2/1.3/x.dcm",
        "training/ct/P1/1.2/1.3/x\\y.dcm",
        "training/ct/P1//1.3/x.dcm",
        "/training/ct/P1/1.2/1.3/x.dcm",
        "training/ct/P1/1.2/1.3/x.json",
        "training/ct-metadata/P1/1.2/1.3/x.dcm",
        "raw-a/2020-01-01/images/x.dcm",
        "elsewhere/ct/P1/1.2/1.3/x.dcm",
        "training/ct/P1/1.2/1.3/x\x1b.dcm",
        "",
    ],
)
def test_a_key_that_is_no_images_is_refused_though_all_sums_are_right(key):
    with pytest.raises(SettingsError, match="line 12") as refused:
        read(manifest(row("x", key=key)))
    assert key not in str(refused.value) or not key


def test_every_line_is_one_row_for_other_programs_too():
    text = manifest(row("a", patient="=1"), row("b", patient='P,"1"'))
    rows = list(csv.DictReader(line for line in text.splitlines() if not line.startswith("# ")))
    assert [one["patient"] for one in rows] == ["'=1", 'P,"1"']
