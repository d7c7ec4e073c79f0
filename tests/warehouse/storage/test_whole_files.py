"""What is no regular file stays what it is, and is written to."""

import os
import stat
import threading

import pytest

from warehouse.errors import StoreError
from warehouse.storage.local_files import remove_unfinished, whole_file


@pytest.mark.parametrize("linked", [False, True])
def test_a_pipe_is_written_to_and_stays_one(tmp_path, linked):
    pipe = path = tmp_path / "pipe"
    os.mkfifo(pipe)
    if linked:
        path = tmp_path / "link"
        path.symlink_to(pipe)
    read = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()), daemon=True)
    reader.start()
    with whole_file(path) as stream:
        stream.write(b"rows")
    reader.join(30)
    assert read == [b"rows"]
    assert stat.S_ISFIFO(os.stat(path).st_mode)
    assert path.is_symlink() == linked


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(StoreError), whole_file(tmp_path) as stream:
        stream.write(b"rows")


def test_what_is_unfinished_can_be_removed_before_the_process_is_ended(tmp_path):
    writing = whole_file(tmp_path / "x")
    writing.__enter__().write(b"1")
    assert len(list(tmp_path.iterdir())) == 1
    remove_unfinished()
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(StoreError):
        writing.__exit__(None, None, None)
