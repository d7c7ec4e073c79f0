"""`warehouse cloud purge` notes what it found before it asks: where it cannot, nothing is deleted."""

from __future__ import annotations

import io
import sys
import tempfile

import pytest

import warehouse.commands.cloud.purge  # noqa: F401  (its name is that of the command, too)
from warehouse.domain.purging import Version
from warehouse.errors import SettingsError

purge = sys.modules["warehouse.commands.cloud.purge"]


def full(*_, **__):
    raise OSError(28, "No space left on device")


def test_a_temporary_directory_that_is_full_is_said(monkeypatch):
    file = io.StringIO()
    monkeypatch.setattr(file, "write", full)
    with pytest.raises(
        SettingsError, match=r"nothing was deleted: .*No space left on device.*TMPDIR"
    ) as raised:
        purge._note(iter([Version("raw-a/secret", "1")]), file)
    assert "secret" not in str(raised.value)


def test_a_temporary_directory_that_there_is_not_is_said(monkeypatch):
    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    with pytest.raises(SettingsError, match="TMPDIR"), purge._scratch():
        pass
