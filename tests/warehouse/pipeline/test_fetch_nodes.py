"""A cohort is copied out whole, checked and only once; what fails is counted, named and tried again."""

from __future__ import annotations

import hashlib

import pytest

import bonobo
from warehouse.commands.cohort import fetch_graph
from warehouse.domain import cohort, keys
from warehouse.domain.cohort import COLUMNS, PARTS, Digest, Origin
from warehouse.domain.fetching import FAILURES, FetchAccount, in_words
from warehouse.domain.records import ObjectInfo
from warehouse.errors import (
    Archived,
    Changed,
    Forbidden,
    NotFound,
    Occupied,
    StoreFault,
    StoreUnavailable,
)
from warehouse.pipeline import fetch
from warehouse.storage.cohorts import ManifestFile
from warehouse.storage.folder import FolderStore
from warehouse.storage.memory import MemoryStore


class World:
    """A warehouse in memory with images of two patients, and a folder to fetch into."""

    def __init__(self, path):
        self.store = MemoryStore()
        self.path = path / "manifest.csv"
        self.folder = path / "out"
        self.folder.mkdir()
        self.images = {
            f"training/ct/{patient}/1.2/1.3/{name}.dcm": f"{patient}{name}".encode() * 9
            for patient in ("P1", "P2")
            for name in "abc"
        }
        self.others = {
            **{keys.metadata_key(key): b"{}" for key in self.images},
            **{f"training/data/{patient}/data_2020-04-01.json": b'{"a": 1}' for patient in ("P1", "P2")},
            "training/data/P1/status_2020-04-02.json": b"{}",
        }
        for key, data in {**self.images, **self.others}.items():
            self.store.put(key, data)
        self.write()

    def write(self, **etags):
        digest = Digest()
        rows = [digest.names()]
        for key in sorted(self.images):
            data = self.images[key]
            etag = etags.get("etag", hashlib.md5(data, usedforsecurity=False).hexdigest())
            rows.append(digest.row([key, len(data), etag, "training", "ct", *[None] * (len(COLUMNS) - 5)]))
        head = cohort.header(Origin("s3://bucket", "catalog", "c", 1, "true", "1"), digest)
        self.path.write_text(head + "".join(rows))

    def fetch(self, *parts, is_md5=True, concurrency=4, is_a_copy=False):
        place, account = FolderStore(self.folder), FetchAccount()
        services = {
            "manifest": ManifestFile(self.path),
            "parts": parts or ("images",),
            "store": self.store,
            "etag_is_md5": lambda _: is_md5,
            "place": place,
            "is_a_copy": is_a_copy,
            "account": account,
        }
        report = bonobo.run(fetch_graph(concurrency), services=services, console=bonobo.QUIET)
        place.close()
        return report.exit_code, account

    def fetched(self):
        return {
            str(path.relative_to(self.folder)): path.read_bytes()
            for path in self.folder.rglob("*")
            if path.is_file()
        }


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def test_all_parts_come_as_they_are(world):
    code, account = world.fetch(*PARTS)
    assert code == 0
    assert world.fetched() == {**world.images, **world.others}
    assert account.report()["fetched"] == len(world.images) + len(world.others)
    assert account.bytes == sum(map(len, [*world.images.values(), *world.others.values()]))


@pytest.mark.parametrize("part", PARTS)
def test_only_the_parts_that_are_wanted_come(world, part):
    world.fetch(part)
    kind = {"images": "/ct/", "metadata": "/ct-metadata/", "clinical": "/data/"}[part]
    wanted = {key for key in (*world.images, *world.others) if kind in key}
    assert set(world.fetched()) == wanted


def test_what_is_there_is_not_read_again(world, monkeypatch):
    world.fetch(*PARTS)
    monkeypatch.setattr(MemoryStore, "read", None)
    code, account = world.fetch(*PARTS)
    assert code == 0
    assert account.report() == {
        "fetched": 0,
        "there": len(world.images) + len(world.others),
        "failed": 0,
        "bytes": 0,
        "reasons": {},
    }


def test_a_fetch_that_was_ended_goes_on_where_it_was(world, monkeypatch):
    original, reads = MemoryStore.read, []

    def breaks(store, key, **how):
        reads.append(key)
        if len(reads) == 4:
            raise StoreUnavailable("read", cause="the network went away")
        return original(store, key, **how)

    with monkeypatch.context() as breaking:
        breaking.setattr(MemoryStore, "read", breaks)
        code, _ = world.fetch(concurrency=1)
    assert code == 2
    before = world.fetched()
    assert 0 < len(before) < len(world.images)
    assert all(world.images[key] == data for key, data in before.items())
    code, account = world.fetch()
    assert code == 0
    assert world.fetched() == world.images
    assert account.ends == {"there": len(before), "fetched": len(world.images) - len(before)}


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (NotFound("read"), "vanished"),
        (Changed("read"), "changed"),
        (Archived("read"), "archived"),
        (Forbidden("read"), "forbidden"),
        (StoreFault("read"), "store-fault"),
        (ValueError("odd"), "internal-error"),
    ],
)
def test_what_fails_is_counted_and_named_and_the_others_come(world, monkeypatch, error, reason):
    lost = "training/ct/P1/1.2/1.3/b.dcm"
    original = MemoryStore.read

    def read(store, key, **how):
        if key == lost:
            raise error
        return original(store, key, **how)

    monkeypatch.setattr(MemoryStore, "read", read)
    code, account = world.fetch()
    assert code == 1
    assert account.reasons == {reason: 1}
    assert reason in account.summary()
    assert lost in account.summary()
    assert world.fetched() == {key: data for key, data in world.images.items() if key != lost}


def test_clinical_files_that_cannot_be_listed_fail_as_one(world, monkeypatch):
    def refuse(*_):
        raise Forbidden("list")

    monkeypatch.setattr(MemoryStore, "list", refuse)
    code, account = world.fetch("clinical")
    assert (code, dict(account.reasons)) == (1, {"forbidden": 2})


def test_bytes_that_do_not_have_their_md5_are_damaged_and_leave_no_file(world, monkeypatch):
    key = "training/ct/P1/1.2/1.3/a.dcm"
    held = world.store._objects[key]
    world.store._objects[key] = type(held)(held.data[::-1], held.info)
    code, account = world.fetch()
    assert (code, dict(account.reasons)) == (1, {"damaged": 1})
    assert key not in world.fetched()
    assert world.fetch(is_md5=False)[0] == 0


def test_an_object_that_was_replaced_is_not_taken_for_the_one_that_was_meant(world):
    world.store.put("training/ct/P1/1.2/1.3/a.dcm", b"P1z" * 9)
    world.store.put("training/ct/P1/1.2/1.3/b.dcm", b"longer than before")
    code, account = world.fetch()
    assert (code, dict(account.reasons)) == (1, {"changed": 2})


def test_another_etag_of_the_same_bytes_is_no_change(world):
    key = "training/ct/P1/1.2/1.3/a.dcm"
    held = world.store._objects[key]
    info = held.info
    other = ObjectInfo(key, info.size, "of-another-copy-2", info.last_modified)
    world.store._objects[key] = type(held)(held.data, other)
    assert world.fetch()[0] == 0


def test_a_time_of_change_decides_unless_the_folder_was_copied(world):
    world.write(etag="27-1600000000000000000")
    assert dict(world.fetch()[1].reasons) == {"changed": 6}
    assert world.fetch(is_a_copy=True)[0] == 0
    world.write(etag="aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-2")
    assert world.fetch()[1].ends == {"there": 6}
    for path in world.folder.rglob("*.dcm"):
        path.unlink()
    assert dict(world.fetch()[1].reasons) == {"changed": 6}


def test_large_objects_come_in_blocks_of_one_version(world, monkeypatch):
    monkeypatch.setattr(fetch, "BLOCK", 4)
    seen = []
    original = MemoryStore.read

    def read(store, key, **how):
        seen.append(how)
        return original(store, key, **how)

    monkeypatch.setattr(MemoryStore, "read", read)
    assert world.fetch(concurrency=1)[0] == 0
    assert world.fetched() == world.images
    assert {how["length"] for how in seen} == {4}
    assert all(how.get("etag") for how in seen if how.get("start"))


def test_an_object_that_is_empty(world):
    world.images = {"training/ct/P1/1.2/1.3/a.dcm": b""}
    world.store.put("training/ct/P1/1.2/1.3/a.dcm", b"")
    world.write()
    assert world.fetch()[0] == 0
    assert world.fetched() == world.images


def test_a_file_of_another_size_in_the_place_is_left_alone(world):
    key = "training/ct/P1/1.2/1.3/a.dcm"
    mine = world.folder / key
    mine.parent.mkdir(parents=True)
    mine.write_bytes(b"mine")
    code, account = world.fetch()
    assert (code, dict(account.reasons)) == (1, {"occupied": 1})
    assert mine.read_bytes() == b"mine"


@pytest.mark.parametrize("part", ["images", "metadata", "clinical"])
def test_another_file_in_the_place_of_any_part_is_told(world, part):
    key = next(
        key
        for key in (*world.images, *world.others)
        if {"images": "/ct/", "metadata": "/ct-metadata/"}.get(part, "/data/") in key
    )
    (world.folder / key).parent.mkdir(parents=True)
    (world.folder / key).write_bytes(b"another one")
    code, account = world.fetch(part)
    assert (code, dict(account.reasons)) == (1, {"occupied": 1})


def test_a_link_in_the_warehouse_is_not_in_the_way_of_the_copy(world, monkeypatch):
    def read(*_, **__):
        raise Occupied("read")

    monkeypatch.setattr(MemoryStore, "read", read)
    assert dict(world.fetch()[1].reasons) == {"changed": 6}


@pytest.mark.parametrize("what", ["training", "training/ct/P1/1.2/1.3/a.dcm/"])
def test_what_stands_in_the_way_is_no_fault_of_the_store(world, what):
    place = world.folder / what
    place.parent.mkdir(parents=True, exist_ok=True)
    if what.endswith("/"):
        place.mkdir()
    else:
        place.touch()
    code, account = world.fetch()
    assert code == 1
    assert set(account.reasons) == {"occupied"}


def test_a_folder_without_a_work_area_ends_the_run(world):
    world.folder.mkdir(exist_ok=True)
    (world.folder / ".warehouse-tmp").touch()
    assert world.fetch()[0] == 2


def test_no_link_leads_out_of_the_folder(world, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (world.folder / "training").symlink_to(outside)
    code, account = world.fetch()
    assert (code, dict(account.reasons)) == (1, {"occupied": 6})
    assert list(outside.iterdir()) == []


def test_a_manifest_that_is_damaged_ends_the_run(world):
    world.path.write_text(world.path.read_text().replace("/a.dcm,27", "/a.dcm,28"))
    assert world.fetch()[0] == 2


def test_every_reason_is_told_in_words():
    given = {reason for _, reason in fetch._REASONS} | {"occupied"}
    assert given == set(FAILURES)


@pytest.mark.parametrize(
    ("size", "words"),
    [(0, "0 bytes"), (1023, "1023 bytes"), (1024, "1.0 KiB"), (2**40, "1.0 TiB"), (2**60, "1048576.0 TiB")],
)
def test_sizes_in_words(size, words):
    assert in_words(size) == words
