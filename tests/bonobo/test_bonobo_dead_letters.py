"""Dead letters: whatever a row holds, its line is JSON, whole, and nobody else's to read."""

import base64
import enum
import json
import os
import stat
import threading
from collections import OrderedDict, namedtuple
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bonobo.dead_letters import DeadLetterFile
from bonobo.errors import BonoboError, UsageError
from bonobo.report import Rejected

REJECTED = Rejected("run", "node", 3, "ValueError", "module:1", attempts=2)
Named = namedtuple("Named", ["given", "family"])


@dataclass(frozen=True, slots=True)
class Record:
    key: str
    body: bytes
    inner: object = None


class Colour(enum.IntEnum):
    RED = 1


class Unspeakable:
    def __repr__(self):
        raise RuntimeError


@dataclass
class Unreadable:
    value: int = field(default=0)

    def __getattribute__(self, name):
        if name == "value":
            raise RuntimeError
        return super().__getattribute__(name)

    def __repr__(self):
        return "unreadable"


def cycle():
    made = [1]
    made.append(made)
    return made


@pytest.fixture
def letters(tmp_path):
    """Write rows to a file, and give back its lines as JSON."""

    def letters(*rows):
        path = tmp_path / "dead.jsonl"
        file = DeadLetterFile(path)
        for row in rows:
            file(REJECTED, row)
        file.close()
        return [json.loads(line, parse_constant=pytest.fail) for line in path.read_text("ascii").splitlines()]

    return letters


def test_a_line_says_what_failed_and_how(letters):
    assert letters((1, "é"), ()) == [
        {
            "run": "run",
            "node": "node",
            "sequence": 3,
            "exception": "ValueError",
            "where": "module:1",
            "attempts": 2,
            "row": row,
        }
        for row in ([1, "é"], [])
    ]


def test_named_rows_keep_their_names(letters):
    (line,) = letters(Named("Ada", 1))
    assert (line["row"], line["fields"]) == (["Ada", 1], ["given", "family"])


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (None, None),
        (True, True),
        (1.5, 1.5),
        ("a\nb\u2028\ud800", "a\nb\u2028\ud800"),
        (b"\x00\xff", {"base64": "AP8="}),
        (bytearray(b"ab"), {"base64": "YWI="}),
        ([1, (2, b"")], [1, [2, {"base64": ""}]]),
        (OrderedDict(a=1, b={"c": b""}), {"a": 1, "b": {"c": {"base64": ""}}}),
        ({1: 2}, {"repr": "{1: 2}"}),
        (float("nan"), {"repr": "nan"}),
        (float("-inf"), {"repr": "-inf"}),
        (1 + 2j, {"repr": "(1+2j)"}),
        (Colour.RED, {"repr": "<Colour.RED: 1>"}),
        (Record, {"repr": repr(Record)}),
        (
            Record("k", b"v", Record("i", b"")),
            {
                "key": "k",
                "body": {"base64": "dg=="},
                "inner": {"key": "i", "body": {"base64": ""}, "inner": None},
            },
        ),
        (Unspeakable(), {"repr": "<Unspeakable>"}),
        (Unreadable(), {"repr": "unreadable"}),
        (cycle(), {"repr": "[1, [...]]"}),
    ],
)
def test_every_value_is_written(letters, value, written):
    (line,) = letters((value, "next"))
    assert line["row"] == [written, "next"]


def test_a_number_of_too_many_digits_is_named(letters):
    assert letters((10**5000, 1))[0]["row"] == [{"repr": "<int>"}, 1]


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(st.lists(st.lists(plain, max_size=4).map(tuple), min_size=1, max_size=4))
def test_what_json_can_hold_comes_back(tmp_path_factory, rows):
    path = tmp_path_factory.mktemp("letters") / "dead.jsonl"
    file = DeadLetterFile(str(path))
    for row in rows:
        file(REJECTED, row)
    file.close()
    lines = path.read_bytes().split(b"\n")
    assert lines.pop() == b""
    assert [tuple(json.loads(line)["row"]) for line in lines] == rows


def test_the_file_is_its_owners(tmp_path):
    path = tmp_path / "dead.jsonl"
    before = os.umask(0)
    try:
        DeadLetterFile(path).close()
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_lines_are_there_at_once_and_are_appended(tmp_path):
    path = tmp_path / "dead.jsonl"
    path.write_text("before\n")
    file = DeadLetterFile(path)
    file(REJECTED, (1,))
    assert path.read_text().startswith('before\n{"run": "run"')
    assert path.read_text().endswith("}\n")
    file.close()


def test_many_threads_write_whole_lines(tmp_path):
    path = tmp_path / "dead.jsonl"
    file = DeadLetterFile(path)

    def write(number):
        for i in range(50):
            file(REJECTED, (number, i, b"x" * 5000))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    file.close()
    rows = [json.loads(line)["row"] for line in path.read_text().splitlines()]
    body = {"base64": base64.b64encode(b"x" * 5000).decode()}
    assert sorted(row[:2] for row in rows) == [[number, i] for number in range(4) for i in range(50)]
    assert all(row[2] == body for row in rows)


@pytest.mark.parametrize("name", ["", "missing/dead.jsonl", "."])
def test_a_file_that_cannot_be_opened_is_bad_usage(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="dead letters cannot be written to '"):
        DeadLetterFile(name)


def test_a_pipe_that_nobody_reads_is_not_waited_for(tmp_path, in_time):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UsageError):
        in_time(DeadLetterFile, tmp_path / "pipe")


def test_a_line_that_cannot_be_written_says_why_and_nothing_of_the_row():
    file = DeadLetterFile("/dev/full")
    with pytest.raises(BonoboError) as caught:
        file(REJECTED, ("private",))
    assert str(caught.value) == "a dead letter could not be written: No space left on device"
    file.close()


def test_after_closing_nothing_is_written(tmp_path):
    file = DeadLetterFile(tmp_path / "dead.jsonl")
    file.close()
    file.close()
    with pytest.raises(BonoboError, match="closed"):
        file(REJECTED, (1,))
