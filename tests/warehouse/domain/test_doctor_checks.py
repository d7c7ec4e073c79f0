"""What a finding of `warehouse doctor` means: its verdict, its line, its code."""

from __future__ import annotations

from datetime import timedelta

import pytest

from warehouse.domain.doctor import (
    NO_ROOM,
    Check,
    Verdict,
    clock,
    copies,
    exit_code,
    failed,
    lines,
    missing,
    ok,
    room,
    untried,
    warning,
)
from warehouse.errors import Archived, Forbidden, StoreFault, StoreUnavailable

WELL, ODD = ok("a", "b"), warning("a", "b", "c")
LACKS, OPEN = missing("a", "b", "c"), untried("a", "b")


@pytest.mark.parametrize(
    ("checks", "code"),
    [([], 0), ([WELL, ODD], 0), ([WELL, OPEN], 4), ([OPEN, LACKS, WELL], 2)],
)
def test_the_code_is_of_the_worst(checks, code):
    assert exit_code(checks) == code


@pytest.mark.parametrize(
    ("seconds", "verdict"),
    [(0, "ok"), (60, "ok"), (-61, "warning"), (900, "warning"), (901, "missing"), (-7200, "missing")],
)
def test_clocks(seconds, verdict):
    assert clock(timedelta(seconds=seconds)).verdict == verdict


def test_a_clock_says_which_way_it_is_off():
    assert clock(timedelta(seconds=1000)).said == "1000 seconds ahead of the server"
    assert clock(timedelta(seconds=-1000)).said == "1000 seconds behind the server"


HEEDED = {"header": True, "multipart": True, "put": True}
NOT_HEEDED = dict.fromkeys(HEEDED, False)


@pytest.mark.parametrize(
    ("mode", "heeded", "verdict", "remedy"),
    [
        ("header", HEEDED, "ok", ""),
        ("put", {**NOT_HEEDED, "put": True}, "ok", ""),
        ("multipart", {**NOT_HEEDED, "put": True}, "missing", "WAREHOUSE_S3_COPY=put"),
        ("header", {**HEEDED, "header": False}, "missing", "WAREHOUSE_S3_COPY=multipart"),
        ("header", NOT_HEEDED, "missing", "WAREHOUSE_S3_COPY=head"),
        ("head", NOT_HEEDED, "warning", "one load run at a time"),
        ("head", HEEDED, "warning", "WAREHOUSE_S3_COPY=header"),
    ],
)
def test_copies(mode, heeded, verdict, remedy):
    check = copies(mode, heeded)
    assert check.verdict == verdict
    assert remedy in check.remedy


@pytest.mark.parametrize(
    ("free", "files", "lacking", "verdict"),
    [
        (NO_ROOM - 1, 1000, 0, "missing"),
        (10**12, 0, 0, "missing"),
        (10**12, -1, 0, "ok"),
        (10**8, 1000, 0, "warning"),
        (10**12, 1000, 10**12 + 1, "warning"),
        (10**12, 1000, None, "ok"),
        (10**12, 1000, -5, "ok"),
    ],
)
def test_room(free, files, lacking, verdict):
    assert room(free, files, lacking).verdict == verdict


@pytest.mark.parametrize(
    ("error", "verdict", "word"),
    [
        (Forbidden("read", "raw-a/secret"), "missing", "grant s3:GetObject on raw-a/*"),
        (Forbidden("list"), "missing", "grant s3:ListBucket on the whole bucket"),
        (StoreFault("read", "raw-a/secret", "503 SlowDown"), "untried", "503 SlowDown"),
        (StoreUnavailable("read", "raw-a/secret", "no such bucket"), "missing", "no such bucket"),
        (Archived("read", "raw-a/secret"), "warning", "restore"),
    ],
)
def test_errors_of_stores(error, verdict, word):
    check = failed("read", error, "s3:GetObject on raw-a/*")
    assert check.verdict == verdict
    assert word in check.line
    assert "secret" not in check.line


def test_a_line_a_check_and_what_stays_behind():
    assert list(lines([WELL, LACKS], ["training/catalog/doctor/probe"])) == [
        "ok      a: b",
        "missing a: b -> c",
        "1 ok, 1 missing",
        "Left behind, and used again by the next doctor: training/catalog/doctor/probe",
    ]
    assert Check("a", Verdict.OK, "b").line == "ok      a: b"
