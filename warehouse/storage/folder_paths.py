"""The way from a key to a file: one segment at a time from the root, and never through a symbolic link.

`O_NOFOLLOW` on each segment makes the operating system itself refuse a link, also one that is swapped in
between a look and a use.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from warehouse.domain.records import ObjectInfo
from warehouse.errors import StoreUnavailable, Unaddressable

# Files are written here, then linked into place: a crash leaves its remains where no listing looks, and
# never in the data. At the root, since a link cannot leave its file system.
WORK_AREA = b".warehouse-tmp"

MAX_SEGMENT_BYTES = 255

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
# Opening a named pipe would wait for its writer.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def segments_of(operation: str, key: str) -> tuple[bytes, ...]:
    """The names on the way to a key. Raises Unaddressable for whatever a folder cannot hold."""
    try:
        segments = tuple(key.encode().split(b"/"))
    except UnicodeEncodeError:
        raise Unaddressable(operation, key, "not UTF-8") from None
    for segment in segments:
        if segment in (b"", b".", b"..") or b"\0" in segment:
            raise Unaddressable(operation, key, "an empty, dotted or NUL segment")
        if len(segment) > MAX_SEGMENT_BYTES:
            raise Unaddressable(operation, key, f"a segment of more than {MAX_SEGMENT_BYTES} bytes")
    if segments[0] == WORK_AREA:
        raise Unaddressable(operation, key, "the store's own work area")
    return segments


@contextmanager
def folder(root: Path, segments: Sequence[bytes], *, make: int | None = None) -> Iterator[int]:
    """A descriptor of the folder under `root`, created where it is missing with the mode that `make` gives.

    Raises OSError: ELOOP where a segment is a link, ENOTDIR where it is a file. Raises StoreUnavailable
    where the root itself cannot be opened.
    """
    descriptor = _open_root(root)
    try:
        for segment in segments:
            child = _open_child(descriptor, segment, make)
            os.close(descriptor)
            descriptor = child
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def regular_file(root: Path, segments: Sequence[bytes]) -> Iterator[tuple[int, os.stat_result]]:
    """A descriptor for reading, and its status. Raises OSError as `require_regular` does."""
    with folder(root, segments[:-1]) as parent:
        descriptor = os.open(segments[-1], _FILE, dir_fd=parent)
    try:
        status = os.fstat(descriptor)
        require_regular(status)
        yield descriptor, status
    finally:
        os.close(descriptor)


def require_regular(status: os.stat_result) -> None:
    """Refuse what is no plain file. Raises OSError: EISDIR for a folder, ELOOP for a link, pipe or device."""
    if stat.S_ISDIR(status.st_mode):
        raise OSError(errno.EISDIR, "a folder")
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.ELOOP, "a link, a pipe or a device")


def etag_of(status: os.stat_result) -> str:
    """Size and time of change tell versions of one file apart."""
    return f"{status.st_size}-{status.st_mtime_ns}"


def info_of(key: str, status: os.stat_result) -> ObjectInfo:
    """A file as an object."""
    try:
        changed = _EPOCH + timedelta(microseconds=status.st_mtime_ns // 1000)
    except OverflowError:
        # File systems hold years that a datetime does not.
        changed = datetime.max.replace(tzinfo=UTC)
    return ObjectInfo(key, status.st_size, etag_of(status), changed)


def _open_root(root: Path) -> int:
    try:
        return os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise StoreUnavailable("open", cause=unusable(error)) from None


def unusable(error: OSError) -> str:
    """Why the root cannot be used, and what to do."""
    sentences = {
        errno.ENOENT: "the folder does not exist; create it, or name another one",
        errno.ENOTDIR: "the path is not a folder; name another one",
        errno.EACCES: "the folder may not be read; check its permissions",
        errno.EPERM: "the folder may not be read; check its permissions",
    }
    code = errno.errorcode.get(error.errno or 0, "unknown")
    return sentences.get(error.errno or 0, f"the folder cannot be opened ({code}); check the file system")


def _open_child(parent: int, segment: bytes, make: int | None) -> int:
    try:
        return os.open(segment, _FOLDER, dir_fd=parent)
    except FileNotFoundError:
        if make is None:
            raise
    except NotADirectoryError:
        # Linux says ENOTDIR of a link that may not be followed, too.
        if stat.S_ISLNK(os.stat(segment, dir_fd=parent, follow_symlinks=False).st_mode):
            raise OSError(errno.ELOOP, "a symbolic link") from None
        raise
    with contextlib.suppress(FileExistsError):
        os.mkdir(segment, make, dir_fd=parent)
    os.fsync(parent)
    return os.open(segment, _FOLDER, dir_fd=parent)
