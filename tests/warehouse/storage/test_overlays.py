"""What a dry run keeps from the store below it, what counting counts, and how streams are compared."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warehouse.domain.records import ObjectInfo
from warehouse.errors import AlreadyExists, Archived, Changed, Occupied, Unaddressable
from warehouse.storage.compare import same_stream
from warehouse.storage.counting import CountingStore
from warehouse.storage.dryrun import DryRunStore
from warehouse.storage.folder import FolderStore
from warehouse.storage.memory import MemoryStore
from warehouse.storage.prefixes import folder_names
from warehouse.storage.s3 import S3Store


class TestDryRun:
    def test_nothing_is_written_below(self, tmp_path):
        below = FolderStore(tmp_path)
        source = below.create("source", b"data")
        before = sorted(os.walk(tmp_path))
        dry = DryRunStore(below)
        dry.create("made/here", b"x")
        dry.copy(source, "copied/there")
        for key in ("source", "made/here", "copied/there"):
            with pytest.raises(AlreadyExists):
                dry.create(key, b"y")
        assert [info.key for info in dry.list()] == ["copied/there", "made/here", "source"]
        assert sorted(os.walk(tmp_path)) == before

    def test_copies_hold_no_bytes(self):
        below = CountingStore(MemoryStore())
        source = below.create("source", bytes(1_000_000))
        dry = DryRunStore(below)
        for number in range(50):
            dry.copy(source, f"copy/{number}")
        assert below.counts()["bytes_read"] == 0
        assert dry.same_bytes(source, dry.head("copy/7"))
        assert below.counts()["bytes_read"] == 0
        assert dry.read("copy/7", start=999_999).data == b"\0"

    def test_what_others_write_below_meanwhile_is_listed_once(self):
        below = MemoryStore()
        dry = DryRunStore(below)
        dry.create("a/k", b"ours")
        below.put("a/k", b"theirs")
        below.put("a/l", b"")
        assert [info.key for info in dry.list()] == ["a/k", "a/l"]
        assert list(dry.list_folders()) == ["a"]
        assert dry.read("a/k").data == b"ours"

    def test_comparison_with_a_version_that_is_gone(self):
        dry = DryRunStore(MemoryStore())
        made = dry.create("k", b"data")
        with pytest.raises(Changed):
            dry.same_bytes(replace(made, etag="stale"), made)

    def test_archived_sources_stay_where_they_are(self):
        class Cold(MemoryStore):
            def head(self, key: str) -> ObjectInfo:
                return replace(super().head(key), archived=True)

        below = Cold()
        source = below.put("source", b"data")
        with pytest.raises(Archived):
            DryRunStore(below).copy(source, "target")

    def test_a_place_that_the_store_below_cannot_write_to(self, tmp_path):
        (tmp_path / "link").symlink_to("nowhere")
        with pytest.raises(Occupied):
            DryRunStore(FolderStore(tmp_path)).create("link", b"")

    def test_a_key_that_the_store_below_cannot_hold(self, tmp_path):
        with pytest.raises(Unaddressable):
            DryRunStore(FolderStore(tmp_path)).create("../out", b"")


class TestCounting:
    def test_calls_and_bytes(self):
        store = CountingStore(MemoryStore())
        source = store.create("a/source", b"12345")
        copied = store.copy(source, "a/copied")
        store.same_bytes(source, copied)
        list(store.list())
        list(store.list_folders())
        store.head("a/source")
        store.read("a/source", length=2)
        with pytest.raises(AlreadyExists):
            store.create("a/source", b"refused")
        assert store.counts() == {
            "list": 1,
            "list_folders": 1,
            "head": 1,
            "read": 1,
            "create": 2,
            "copy": 1,
            "same_bytes": 1,
            "bytes_read": 2,
            "bytes_written": 5,
        }

    def test_from_many_threads(self):
        store = CountingStore(MemoryStore())
        store.create("k", b"x")
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda _: store.read("k"), range(2000)))
        assert store.counts()["read"] == store.counts()["bytes_read"] == 2000

    def test_requests_where_they_are_known(self, s3_server, s3_bucket):
        store = CountingStore(
            S3Store(s3_bucket, session=s3_server.session(), endpoint_url=s3_server.endpoint)
        )
        store.create("k", b"x")
        list(store.list())
        counts = store.counts()
        assert (counts["list"], counts["pages"], counts["requests"]) == (1, 1, 2)
        store.close()


class TestComparison:
    @given(
        st.binary(max_size=40),
        st.integers(1, 12),
        st.none() | st.tuples(st.integers(0, 39), st.integers(1, 255)),
    )
    def test_any_difference_is_found(self, data, block, flip):
        other = bytearray(data)
        if flip is not None and data:
            other[flip[0] % len(data)] ^= flip[1]
        store = MemoryStore()
        one, two = store.put("one", data), store.put("two", bytes(other))
        assert same_stream(store, one, two, block=block) is (bytes(other) == data)

    def test_memory_is_bounded_and_the_first_difference_ends_it(self):
        store = CountingStore(MemoryStore())
        one, two = store.create("one", b"a" + bytes(999)), store.create("two", b"b" + bytes(999))
        assert not same_stream(store, one, two, block=10)
        assert store.counts()["bytes_read"] == 20


def test_folder_names_are_those_of_s3():
    keys = sorted(["a-b/1", "a/1", "a/2", "a0", "b", "p//x", "/x"])
    assert folder_names(keys, "") == ["a-b", "a", "p"]
    assert folder_names([key for key in keys if key.startswith("p/")], "p/") == []
