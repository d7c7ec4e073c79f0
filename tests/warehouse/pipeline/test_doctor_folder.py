"""What a folder's file system lacks is said; what was tried is taken away again."""

from __future__ import annotations

import errno
import os
from datetime import UTC, datetime, timedelta

import pytest

from warehouse.pipeline.doctor_folder import folder_checks
from warehouse.storage.folder_probe import FolderProbe, Place, Tried
from warehouse.storage.local_files import whole_file

NOW = datetime.now(UTC)
FINE = Tried(links=True, once=True, tells_cases=True, changed=NOW.timestamp())


def looked_at(probe, now=None):
    """The checks that are not well, by their names: verdict and what to do."""
    now = now or datetime.now(UTC)
    checks = folder_checks(probe, probe.check, lambda: now)
    return {check.name: (check.verdict.value, check.remedy) for check in checks if check.verdict != "ok"}


@pytest.fixture
def probe(drop):
    with whole_file(drop / "note"):
        pass
    return FolderProbe(drop)


def test_nothing_is_missing_and_nothing_left(probe):
    before = sorted(os.walk(probe.location))
    assert looked_at(probe) == {}
    probe.close()
    assert sorted(os.walk(probe.location)) == before


def test_no_hard_links(probe, monkeypatch):
    def refuse(*_, **__):
        raise OSError(errno.EPERM, "not here")

    monkeypatch.setattr(os, "link", refuse)
    verdict, remedy = looked_at(probe)["hard links"]
    assert verdict == "missing"
    assert "hard links" in remedy


def test_links_that_replace(probe, monkeypatch):
    monkeypatch.setattr(os, "link", lambda *_, **__: None)
    assert looked_at(probe)["hard links"][0] == "missing"


@pytest.mark.parametrize(
    ("place", "word"),
    [
        (Place("folder", writable=False), "loader's user"),
        (Place("folder", here=False), "file system"),
        (Place("absent", writable=False), "loader's user"),
        (Place("other"), "move it away"),
        (Place("link"), "put the folder there"),
    ],
)
def test_parts_that_cannot_be_used(probe, monkeypatch, place, word):
    monkeypatch.setattr(
        FolderProbe, "place", lambda self, name: place if name == "catalog" else Place("folder")
    )
    found = looked_at(probe)
    assert list(found) == ["catalog/"]
    assert found["catalog/"][0] == "missing"
    assert word in found["catalog/"][1]


def test_a_part_on_another_file_system_is_found(probe, monkeypatch):
    assert probe.place("raw-northfield").here
    real = os.fstat
    monkeypatch.setattr(
        os, "fstat", lambda number: os.stat_result((*real(number)[:2], -1, *real(number)[3:]))
    )
    assert not probe.place("raw-northfield").here


def test_names_in_capitals(probe, monkeypatch):
    monkeypatch.setattr(FolderProbe, "tried", lambda self: Tried(True, True, False, NOW.timestamp()))
    assert looked_at(probe, NOW)["names"][0] == "warning"


@pytest.mark.parametrize(
    ("now", "verdict"),
    [(NOW + timedelta(minutes=5), "warning"), (datetime(1980, 1, 1, tzinfo=UTC), "missing")],
)
def test_a_clock_that_cannot_be(probe, monkeypatch, now, verdict):
    monkeypatch.setattr(FolderProbe, "tried", lambda self: FINE)
    assert looked_at(probe, now)["clock"][0] == verdict


def test_no_room(probe, monkeypatch):
    monkeypatch.setattr(FolderProbe, "free", lambda self: (1000, 1000))
    assert looked_at(probe)["room"][0] == "missing"


def test_more_raw_objects_than_there_is_room_for(probe, monkeypatch):
    free = 2 * 1024**3
    monkeypatch.setattr(FolderProbe, "free", lambda self: (free, 1000))
    assert "room" not in looked_at(probe)
    with open(os.path.join(probe.location, "raw-northfield", "large"), "wb") as file:
        file.truncate(3 * 1024**3)
    assert looked_at(probe)["room"][0] == "warning"


def test_a_disk_that_is_full(probe, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(FolderProbe, "_new_scratch_file", full)
    found = looked_at(probe)
    assert found["write"][0] == "missing"
    assert found["hard links"][0] == "untried"
