"""What `warehouse.storage.store.Store` promises, asked of every store in the same words."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from warehouse.errors import AlreadyExists, Changed, NotFound, StoreError
from warehouse.storage.store import Store

MEBIBYTE = 1024 * 1024

AWKWARD = [
    "plain",
    "with space/and more .dcm",
    "plus+sign/a+b",
    "percent%20sign/100%",
    "hash#and?question&equals=;:@,$!'()*~^[]{}|\\\"<>`",
    "élève/Ünïcode/患者/😀.dcm",
    "combining/e\u0301",
    "..dots/...x/.hidden",
    "a" * 200 + "/" + "b" * 200 + "/" + "c" * 200 + "/" + "d" * 200 + "/" + "e" * 200 + "/" + "f" * 19,
]


def keys(store: Store, prefix: str = "") -> list[str]:
    return [info.key for info in store.list(prefix)]


def test_is_a_store(subject):
    assert isinstance(subject.store, Store)
    assert subject.store.location


def test_what_was_created_is_read_back(subject):
    made = subject.store.create("a/b.json", b"hello")
    assert (made.key, made.size) == ("a/b.json", 5)
    chunk = subject.store.read("a/b.json")
    assert (chunk.data, chunk.start) == (b"hello", 0)
    assert chunk.info.etag == made.etag
    assert subject.store.head("a/b.json").etag == made.etag


def test_descriptions_agree(subject):
    uploaded = subject.upload("a/b", b"hello")
    (listed,) = subject.store.list()
    assert listed == subject.store.head("a/b") == uploaded
    assert subject.store.read("a/b").info == uploaded
    assert '"' not in uploaded.etag
    assert uploaded.etag
    assert uploaded.last_modified.tzinfo is UTC
    assert abs(datetime.now(UTC) - uploaded.last_modified) < timedelta(minutes=5)


@pytest.mark.parametrize(
    ("start", "length", "expected"),
    [
        (0, None, b"0123456789"),
        (0, 4, b"0123"),
        (3, 4, b"3456"),
        (3, None, b"3456789"),
        (8, 100, b"89"),
        (9, 1, b"9"),
        (10, 1, b""),
        (10, None, b""),
        (99, 5, b""),
        (4, 0, b""),
    ],
)
def test_ranges(subject, start, length, expected):
    info = subject.upload("k", b"0123456789")
    chunk = subject.store.read("k", start=start, length=length, etag=info.etag)
    assert (chunk.data, chunk.start, chunk.info) == (expected, start, info)


def test_empty_object_is_empty(subject):
    made = subject.store.create("empty", b"")
    for start, length in ((0, None), (0, 20_000), (5, 5)):
        chunk = subject.store.read("empty", start=start, length=length, etag=made.etag)
        assert (chunk.data, chunk.info.size) == (b"", 0)
    copied = subject.store.copy(subject.store.head("empty"), "copied")
    assert copied.size == 0
    assert subject.store.read("copied").data == b""


@pytest.mark.parametrize("verb", ["head", "read"])
def test_missing_object(subject, verb):
    subject.store.create("there/it/is", b"x")
    for key in ("missing", "there", "there/it", "there/it/is/not"):
        with pytest.raises(NotFound) as raised:
            getattr(subject.store, verb)(key)
        assert raised.value.operation == verb
        assert raised.value.key == key


def test_missing_range_is_not_an_empty_one(subject):
    with pytest.raises(NotFound):
        subject.store.read("missing", start=5, length=0)


def test_create_leaves_the_old_bytes(subject):
    subject.upload("uploaded", b"old")
    subject.store.create("created", b"old")
    for key in ("uploaded", "created"):
        with pytest.raises(AlreadyExists):
            subject.store.create(key, b"new bytes")
        assert subject.store.read(key).data == b"old"


def race(contenders: int, act) -> list[object]:
    """Let so many threads act at one moment; what each returned or raised."""
    gate = threading.Barrier(contenders, timeout=30)

    def run(number: int) -> object:
        gate.wait()
        try:
            return act(number)
        except StoreError as error:
            return error

    with ThreadPoolExecutor(contenders) as pool:
        return list(pool.map(run, range(contenders)))


def test_one_create_wins(subject):
    results = race(16, lambda number: subject.store.create("contested/key", b"%d" % number))
    winners = [number for number, result in enumerate(results) if not isinstance(result, Exception)]
    assert len(winners) == 1
    assert {type(result) for result in results if isinstance(result, Exception)} == {AlreadyExists}
    assert subject.store.read("contested/key").data == b"%d" % winners[0]


def test_one_copy_wins(subject):
    sources = [subject.upload(f"source/{number}", b"from %d" % number) for number in range(8)]
    results = race(8, lambda number: subject.store.copy(sources[number], "deep/down/target"))
    winners = [number for number, result in enumerate(results) if not isinstance(result, Exception)]
    assert len(winners) == 1
    assert {type(result) for result in results if isinstance(result, Exception)} == {AlreadyExists}
    assert subject.store.read("deep/down/target").data == b"from %d" % winners[0]


def test_copy(subject):
    source = subject.upload("raw/a.dcm", b"pixels")
    made = subject.store.copy(source, "training/a.dcm")
    assert (made.key, made.size) == ("training/a.dcm", 6)
    assert subject.store.read("training/a.dcm", etag=made.etag).data == b"pixels"
    assert subject.store.head("training/a.dcm").etag == made.etag
    assert subject.store.head("raw/a.dcm") == source


def test_copy_of_a_copy(subject):
    first = subject.store.copy(subject.upload("a", b"pixels"), "b")
    subject.store.copy(first, "c")
    assert subject.store.read("c", start=2, length=3).data == b"xel"


def test_copy_onto_an_existing_key_leaves_the_old_bytes(subject):
    source = subject.upload("raw/a", b"new")
    subject.upload("uploaded", b"old bytes")
    subject.store.create("created", b"old bytes")
    for key in ("uploaded", "created"):
        before = subject.store.head(key)
        with pytest.raises(AlreadyExists) as raised:
            subject.store.copy(source, key)
        assert raised.value.operation == "copy"
        assert subject.store.read(key).data == b"old bytes"
        assert subject.store.head(key) == before


def test_copy_of_a_changed_source(subject):
    listed = subject.upload("raw/a", b"first")
    subject.upload("raw/a", b"second version")
    with pytest.raises(Changed):
        subject.store.copy(listed, "target")
    assert keys(subject.store) == ["raw/a"]


@pytest.mark.parametrize("size", [0, 5])
def test_copy_of_a_source_that_is_gone(subject, size):
    listed = subject.upload("raw/a", bytes(size))
    subject.upload("raw/b", b"")
    subject.remove("raw/a")
    with pytest.raises(NotFound):
        subject.store.copy(listed, "target")
    assert keys(subject.store) == ["raw/b"]


def test_copy_stands_by_itself(subject):
    source = subject.upload("raw/a", b"before")
    subject.store.copy(source, "copied")
    subject.upload("raw/a", b"beyond")
    if subject.dry:
        # A dry run copies by reference, and would rather fail than show other bytes.
        with pytest.raises(Changed):
            subject.store.read("copied")
    else:
        assert subject.store.read("copied").data == b"before"


def test_stale_version(subject):
    stale = subject.upload("k", b"first").etag
    fresh = subject.upload("k", b"second, longer").etag
    assert stale != fresh
    for start, length in ((0, None), (0, 4), (3, 0), (100, 4)):
        with pytest.raises(Changed):
            subject.store.read("k", start=start, length=length, etag=stale)
    assert subject.store.read("k", etag=fresh).data == b"second, longer"


def test_listing_is_in_byte_order_of_the_whole_key(subject):
    made = [
        "a-b",
        "a.b",
        "a/b",
        "a/b-c",
        "a/b.c",
        "a0",
        "b/é",
        "b/z",
        "z",
        "é",
        "😀",
        "a b",
        "a/c/d",
        "\uffee",
    ]
    for number, key in enumerate(made):
        if number % 2:
            subject.store.create(key, b"x")
        else:
            subject.upload(key, b"x")
    assert keys(subject.store) == sorted(made, key=str.encode)
    assert keys(subject.store, "a/") == ["a/b", "a/b-c", "a/b.c", "a/c/d"]


def test_listing_of_more_than_a_page(subject):
    made = sorted(f"p{number % 7}/{number:05}" for number in range(1205))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda key: subject.store.create(key, b""), made))
    assert keys(subject.store) == made
    assert list(subject.store.list_folders()) == [f"p{number}" for number in range(7)]


def test_prefixes(subject):
    for key in ("raw-a/1", "raw-ab/1", "raw-ab/2/3", "raw-b", "raw/1", "other/raw-a/1"):
        subject.upload(key, b"x")
    assert keys(subject.store, "raw-a/") == ["raw-a/1"]
    assert keys(subject.store, "raw-a") == ["raw-a/1", "raw-ab/1", "raw-ab/2/3"]
    assert keys(subject.store, "raw-ab/2") == ["raw-ab/2/3"]
    assert keys(subject.store, "raw-b") == ["raw-b"]
    assert keys(subject.store, "raw-b/") == []
    assert keys(subject.store, "nothing") == []
    assert keys(subject.store, "nothing/here/") == []
    assert keys(subject.store, "raw-b/below/a/file") == []


def test_folders(subject):
    for key in ("a-b/1", "a/1", "a/b/2", "a/c/d/3", "c", "é/1"):
        subject.upload(key, b"x")
    subject.store.create("a/made/4", b"x")
    subject.store.create("made/4", b"x")
    assert list(subject.store.list_folders()) == ["a-b", "a", "made", "é"]
    assert list(subject.store.list_folders("a/")) == ["b", "c", "made"]
    assert list(subject.store.list_folders("a/c/")) == ["d"]
    assert list(subject.store.list_folders("nothing/")) == []
    with pytest.raises(ValueError, match="slash"):
        list(subject.store.list_folders("a"))


@pytest.mark.parametrize("key", AWKWARD)
def test_awkward_keys(subject, key):
    subject.store.create(key, b"created")
    assert keys(subject.store) == [key]
    assert subject.store.read(key).data == b"created"
    copied = subject.store.copy(subject.store.head(key), f"c/{key}"[:1024])
    assert subject.store.read(copied.key).data == b"created"
    with pytest.raises(AlreadyExists):
        subject.store.create(key, b"again")


def test_same_bytes(subject):
    one = subject.upload("one", b"same")
    assert subject.store.same_bytes(one, subject.upload("two", b"same"))
    assert not subject.store.same_bytes(one, subject.upload("three", b"diff"))
    assert not subject.store.same_bytes(one, subject.upload("four", b"longer"))
    assert subject.store.same_bytes(one, subject.store.create("five", b"same"))
    assert not subject.store.same_bytes(one, subject.store.create("six", b"diff"))
    assert subject.store.same_bytes(one, subject.store.copy(one, "seven"))
    assert subject.store.same_bytes(one, one)


def test_same_bytes_of_large_objects(subject):
    data = bytes(range(256)) * (3 * 4096)
    flipped = data[:-1] + b"\0"
    source = subject.upload("source", data)
    copied = subject.store.copy(source, "copied")
    assert subject.store.same_bytes(source, copied)
    other = subject.store.copy(subject.upload("other", flipped), "other-copied")
    assert not subject.store.same_bytes(source, other)
    assert not subject.store.same_bytes(copied, other)
    assert subject.store.read("copied", start=2 * MEBIBYTE, length=MEBIBYTE).data == data[2 * MEBIBYTE :]


def test_same_bytes_of_a_version_that_is_gone(subject):
    stale = subject.upload("one", b"same")
    other = subject.upload("two", b"same")
    subject.upload("one", b"more")
    with pytest.raises(Changed):
        subject.store.same_bytes(stale, other)


def test_errors_tell_the_verb_and_no_key(subject):
    secret = "patient-4711/scan"
    info = subject.upload(secret, b"x")
    subject.upload(secret, b"changed")
    attempts = {
        "head": lambda: subject.store.head(f"{secret}/no"),
        "read": lambda: subject.store.read(secret, etag=info.etag),
        "create": lambda: subject.store.create(secret, b""),
        "copy": lambda: subject.store.copy(info, "elsewhere"),
    }
    for verb, attempt in attempts.items():
        with pytest.raises(StoreError) as raised:
            attempt()
        assert raised.value.operation == verb
        assert str(raised.value).startswith(f"{verb}: ")
        assert "4711" not in str(raised.value)
        assert "4711" not in repr(raised.value)
        assert "4711" not in str(raised.value.cause)
        assert raised.value.__suppress_context__ or raised.value.__context__ is None


def test_closing_twice(subject):
    subject.store.close()
    subject.store.close()
