"""What only a folder can get wrong: links, odd names, leftovers of a crash, a full disk."""

from __future__ import annotations

import errno
import os
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from warehouse.errors import (
    AlreadyExists,
    Changed,
    Forbidden,
    NotFound,
    Occupied,
    StoreFault,
    StoreUnavailable,
    Unaddressable,
)
from warehouse.storage import folder as folder_module
from warehouse.storage import folder_listing
from warehouse.storage.folder import FolderStore

UNADDRESSABLE = [
    "",
    "/",
    "/etc/passwd",
    "../out",
    "a/../b",
    "a/..",
    "a//b",
    "a/",
    "./a",
    "a/.",
    ".",
    "..",
    "a\0b",
    "é" * 128,
    "a/" + "x" * 256,
    "\ud800",
    ".warehouse-tmp",
    ".warehouse-tmp/x",
]


@pytest.fixture
def root(tmp_path):
    path = tmp_path / "bucket"
    path.mkdir()
    return path


@pytest.fixture
def store(root):
    return FolderStore(root)


def put(root, key, data=b"x"):
    path = root / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def listed(store, prefix=""):
    return {info.key: info.defect for info in store.list(prefix)}


def files_under(path):
    return sorted(os.path.join(where, name) for where, _, names in os.walk(path) for name in names)


def test_etag_is_size_and_time(root, store):
    status = put(root, "a/b", b"12345").stat()
    info = store.head("a/b")
    assert info.etag == f"5-{status.st_mtime_ns}"
    assert info.last_modified == datetime(1970, 1, 1, tzinfo=UTC) + timedelta(
        microseconds=status.st_mtime_ns // 1000
    )


def test_a_relative_root_stays_where_it_was(root, monkeypatch):
    monkeypatch.chdir(root.parent)
    store = FolderStore("bucket")
    monkeypatch.chdir("/")
    store.create("k", b"x")
    assert store.location == str(root)
    assert (root / "k").read_bytes() == b"x"


class TestRoot:
    def test_usable(self, store):
        store.check()

    def test_missing(self, tmp_path):
        store = FolderStore(tmp_path / "no" / "such")
        for attempt in (
            store.check,
            lambda: list(store.list()),
            lambda: store.head("k"),
            lambda: store.create("k", b""),
        ):
            with pytest.raises(StoreUnavailable, match="does not exist") as raised:
                attempt()
            assert raised.value.exit_code == 2

    def test_closing_never_fails(self, tmp_path, root, store):
        FolderStore(tmp_path / "no" / "such").close()
        store.create("a", b"x")
        store.close()
        assert [path.name for path in root.iterdir()] == ["a"]
        store.create("b", b"x")
        (root / ".warehouse-tmp" / "leftover").write_bytes(b"")
        store.close()
        assert (root / ".warehouse-tmp" / "leftover").exists()

    def test_a_file(self, tmp_path):
        (tmp_path / "file").write_bytes(b"")
        with pytest.raises(StoreUnavailable, match="not a folder"):
            FolderStore(tmp_path / "file").check()

    def test_denied(self, store, monkeypatch):
        def denied(*_, **__):
            raise PermissionError(errno.EACCES, "denied")

        monkeypatch.setattr(os, "scandir", denied)
        with pytest.raises(StoreUnavailable, match="permissions"):
            store.check()


class TestKeys:
    @pytest.mark.parametrize("key", UNADDRESSABLE)
    def test_unaddressable(self, root, store, key):
        source = store.create("source", b"x")
        before = files_under(root.parent)
        for attempt in (
            lambda: store.head(key),
            lambda: store.read(key),
            lambda: store.create(key, b"evil"),
            lambda: store.copy(source, key),
            lambda: store.copy(replace(source, key=key), "target"),
        ):
            with pytest.raises(Unaddressable):
                attempt()
        assert files_under(root.parent) == before

    def test_longest_segment(self, store):
        store.create("x" * 255 + "/" + "é" * 127, b"x")
        assert len(list(store.list())) == 1

    @pytest.mark.parametrize("prefix", ["../", "/", "a/../", "a//", "./", ".warehouse-tmp/"])
    def test_prefix_that_leads_out(self, store, prefix):
        with pytest.raises(Unaddressable):
            list(store.list(prefix))

    @pytest.mark.parametrize("prefix", ["..", ".", "\0", "a/..", "\ud800"])
    def test_prefix_of_names(self, root, store, prefix):
        put(root, "..a/b")
        assert listed(store, prefix) == ({"..a/b": None} if prefix in ("..", ".") else {})

    def test_a_file_where_a_folder_is_needed(self, store):
        info = store.create("a", b"x")
        for attempt in (
            lambda: store.create("a/b", b"y"),
            lambda: store.copy(info, "a/b/c"),
            lambda: store.head("a/b"),
            lambda: store.read("a/b/c"),
        ):
            with pytest.raises(Occupied, match="ENOTDIR"):
                attempt()

    def test_a_folder_where_a_file_is_needed(self, root, store):
        info = store.create("a/b", b"x")
        (root / "empty").mkdir()
        for key in ("a", "empty"):
            for attempt in (
                lambda key=key: store.create(key, b"y"),
                lambda key=key: store.copy(info, key),
                lambda key=key: store.head(key),
                lambda key=key: store.read(key),
            ):
                with pytest.raises(Occupied, match="EISDIR"):
                    attempt()


class TestLinks:
    @pytest.fixture
    def outside(self, tmp_path):
        put(tmp_path, "outside/secret", b"secret")
        return tmp_path / "outside"

    def test_are_listed_and_not_followed(self, root, store, outside):
        put(root, "real/file")
        (root / "to-file").symlink_to(outside / "secret")
        (root / "to-dir").symlink_to(outside)
        (root / "real" / "to-itself").symlink_to(root)
        (root / "dangling").symlink_to("nowhere")
        assert listed(store) == {
            "dangling": "link",
            "real/file": None,
            "real/to-itself": "link",
            "to-dir": "link",
            "to-file": "link",
        }
        assert listed(store, "to-dir") == {"to-dir": "link"}
        assert list(store.list_folders()) == ["real"]

    def test_are_no_empty_folders(self, root, store, outside):
        (root / "to-dir").symlink_to(outside)
        with pytest.raises(StoreUnavailable, match="symbolic link"):
            listed(store, "to-dir/")
        with pytest.raises(StoreUnavailable, match="symbolic link"):
            list(store.list_folders("to-dir/data/"))

    def test_are_neither_read_nor_copied(self, root, store, outside):
        (root / "to-file").symlink_to(outside / "secret")
        (root / "to-dir").symlink_to(outside)
        for key in ("to-file", "to-dir/secret", "to-dir"):
            for verb in (store.head, store.read):
                with pytest.raises(Occupied):
                    verb(key)
        (link,) = (info for info in store.list() if info.key == "to-file")
        with pytest.raises(Occupied):
            store.copy(link, "copied")

    def test_are_not_written_through(self, root, store, outside):
        (root / "to-dir").symlink_to(outside)
        (root / "dangling").symlink_to(outside / "made")
        source = store.create("source", b"x")
        for attempt in (lambda: store.create("to-dir/new", b"x"), lambda: store.copy(source, "to-dir/new")):
            with pytest.raises(Occupied):
                attempt()
        with pytest.raises(Occupied):
            store.create("dangling", b"x")
        assert [path.name for path in outside.iterdir()] == ["secret"]

    def test_swapped_in_while_listing(self, root, store, outside, monkeypatch):
        put(root, "a/file")
        put(root, "b/file")
        listing = store.list()
        assert next(listing).key == "a/file"
        (root / "b").rename(root.parent / "moved")
        (root / "b").symlink_to(outside)
        assert [info.key for info in listing] == []

    def test_work_area_may_not_be_one(self, root, store, outside):
        (root / ".warehouse-tmp").symlink_to(outside)
        with pytest.raises(StoreUnavailable, match="put it aside"):
            store.create("k", b"x")
        assert [path.name for path in outside.iterdir()] == ["secret"]

    def test_the_root_may_be_one(self, root, tmp_path):
        (tmp_path / "alias").symlink_to(root)
        store = FolderStore(tmp_path / "alias")
        store.create("k", b"x")
        assert listed(store) == {"k": None}


class TestOddNames:
    def test_newline_and_control_characters(self, root, store):
        for key in ("a\nb", "a/\x07", "tab\t"):
            put(root, key)
        assert listed(store) == {"a\nb": None, "a/\x07": None, "tab\t": None}
        assert store.read("a\nb").data == b"x"

    def test_not_utf8(self, root, store):
        os.makedirs(os.fsencode(root) + b"/caf\xe9")
        for name in (b"/caf\xe9/plain", b"/\xff\xfe.dcm", b"/good"):
            with open(os.fsencode(root) + name, "wb") as file:
                file.write(b"x")
        assert listed(store) == {
            "\\xff\\xfe.dcm": "unaddressable",
            "caf\\xe9/plain": "unaddressable",
            "good": None,
        }
        assert list(store.list_folders()) == []

    def test_no_files_at_all(self, root, store):
        os.mkfifo(root / "pipe")
        assert listed(store) == {"pipe": "unaddressable"}
        for verb in (store.head, store.read):
            with pytest.raises(Occupied):
                verb("pipe")

    def test_empty_folders_are_nothing(self, root, store):
        (root / "empty" / "deeper").mkdir(parents=True)
        assert listed(store) == {}
        assert list(store.list_folders()) == []

    def test_times_beyond_the_calendar(self, root, store):
        os.utime(put(root, "old"), ns=(0, -(10**18)))
        assert store.head("old").last_modified.year == 1938
        far = SimpleNamespace(st_size=1, st_mtime_ns=10**22)
        assert folder_module.info_of("k", far).last_modified == datetime.max.replace(tzinfo=UTC)

    def test_very_deep(self, root, store):
        key = "/".join(["d"] * 300) + "/file"
        store.create(key, b"x")
        assert listed(store) == {key: None}


class TestListing:
    def test_more_than_a_batch(self, root, store, monkeypatch):
        monkeypatch.setattr(folder_listing, "BATCH", 3)
        keys = [f"{number % 4}/{number}" for number in range(20)] + ["0-", "0.", "1a"]
        for key in keys:
            put(root, key)
        assert list(listed(store)) == sorted(keys)

    def test_what_vanishes_meanwhile_is_not_there(self, root, store, monkeypatch):
        monkeypatch.setattr(folder_listing, "BATCH", 1)
        for key in ("a", "b", "c/d", "e"):
            put(root, key)
        listing = store.list()
        assert next(listing).key == "a"
        (root / "b").unlink()
        (root / "c" / "d").unlink()
        (root / "c").rmdir()
        assert [info.key for info in listing] == ["e"]

    def test_a_folder_that_may_not_be_read_stops_it(self, root, store, monkeypatch):
        put(root, "a/file")
        put(root, "b/file")
        scandir = os.scandir
        calls = []

        def denied(descriptor):
            calls.append(descriptor)
            if len(calls) == 3:
                raise PermissionError(errno.EACCES, "denied")
            return scandir(descriptor)

        monkeypatch.setattr(os, "scandir", denied)
        listing = store.list()
        assert next(listing).key == "a/file"
        with pytest.raises(Forbidden, match="EACCES"):
            next(listing)

    def test_abandoned_listings_hold_nothing(self, root, store):
        for number in range(5):
            put(root, f"{number}/file")
        before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
        listings = [store.list() for _ in range(20)]
        for listing in listings:
            next(listing)
        if before:
            assert len(os.listdir("/proc/self/fd")) == before


class TestWriting:
    def test_copies_share_no_inode(self, root, store):
        source = put(root, "source", b"before")
        copied = root / "copied"
        store.copy(store.head("source"), "copied")
        assert source.stat().st_ino != copied.stat().st_ino
        assert source.stat().st_nlink == copied.stat().st_nlink == 1
        with source.open("r+b") as file:
            file.write(b"BEFORE")
        assert copied.read_bytes() == b"before"

    def test_copies_are_new(self, root, store):
        os.utime(put(root, "source"), (1, 1))
        assert store.copy(store.head("source"), "copied").last_modified.year > 2000

    @pytest.mark.parametrize("number", [errno.EXDEV, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM])
    def test_copies_without_help_of_the_kernel(self, root, store, monkeypatch, number):
        def unsupported(*_):
            raise OSError(number, "no")

        monkeypatch.setattr(os, "copy_file_range", unsupported)
        monkeypatch.setattr(folder_module, "BLOCK", 7)
        put(root, "source", b"0123456789" * 10)
        store.copy(store.head("source"), "copied")
        assert (root / "copied").read_bytes() == b"0123456789" * 10

    def test_short_answers_of_the_kernel(self, root, store, monkeypatch):
        pread, pwrite, copy_range = os.pread, os.pwrite, os.copy_file_range
        monkeypatch.setattr(os, "pread", lambda fd, length, at: pread(fd, min(length, 3), at))
        monkeypatch.setattr(os, "pwrite", lambda fd, data, at: pwrite(fd, data[:4], at))
        monkeypatch.setattr(
            os,
            "copy_file_range",
            lambda *a: copy_range(a[0], a[1], min(a[2], 5), a[3], a[4]) if a[3] < 9 else 0,
        )
        info = store.create("a", b"0123456789abc")
        store.copy(info, "b")
        assert store.read("b").data == b"0123456789abc"
        assert store.read("b", start=2, length=7).data == b"2345678"

    def test_an_edit_during_the_copy(self, root, store, monkeypatch):
        source = put(root, "source", b"before")
        info = store.head("source")
        copy = folder_module._copy

        def edited(*arguments):
            copy(*arguments)
            source.write_bytes(b"another")

        monkeypatch.setattr(folder_module, "_copy", edited)
        with pytest.raises(Changed):
            store.copy(info, "target")
        assert listed(store) == {"source": None}

    def test_an_edit_during_a_read(self, root, store, monkeypatch):
        source = put(root, "source", b"before")
        info = store.head("source")
        read = folder_module._read

        def edited(*arguments):
            data = read(*arguments)
            source.write_bytes(b"another")
            return data

        monkeypatch.setattr(folder_module, "_read", edited)
        with pytest.raises(Changed):
            store.read("source", etag=info.etag)

    @pytest.mark.parametrize(
        ("call", "number", "ours"),
        [
            ("pwrite", errno.ENOSPC, StoreFault),
            ("pwrite", errno.EDQUOT, StoreFault),
            ("fsync", errno.EIO, StoreFault),
            ("link", errno.EXDEV, StoreFault),
            ("link", errno.EACCES, Forbidden),
            ("mkdir", errno.EACCES, Forbidden),
            ("mkdir", errno.EROFS, Forbidden),
        ],
    )
    def test_faults_leave_nothing(self, root, store, monkeypatch, call, number, ours):
        def failing(*_, **__):
            raise OSError(number, "no")

        with monkeypatch.context() as patched:
            patched.setattr(os, call, failing)
            with pytest.raises(ours, match=errno.errorcode[number]):
                store.create("deep/down/key", b"x" * 100)
        assert files_under(root) == []
        assert listed(store) == {}
        store.create("deep/down/key", b"x" * 100)

    def test_a_full_disk_during_a_copy(self, root, store, monkeypatch):
        put(root, "source")

        def full(*_):
            raise OSError(errno.ENOSPC, "no")

        monkeypatch.setattr(os, "copy_file_range", full)
        with pytest.raises(StoreFault, match="ENOSPC"):
            store.copy(store.head("source"), "target")
        assert listed(store) == {"source": None}

    def test_leftovers_of_a_crash(self, root, store):
        store.create("a/b", b"x")
        leftover = root / ".warehouse-tmp" / "deadbeef"
        leftover.write_bytes(b"half a fi")
        assert listed(store) == {"a/b": None}
        assert list(store.list_folders()) == ["a"]
        assert listed(store, ".ware") == {}
        store.create("c", b"y")
        assert leftover.exists()

    def test_nothing_is_left_in_the_work_area(self, root, store):
        info = store.create("a", b"x")
        store.copy(info, "b")
        with pytest.raises(AlreadyExists):
            store.create("a", b"y")
        assert files_under(root / ".warehouse-tmp") == []

    def test_half_written_objects_are_invisible(self, root, store, monkeypatch):
        written, go_on = threading.Event(), threading.Event()
        fsync = os.fsync

        def slow(descriptor):
            written.set()
            assert go_on.wait(10)
            fsync(descriptor)

        store.create("a/first", b"")
        monkeypatch.setattr(os, "fsync", slow)
        thread = threading.Thread(target=store.create, args=("a/b", b"data"), daemon=True)
        thread.start()
        assert written.wait(10)
        try:
            assert listed(store) == {"a/first": None}
            with pytest.raises(NotFound):
                store.head("a/b")
        finally:
            go_on.set()
            thread.join(10)
        assert store.read("a/b").data == b"data"

    def test_reading_needs_permission(self, root, store, monkeypatch):
        put(root, "k")
        real = os.open

        def denied(path, flags, *rest, **more):
            if path == b"k":
                raise PermissionError(errno.EACCES, "denied", path)
            return real(path, flags, *rest, **more)

        monkeypatch.setattr(os, "open", denied)
        with pytest.raises(Forbidden, match="EACCES"):
            store.read("k")


def test_a_file_system_that_makes_no_folder_is_no_reason_to_try_for_ever(tmp_path, monkeypatch):
    def none(*_, **__):
        raise FileNotFoundError(errno.ENOENT, "as /proc says")

    monkeypatch.setattr(os, "mkdir", none)
    store = FolderStore(tmp_path)
    with pytest.raises(StoreFault):
        store.create("training/x", b"x")
    store.close()
