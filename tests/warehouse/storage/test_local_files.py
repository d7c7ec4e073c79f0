"""A file appears whole or not at all."""

import os

import pytest

from warehouse.errors import StoreError
from warehouse.storage.local_files import MessageFile, whole_file


def test_a_file_is_replaced_as_a_whole(tmp_path):
    path = tmp_path / "f"
    path.write_text("old")
    with whole_file(path) as stream:
        stream.write(b"new")
        stream.flush()
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert os.listdir(tmp_path) == ["f"]


def test_what_fails_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "f"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), whole_file(path) as stream:
        stream.write(b"new" + bytes(1 // 0))
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["f"]


def test_a_link_is_replaced_and_not_followed(tmp_path):
    other, path = tmp_path / "other", tmp_path / "f"
    other.write_text("somebody's")
    path.symlink_to(other)
    with whole_file(path) as stream:
        stream.write(b"new")
    assert (path.is_symlink(), path.read_text(), other.read_text()) == (False, "new", "somebody's")


def test_a_folder_that_is_missing_is_an_error_of_ours(tmp_path):
    with pytest.raises(StoreError, match="ENOENT"), whole_file(tmp_path / "no" / "f"):
        pass


def test_without_a_path_no_message_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    MessageFile(None).write("a")
    assert os.listdir(tmp_path) == []
    MessageFile(tmp_path / "m").write("ä\n")
    assert (tmp_path / "m").read_bytes() == "ä\n".encode()
